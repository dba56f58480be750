//! Killing evenkeel: traffic goes on, nothing acknowledged is lost, nothing is left behind.

use std::time::Duration;

use anyhow::{bail, ensure};
use evenkeel_e2e::lab::{Lab, Plan, SETTLE, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};

use evenkeel_e2e::graph::{balanced_over, listener_with_pool, serving, shifted};

fn keeping() -> Plan {
    Plan { keep: true, ..Plan::default() }
}

#[tokio::test]
async fn a_killed_evenkeel_leaves_haproxy_serving_and_finds_it_again() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let one = Backend::start("one").await?;
    let two = Backend::start("two").await?;
    let (load_balancer, pool, vip) = serving(&lab, &[&one]).await?;
    let before = lab.haproxies()?;
    ensure!(before.len() == 1, "{before:?}");

    lab.kill().await?;
    balanced_over(vip, &["one"], Duration::from_secs(5)).await?;
    lab.restart(&[]).await?;
    lab.until_active(&text(&load_balancer, "id")?).await?;
    balanced_over(vip, &["one"], SETTLE).await?;
    ensure!(lab.haproxies()? == before, "the restart touched the data path");

    evenkeel_e2e::graph::add_member(&lab, &pool, &two).await?;
    balanced_over(vip, &["one", "two"], SETTLE).await?;
    Ok(())
}

#[tokio::test]
async fn without_data_the_haproxies_end_with_the_process() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    serving(&lab, &[&one]).await?;
    lab.kill().await?;
    eventually("no HAProxy is left", SETTLE, async || {
        ensure!(lab.haproxies()?.is_empty(), "{:?}", lab.haproxies()?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_acknowledged_write_survives_a_kill() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        for number in 0..4 {
            let name = format!("lb-{round}-{number}");
            acknowledged.push(text(&lab.create_load_balancer(&name).await?, "id")?);
        }
        lab.kill().await?;
        lab.restart(&[]).await?;
    }
    for id in &acknowledged {
        lab.until_active(id).await?;
    }
    Ok(())
}

/// Each step of building up and of taking down, interrupted in its middle.
#[tokio::test]
async fn a_kill_inside_any_step_is_mended_by_the_next_start() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let one = Backend::start("one").await?;
    let build = ["graph-staged", "graph-written", "directory-made", "plugged", "applied", "noted"];
    for point in build {
        lab.kill().await?;
        lab.restart(&[("EVENKEEL_FAILPOINT", point)]).await?;
        let load_balancer = lab.create_load_balancer(point).await?;
        let id = text(&load_balancer, "id")?;
        // The abort may come before the last of these is answered; what was answered is enough.
        let _ = listener_with_pool(&lab, &id, 80, &[&one]).await;
        lab.ended(SETTLE).await?;
        lab.restart(&[]).await?;
        lab.until_active(&id).await?;
        let listeners = lab.show(&format!("/loadbalancers/{id}")).await?["listeners"].clone();
        ensure!(listeners.as_array().is_some_and(|it| !it.is_empty()), "{listeners}");
        let vip = shifted(&load_balancer, 80)?;
        eventually("the VIP answers", SETTLE, async || http::get(vip, "/").await.map(drop)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_kill_inside_the_removal_is_mended_by_the_next_start() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let one = Backend::start("one").await?;
    for point in ["leaving", "driver-removed", "unplugged", "directory-removed", "forgotten"] {
        let (load_balancer, _, vip) = serving(&lab, &[&one]).await?;
        let path = format!("/loadbalancers/{}", text(&load_balancer, "id")?);
        lab.kill().await?;
        lab.restart(&[("EVENKEEL_FAILPOINT", point)]).await?;
        lab.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
        lab.ended(SETTLE).await?;
        lab.restart(&[]).await?;
        lab.until_gone(&path).await?;
        eventually("nothing of it is left", SETTLE, async || {
            ensure!(lab.haproxies()?.is_empty(), "{:?}", lab.haproxies()?);
            if http::get(vip, "/").await.is_ok() {
                bail!("{vip} answers");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_haproxy_is_back_at_once() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (_, _, vip) = serving(&lab, &[&one]).await?;
    for _ in 0..3 {
        let before = lab.haproxies()?;
        before.iter().copied().for_each(evenkeel_e2e::lab::kill);
        eventually("another HAProxy serves", SETTLE, async || {
            let now = lab.haproxies()?;
            ensure!(!now.is_empty() && now != before, "{now:?}");
            http::get(vip, "/").await?.expect(200).map(drop)
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deleted_listener_and_pool_leave_the_rest_serving() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (load_balancer, pool, vip) = serving(&lab, &[&one]).await?;
    let id = text(&load_balancer, "id")?;
    let (second, _) = listener_with_pool(&lab, &id, 81, &[&one]).await?;
    lab.until_active(&id).await?;
    let path = format!("/listeners/{}", text(&second, "id")?);
    lab.call("DELETE", &path, None).await?.expect(204)?;
    lab.until_gone(&path).await?;
    balanced_over(vip, &["one"], SETTLE).await?;

    let path = format!("/pools/{}", text(&pool, "id")?);
    lab.call("DELETE", &path, None).await?.expect(204)?;
    lab.until_gone(&path).await?;
    let shown = lab.call("GET", "/listeners", None).await?.json();
    ensure!(shown["listeners"][0]["default_pool_id"].is_null(), "{shown}");
    http::get(vip, "/").await?.expect(503)?;
    Ok(())
}
