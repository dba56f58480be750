//! How long until traffic flows: a new load balancer, and a new member.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use evenkeel_e2e::lab::{Lab, Plan, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;

use crate::figures::{Rounds, Row, ms};
use crate::place::configuration;

const ROUNDS: usize = 20;

/// Full-tree create → first 200 from the VIP, next to HAProxy's own start with the same file.
pub(crate) async fn first_answer() -> anyhow::Result<Vec<Row>> {
    let lab = Lab::with(Plan { keep: true, ..Plan::default() }).await?;
    let member = Backend::start("one").await?;
    let (mut ours, mut bare) = (Rounds::default(), Rounds::default());
    for round in 0..=ROUNDS {
        let body = tree(&lab, &member).await?;
        let start = Instant::now();
        let load_balancer = lab.create("/loadbalancers", body).await?;
        let vip = SocketAddr::new(text(&load_balancer, "vip_address")?.parse()?, 8080);
        until_200(vip).await?;
        let took = start.elapsed();
        let id = text(&load_balancer, "id")?;
        lab.until_active(&id).await?;
        let file = configuration(&lab.data(), &id)?;
        let path = format!("/loadbalancers/{id}");
        lab.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
        lab.until_gone(&path).await?;
        let alone = haproxy_alone(&file, vip).await?;
        // The first round warms the page cache for both.
        if round > 0 {
            ours.push(took);
            bare.push(alone);
        }
    }
    let ratio = ours.median().as_secs_f64() / bare.median().as_secs_f64();
    Ok(vec![Row {
        what: "full-tree create → first 200 from the VIP".to_owned(),
        aim: "≤ 1.3 × HAProxy's own start".to_owned(),
        measured: format!(
            "{ratio:.2} × (p50 {}, p99 {})",
            ms(ours.median()),
            ms(ours.percentile(99))
        ),
        compared: format!("`haproxy` with the same file: p50 {}", ms(bare.median())),
        met: ratio <= 1.3,
    }])
}

async fn tree(lab: &Lab, member: &Backend) -> anyhow::Result<Value> {
    let socket = member.socket();
    Ok(json!({"loadbalancer": {
        "name": "bench", "vip_subnet_id": lab.vip_subnet().await?,
        "listeners": [{
            "name": "http", "protocol": "HTTP", "protocol_port": 8080,
            "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "members": [{"address": socket.ip(), "protocol_port": socket.port()}],
            },
        }],
    }}))
}

/// Asks without a pause until the VIP answers 200.
async fn until_200(vip: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match http::get(vip, "/").await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            seen if Instant::now() > deadline => bail!("{vip} does not answer: {seen:?}"),
            _ => tokio::time::sleep(Duration::from_micros(200)).await,
        }
    }
}

/// From the start of a HAProxy with this file to its first 200.
async fn haproxy_alone(file: &str, vip: SocketAddr) -> anyhow::Result<Duration> {
    let place = tempfile::tempdir()?;
    let path = place.path().join("haproxy.cfg");
    std::fs::write(&path, file)?;
    std::fs::write(place.path().join("servers.state"), "1\n")?;
    std::fs::create_dir(place.path().join("jail"))?;
    let start = Instant::now();
    let mut process = Command::new("/usr/sbin/haproxy")
        .args(["-db", "-f", "../haproxy.cfg"])
        .current_dir(place.path().join("jail"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("haproxy is missing")?;
    until_200(vip).await?;
    let took = start.elapsed();
    process.kill().await?;
    Ok(took)
}

/// Member added → first request to it.
pub(crate) async fn member_added() -> anyhow::Result<Vec<Row>> {
    let lab = Lab::start().await?;
    let first = Backend::start("first").await?;
    let load_balancer = lab.create("/loadbalancers", tree(&lab, &first).await?).await?;
    let vip = SocketAddr::new(text(&load_balancer, "vip_address")?.parse()?, 8080);
    let pool = text(&load_balancer["pools"][0], "id")?;
    until_200(vip).await?;
    lab.until_active(&text(&load_balancer, "id")?).await?;
    let mut rounds = Rounds::default();
    for round in 0..=ROUNDS {
        let member = Backend::start("next").await?;
        let (address, port) = (member.socket().ip(), member.socket().port());
        let body = json!({"member": {"address": address, "protocol_port": port}});
        let path = format!("/pools/{pool}/members");
        let start = Instant::now();
        let created = lab.create(&path, body).await?;
        while member.requests() == 0 {
            http::get(vip, "/").await?.expect(200)?;
            ensure!(start.elapsed() < Duration::from_secs(30), "the member gets no request");
        }
        if round > 0 {
            rounds.push(start.elapsed());
        }
        let path = format!("{path}/{}", text(&created, "id")?);
        lab.call("DELETE", &path, None).await?.expect(204)?;
        lab.until_gone(&path).await?;
        eventually("only the first member is left", Duration::from_secs(10), async || {
            http::get(vip, "/").await?.expect(200).map(drop)
        })
        .await?;
    }
    Ok(vec![Row {
        what: "member added → first request to it".to_owned(),
        aim: "p50 ≤ 20 ms".to_owned(),
        measured: format!("p50 {}, p99 {}", ms(rounds.median()), ms(rounds.percentile(99))),
        compared: format!("{} rounds, a client that asks without a pause", rounds.count()),
        met: rounds.median() <= Duration::from_millis(20),
    }])
}
