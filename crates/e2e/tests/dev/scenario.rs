//! The scenario that evenkeel exists for.

use std::time::Duration;

use anyhow::{bail, ensure};
use evenkeel_e2e::lab::{Lab, SETTLE, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};
use serde_json::json;

use evenkeel_e2e::graph::{
    answers, balanced_over, listener_with_pool, monitor, operating_statuses, shifted,
    until_operating,
};

/// One load balancer, listeners on two ports with two pools, one with a monitor and one without,
/// the same members in both.
#[tokio::test]
async fn a_dead_member_leaves_the_monitored_pool_and_is_still_tried_in_the_other()
-> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let two = Backend::start("two").await?;
    let mut three = Backend::start("three").await?;

    let load_balancer = lab.create_load_balancer("web").await?;
    let id = text(&load_balancer, "id")?;
    lab.until_active(&id).await?;
    ensure!(lab.haproxies()?.is_empty(), "a load balancer without listeners runs nothing");

    let (_, watched) = listener_with_pool(&lab, &id, 80, &[&one, &two, &three]).await?;
    let (_, trusted) = listener_with_pool(&lab, &id, 100, &[&one, &two, &three]).await?;
    monitor(&lab, &watched).await?;
    lab.until_active(&id).await?;

    let (eighty, hundred) = (shifted(&load_balancer, 80)?, shifted(&load_balancer, 100)?);
    balanced_over(eighty, &["one", "two", "three"], SETTLE).await?;
    balanced_over(hundred, &["one", "two", "three"], SETTLE).await?;
    let all_online = [("one", "ONLINE"), ("two", "ONLINE"), ("three", "ONLINE")];
    until_operating(&lab, &watched, &all_online).await?;

    three.stop().await;
    // delay × (max_retries_down + 1) + timeout, and what a busy machine takes on top.
    let in_time = Duration::from_secs(3);
    balanced_over(eighty, &["one", "two"], in_time + Duration::from_secs(5)).await?;
    until_operating(&lab, &watched, &[("one", "ONLINE"), ("two", "ONLINE"), ("three", "ERROR")])
        .await?;
    lab.until(&format!("/pools/{}", text(&watched, "id")?), "operating_status", "DEGRADED").await?;

    // Without a monitor nobody finds out: the dead member is tried, and another one answers.
    let seen = answers(hundred, 6).await?;
    ensure!(seen.values().sum::<usize>() == 6 && !seen.contains_key("503"), "{seen:?}");
    let trusted_statuses = operating_statuses(&lab, &trusted).await?;
    ensure!(trusted_statuses.values().all(|it| it == "NO_MONITOR"), "{trusted_statuses:?}");

    three.resume().await?;
    balanced_over(eighty, &["one", "two", "three"], SETTLE).await?;
    until_operating(&lab, &watched, &all_online).await?;

    lab.call("DELETE", &format!("/loadbalancers/{id}"), None).await?.expect(400)?;
    lab.call("DELETE", &format!("/loadbalancers/{id}?cascade=true"), None).await?.expect(204)?;
    lab.until_gone(&format!("/loadbalancers/{id}")).await?;
    eventually("nothing of it runs or answers", SETTLE, async || {
        ensure!(lab.haproxies()?.is_empty(), "{:?}", lab.haproxies()?);
        for vip in [eighty, hundred] {
            if http::get(vip, "/").await.is_ok() {
                bail!("{vip} answers");
            }
        }
        Ok(())
    })
    .await
}

/// The whole tree in one call, and statistics that are true.
#[tokio::test]
async fn one_call_makes_a_whole_tree_that_serves_and_counts() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let member = json!({"address": one.socket().ip(), "protocol_port": one.socket().port()});
    let tree = json!({"loadbalancer": {
        "name": "tree", "vip_subnet_id": lab.vip_subnet().await?,
        "listeners": [{
            "name": "http", "protocol": "HTTP", "protocol_port": 80,
            "insert_headers": {"X-Forwarded-For": "true", "X-Forwarded-Port": "true"},
            "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "LEAST_CONNECTIONS",
                "members": [member],
            },
        }],
    }});
    let load_balancer = lab.create("/loadbalancers", tree).await?;
    ensure!(load_balancer["listeners"][0]["name"] == "http", "{load_balancer}");
    ensure!(load_balancer["pools"][0]["members"][0]["weight"] == 1, "{load_balancer}");
    let id = text(&load_balancer, "id")?;
    lab.until_active(&id).await?;

    let vip = shifted(&load_balancer, 80)?;
    let shown = http::request(vip, "GET", "/headers", &["X-Forwarded-Port: 6".to_owned()], None)
        .await?
        .expect(200)?
        .body
        .to_ascii_lowercase();
    ensure!(shown.contains("x-forwarded-for: 127."), "{shown}");
    ensure!(shown.contains("x-forwarded-port: 80\r\n"), "{shown}");
    ensure!(!shown.contains("x-forwarded-port: 6\r\n"), "{shown}");

    for _ in 0..9 {
        http::get(vip, "/").await?.expect(200)?;
    }
    eventually("the statistics count ten connections", SETTLE, async || {
        let stats = lab.show(&format!("/loadbalancers/{id}/stats")).await?;
        ensure!(stats["total_connections"] == 10, "{stats}");
        ensure!(stats["bytes_in"].as_u64() > Some(0) && stats["bytes_out"].as_u64() > Some(0));
        Ok(())
    })
    .await?;
    lab.until(&format!("/loadbalancers/{id}"), "operating_status", "ONLINE").await?;
    Ok(())
}

/// Weight 0 drains, a disabled member is out, a disabled load balancer closes its ports.
#[tokio::test]
async fn weights_and_switches_are_obeyed_at_every_level() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let two = Backend::start("two").await?;
    let (load_balancer, pool, vip) = evenkeel_e2e::graph::serving(&lab, &[&one, &two]).await?;
    let id = text(&load_balancer, "id")?;
    let before = lab.haproxies()?;
    let pool_path = format!("/pools/{}", text(&pool, "id")?);
    let members = lab.call("GET", &format!("{pool_path}/members"), None).await?.json();
    let second = members["members"]
        .as_array()
        .and_then(|members| members.iter().find(|member| member["name"] == "two").cloned())
        .unwrap_or_default();
    let member_path = format!("{pool_path}/members/{}", text(&second, "id")?);

    for change in [json!({"weight": 0}), json!({"weight": 1, "admin_state_up": false})] {
        lab.call("PUT", &member_path, Some(json!({"member": change}))).await?.expect(200)?;
        balanced_over(vip, &["one"], SETTLE).await?;
    }
    let enabled = json!({"member": {"admin_state_up": true}});
    lab.call("PUT", &member_path, Some(enabled)).await?.expect(200)?;
    balanced_over(vip, &["one", "two"], SETTLE).await?;
    ensure!(lab.haproxies()? == before, "weights and switches need no new process");

    let disabled = json!({"loadbalancer": {"admin_state_up": false}});
    let path = format!("/loadbalancers/{id}");
    lab.call("PUT", &path, Some(disabled)).await?.expect(200)?;
    lab.until_active(&id).await?;
    lab.until(&path, "operating_status", "OFFLINE").await?;
    eventually("the VIP is closed", SETTLE, async || match http::get(vip, "/").await {
        Ok(answer) => bail!("{answer:?}"),
        Err(_) => Ok(()),
    })
    .await
}
