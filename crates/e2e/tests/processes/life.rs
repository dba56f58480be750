//! Both processes come and go; what is served is served on.

use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::eventually;
use evenkeel_e2e::lab::SETTLE;

use crate::pair::{Pair, kill, terminate};

#[tokio::test]
async fn an_agent_that_was_killed_comes_back_and_starts_nothing() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let web = pair.serve("web").await?;
    let before = pair.haproxies();
    kill(&mut pair.agent).await?;
    pair.answers(&web).await?;
    fs::write(pair.path("agent.log"), "")?;
    pair.start_agent().await?;
    let line = eventually("all is in sync", SETTLE, async || {
        let log = pair.log("agent");
        let line = log.lines().find(|line| line.contains("in sync")).map(ToOwned::to_owned);
        line.context(log)
    })
    .await?;
    for expected in ["load_balancers=1", "netlink_writes=0", "starts=0"] {
        ensure!(line.contains(expected), "{line}");
    }
    ensure!(!pair.log("agent").contains("step taken"), "{}", pair.log("agent"));
    ensure!(pair.haproxies() == before, "another HAProxy serves");
    pair.serve("more").await?;
    Ok(())
}

#[tokio::test]
async fn a_control_plane_that_was_killed_comes_back_and_goes_on() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let web = pair.serve("web").await?;
    let before = pair.haproxies();
    kill(&mut pair.server).await?;
    pair.answers(&web).await?;
    pair.start_server().await?;
    pair.log_in().await?;
    pair.serve("more").await?;
    ensure!(before.iter().all(|pid| pair.haproxies().contains(pid)), "web was started anew");
    Ok(())
}

#[tokio::test]
async fn a_socket_that_was_removed_is_made_anew() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    fs::remove_file(pair.socket())?;
    let there = async || fs::metadata(pair.socket()).map(drop).map_err(Into::into);
    eventually("the socket is there again", Duration::from_secs(10), there).await?;
    kill(&mut pair.agent).await?;
    pair.start_agent().await?;
    pair.serve("web").await?;
    Ok(())
}

#[tokio::test]
async fn both_end_when_they_are_told_to_and_haproxy_serves_on() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let web = pair.serve("web").await?;
    terminate(&mut pair.agent).await?;
    terminate(&mut pair.server).await?;
    ensure!(!pair.socket().exists(), "the socket was left behind");
    pair.answers(&web).await
}
