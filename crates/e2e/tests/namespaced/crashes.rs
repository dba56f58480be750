//! HAProxies that end by themselves: once, again and again, or as soon as they are started.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::api::SETTLE;
use evenkeel_e2e::net::command::run;
use evenkeel_e2e::net::node::Plan;
use evenkeel_e2e::net::{Stage, Switch, haproxies, lab};
use evenkeel_e2e::{eventually, lab as process};
use tokio::time::Instant;

use crate::scenario::gone;
use crate::served::Served;

/// Where the programs are while they do not work.
const PROGRAM: &str = "/usr/sbin/haproxy";
const WHOLE: &str = "/run/whole/haproxy";
const BROKEN: &str = "/run/whole/broken";

/// A line for each start of what does not work: seconds since 1970.
const STARTS: &str = "/run/whole/starts";

/// The HAProxy of a load balancer: it works in the directory of its site.
fn haproxy_of(served: &Served) -> anyhow::Result<Option<u32>> {
    let is_its = |pid: &u32| {
        let place = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        place.iter().any(|part| part.to_str() == Some(&served.id))
    };
    Ok(haproxies()?.into_iter().find(is_its))
}

/// How long nobody answers when its HAProxy is killed.
async fn outage(stage: &Stage, served: &Served, within: Duration) -> anyhow::Result<Duration> {
    let killed = haproxy_of(served)?.context("nothing serves")?;
    let since = Instant::now();
    process::kill(killed);
    eventually("another HAProxy answers", within, async || {
        ensure!(haproxy_of(served)?.is_some_and(|pid| pid != killed), "the old one is there");
        stage.client.get(served.vip, "/").await?.expect(200).map(drop)
    })
    .await?;
    Ok(since.elapsed())
}

/// Waits until the agent has seen what now serves it: what ends before that has never served, and is
/// tried again as any step that fails.
async fn noticed(stage: &Stage, served: &Served) -> anyhow::Result<()> {
    let connections = async || -> anyhow::Result<u64> {
        let counted = stage.node.show(&format!("/loadbalancers/{}/stats", served.id)).await?;
        counted["total_connections"].as_u64().context("no number")
    };
    let before = connections().await?;
    stage.client.get(served.vip, "/").await?.expect(200)?;
    eventually("the agent counts a connection", SETTLE, async || {
        ensure!(connections().await? > before, "still {before}");
        Ok(())
    })
    .await
}

/// From the kill to an answer on a new connection. Whoever else runs on the machine can only make
/// it longer, so that the shortest of three outages counts; all are held to a generous bound. Only
/// its end tells the agent, which would not look for half a minute.
#[test]
fn a_killed_haproxy_is_back_within_a_second() {
    lab(async || {
        let plan = Plan { recheck: 30.0, observe: 30.0, ..Plan::default() };
        let stage = Stage::set_with(Switch::Bridge, &plan).await?;
        let mut outages = Vec::new();
        for last in 20..23 {
            // Each has not ended before, so that it is started again without a pause.
            let served = Served::at(&stage, &format!("2.2.2.{last}")).await?;
            outages.push(outage(&stage, &served, Duration::from_secs(5)).await?);
        }
        let shortest = outages.iter().min().context("there were three")?;
        ensure!(*shortest <= Duration::from_secs(1), "{outages:?}");
        Ok(())
    });
}

/// What ends again and again is started after ever longer pauses, says so, and disturbs nobody.
#[test]
fn a_haproxy_that_ends_again_and_again_is_started_ever_more_slowly() {
    lab(async || {
        let stage = Stage::set(Switch::Bridge).await?;
        let before = stage.snapshot().await?;
        let (served, other) =
            (Served::at(&stage, "2.2.2.20").await?, Served::at(&stage, "2.2.2.21").await?);
        let undisturbed = haproxy_of(&other)?;
        let mut outages = Vec::new();
        for _ in 0..4 {
            outages.push(outage(&stage, &served, SETTLE).await?);
            stage.client.get(other.vip, "/").await?.expect(200)?;
            noticed(&stage, &served).await?;
        }
        // The first is back at once; then there are growing pauses.
        for (outage, pause) in outages.iter().zip([0, 250, 500, 1000]) {
            ensure!(*outage >= Duration::from_millis(pause), "{outages:?}");
        }
        let last = haproxy_of(&served)?.context("nothing serves")?;
        process::kill(last);
        let path = format!("/loadbalancers/{}", served.id);
        stage.node.until(&path, "operating_status", "ERROR").await?;
        let late = Served::at(&stage, "2.2.2.22").await?;
        ensure!(haproxy_of(&other)? == undisturbed, "the other was disturbed");
        served.answers(&stage).await?;
        stage.node.until(&path, "operating_status", "ONLINE").await?;
        for each in [served, other, late] {
            stage.delete(&each.id).await?;
        }
        gone(&stage, &before).await
    });
}

/// From now on the HAProxy of this load balancer dies as soon as it is started, that of others not.
async fn breaks(served: &Served) -> anyhow::Result<()> {
    let directory = Path::new(WHOLE).parent().context("it is in a directory")?;
    fs::create_dir_all(directory)?;
    fs::copy(PROGRAM, WHOLE)?;
    let script = format!(
        "#!/bin/sh\ncase $PWD in *{}*) date +%s.%N >> {STARTS}; kill -SEGV $$;; esac\n\
         exec {WHOLE} \"$@\"\n",
        served.id
    );
    fs::write(BROKEN, script)?;
    fs::set_permissions(BROKEN, Permissions::from_mode(0o755))?;
    // In this mount namespace only.
    run(&format!("mount --bind {BROKEN} {PROGRAM}")).await.map(drop)
}

/// When what does not work was started, in seconds since 1970.
fn starts() -> anyhow::Result<Vec<f64>> {
    let lines = fs::read_to_string(STARTS).unwrap_or_default();
    lines.lines().map(|line| Ok(line.parse()?)).collect()
}

/// A HAProxy that dies of its own as soon as it is started: its load balancer tells the reason,
/// others neither end nor wait, and once it works again so does the load balancer.
#[test]
fn a_haproxy_that_dies_at_once_is_told_of_and_healed() {
    lab(async || {
        let plan = Plan { pending: 3.0, ..Plan::default() };
        let stage = Stage::set_with(Switch::Bridge, &plan).await?;
        let before = stage.snapshot().await?;
        let other = Served::at(&stage, "2.2.2.21").await?;
        let undisturbed = haproxy_of(&other)?;
        let served = Served::empty(&stage, "2.2.2.20").await?;
        breaks(&served).await?;
        served.listen(&stage).await?;
        let path = format!("/loadbalancers/{}", served.id);
        let told = stage.node.until(&path, "provisioning_status", "ERROR").await?;
        let reason = told["status_reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("HAProxy ended as soon as it was started"), "{told}");
        // Others come to be meanwhile, and stay.
        let late = Served::at(&stage, "2.2.2.22").await?;
        stage.client.get(other.vip, "/").await?.expect(200)?;
        ensure!(haproxy_of(&other)? == undisturbed, "the other was disturbed");
        // Each change is tried at once; the last of them then after 1, 2, 4 … seconds.
        eventually("pauses grow", SETTLE, async || {
            let tries = starts()?;
            let mut pauses = tries.windows(2).map(|pair| pair[1] - pair[0]);
            ensure!(pauses.next_back().is_some_and(|last| last >= 2.0), "{tries:?}");
            Ok(())
        })
        .await?;
        run(&format!("umount {PROGRAM}")).await?;
        served.answers(&stage).await?;
        for each in [served, other, late] {
            stage.delete(&each.id).await?;
        }
        gone(&stage, &before).await
    });
}
