//! Many load balancers on one node.

use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::api::text;
use evenkeel_e2e::eventually;
use evenkeel_e2e::net::node::Plan;
use evenkeel_e2e::net::stage::WIDE_SUBNET;
use evenkeel_e2e::net::{Node, Switch, command, haproxies};
use serde_json::json;
use tokio::time::Instant;

use crate::figures::{Row, ms};
use crate::number;
use crate::proxy::memory;

/// How long everything may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Build, resync after an agent's restart, and memory of the agent.
pub(crate) async fn of_a_node() -> anyhow::Result<Vec<Row>> {
    let count = number("EVENKEEL_BENCH_LOAD_BALANCERS", 500);
    // Looked after as by default: otherwise the looks would be measured.
    let mut node = Node::start(&Switch::Bridge, &Plan { recheck: 30.0, ..Plan::default() }).await?;
    let built = build(&node, count).await?;
    let before = haproxies()?;
    node.kill_agent().await?;
    let logged = node.agent_log().len();
    let start = Instant::now();
    node.start_agent(&[])?;
    let line = eventually("the agent is in sync", PATIENCE, async || {
        let log = node.agent_log();
        let line = log[logged..].lines().find(|line| line.contains("in sync"));
        line.map(str::to_owned).context("not yet")
    })
    .await?;
    let resync = start.elapsed();
    ensure!(haproxies()? == before, "the restart touched HAProxies");
    let resident = memory(node.agent()?, "Rss")? / 1024.0;
    let is_idle = line.contains("netlink_writes=0") && line.contains("starts=0");
    Ok(vec![
        row(&format!("{count} load balancers on bridges: build"), "≤ 60 s", built, 60),
        Row {
            compared: format!("{} HAProxies untouched; the agent: `{line}`", before.len()),
            met: is_idle && resync <= Duration::from_secs(5),
            ..row("the same: resync after an agent's restart", "≤ 5 s, nothing written", resync, 5)
        },
        Row {
            what: "the same: memory of the agent".to_owned(),
            aim: "≤ 60 MB".to_owned(),
            measured: format!("{resident:.1} MB"),
            compared: String::new(),
            met: resident <= 60.0,
        },
    ])
}

fn row(what: &str, aim: &str, took: Duration, seconds: u64) -> Row {
    Row {
        what: what.to_owned(),
        aim: aim.to_owned(),
        measured: ms(took),
        compared: String::new(),
        met: took <= Duration::from_secs(seconds),
    }
}

/// From the first call to the last load balancer being ACTIVE.
async fn build(node: &Node, count: usize) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut made = Vec::new();
    for number in 0..count {
        let tree = json!({"loadbalancer": {
            "name": format!("bench-{number}"), "vip_subnet_id": WIDE_SUBNET,
            "listeners": [{"name": "http", "protocol": "HTTP", "protocol_port": 80}],
        }});
        made.push(text(&node.create("/loadbalancers", tree).await?, "id")?);
    }
    eventually("all are served", PATIENCE, async || {
        let target = "/loadbalancers?provisioning_status=PENDING_CREATE&fields=id";
        let pending = node.call("GET", target, None).await?.expect(200)?.json();
        let left = pending["loadbalancers"].as_array().map_or(0, Vec::len);
        ensure!(left == 0, "{left} are pending");
        Ok(())
    })
    .await?;
    let took = start.elapsed();
    ensure!(haproxies()?.len() == count, "{} HAProxies", haproxies()?.len());
    let names = command::run("ip netns list").await?;
    ensure!(names.lines().count() == made.len(), "namespaces:\n{names}");
    Ok(took)
}
