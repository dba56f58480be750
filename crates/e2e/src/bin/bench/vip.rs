//! How long until a VIP in a namespace answers from another one.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{bail, ensure};
use evenkeel_e2e::api::text;
use evenkeel_e2e::net::stage::{NEAR_SUBNET, vip};
use evenkeel_e2e::net::{Place, Stage, Switch};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::figures::{Rounds, Row, ms};
use crate::number;

/// Listener created → the VIP answers, each time with a namespace that is made for it.
pub(crate) async fn first_answer() -> anyhow::Result<Vec<Row>> {
    let rounds = number("EVENKEEL_BENCH_ROUNDS", 20);
    let stage = Stage::set(Switch::Bridge).await?;
    let mut all = Rounds::default();
    let mut haproxy = Rounds::default();
    for round in 0..=rounds {
        let load_balancer = stage.load_balancer("bench", NEAR_SUBNET, "2.2.2.20").await?;
        let id = text(&load_balancer, "id")?;
        stage.node.until_active(&id).await?;
        let start = Instant::now();
        stage.node.create("/listeners", listener(&id)).await?;
        until_answer(&stage.client, vip(&load_balancer, 80)?).await?;
        let took = start.elapsed();
        stage.node.until_active(&id).await?;
        let alone = haproxy_alone(&stage, &id, &load_balancer).await?;
        stage.delete(&id).await?;
        // The first round warms the page cache for both.
        if round > 0 {
            all.push(took);
            haproxy.push(alone);
        }
    }
    ensure!(all.count() > 0, "no round was measured");
    Ok(vec![Row {
        what: "listener created → VIP answers from another namespace".to_owned(),
        aim: "p50 ≤ 200 ms".to_owned(),
        measured: format!("p50 {}, p95 {}", ms(all.median()), ms(all.percentile(95))),
        compared: format!(
            "a HAProxy with a minimal file, alone: p50 {}, p95 {}",
            ms(haproxy.median()),
            ms(haproxy.percentile(95))
        ),
        met: all.median() <= Duration::from_millis(200),
    }])
}

/// An HTTP listener that answers by itself: 503, without a pool.
fn listener(load_balancer: &str) -> Value {
    json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 80,
    }})
}

/// Asks without a pause until somebody answers, whatever he says.
async fn until_answer(from: &Place, vip: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // A packet to a VIP that is not there yet is not sent again for a second.
        let answer = tokio::time::timeout(Duration::from_millis(20), from.get(vip, "/")).await;
        match answer {
            Ok(Ok(_)) => return Ok(()),
            seen if Instant::now() > deadline => bail!("{vip} does not answer: {seen:?}"),
            _ => tokio::task::yield_now().await,
        }
    }
}

/// From the start of a HAProxy with a minimal file, in the VIP's namespace on another port,
/// to its first answer.
async fn haproxy_alone(stage: &Stage, id: &str, load_balancer: &Value) -> anyhow::Result<Duration> {
    let place = Place::named(&format!("qlbaas-{id}"))?;
    let vip: std::net::IpAddr = text(load_balancer, "vip_address")?.parse()?;
    let file = tempfile::NamedTempFile::new()?;
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 50s\n timeout server 50s\n\
         frontend bench\n bind {vip}:81\n"
    );
    std::fs::write(file.path(), text)?;
    let start = Instant::now();
    let mut process = tokio::process::Command::new("ip")
        .args(["netns", "exec", place.name(), "haproxy", "-db", "-f"])
        .arg(file.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    until_answer(&stage.client, SocketAddr::new(vip, 81)).await?;
    let took = start.elapsed();
    process.kill().await?;
    Ok(took)
}
