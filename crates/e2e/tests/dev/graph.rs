//! Building graphs over the API, and looking at what serves them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::lab::{Lab, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};
use serde_json::{Value, json};

/// The socket at which a port under 1024 of a VIP is served.
pub(crate) fn shifted(load_balancer: &Value, port: u16) -> anyhow::Result<SocketAddr> {
    let vip: IpAddr = text(load_balancer, "vip_address")?.parse()?;
    Ok(SocketAddr::new(vip, if port < 1024 { port + 8000 } else { port }))
}

/// A listener with a pool of these members.
pub(crate) async fn listener_with_pool(
    lab: &Lab,
    load_balancer: &str,
    port: u16,
    members: &[&Backend],
) -> anyhow::Result<(Value, Value)> {
    let listener = lab
        .create(
            "/listeners",
            json!({"listener": {
                "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": port,
            }}),
        )
        .await?;
    let pool = lab
        .create(
            "/pools",
            json!({"pool": {
                "listener_id": listener["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            }}),
        )
        .await?;
    for member in members {
        add_member(lab, &pool, member).await?;
    }
    Ok((listener, pool))
}

/// One more member.
pub(crate) async fn add_member(lab: &Lab, pool: &Value, member: &Backend) -> anyhow::Result<Value> {
    let path = format!("/pools/{}/members", text(pool, "id")?);
    let socket = member.socket();
    let body = json!({"member": {
        "name": member.name(), "address": socket.ip(), "protocol_port": socket.port(),
    }});
    lab.create(&path, body).await
}

/// An HTTP monitor that asks every second and needs one failure or one success.
pub(crate) async fn monitor(lab: &Lab, pool: &Value) -> anyhow::Result<Value> {
    let body = json!({"healthmonitor": {
        "pool_id": pool["id"], "type": "HTTP", "delay": 1, "timeout": 1,
        "max_retries": 1, "max_retries_down": 1, "url_path": "/", "expected_codes": "200",
    }});
    lab.create("/healthmonitors", body).await
}

/// Who answers `count` requests, and how often.
pub(crate) async fn answers(
    vip: SocketAddr,
    count: usize,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let answer = http::get(vip, "/").await?;
        let who = if answer.status == 200 { answer.body } else { answer.status.to_string() };
        *seen.entry(who).or_default() += 1;
    }
    Ok(seen)
}

/// Waits until exactly these answer, each as often as the others.
pub(crate) async fn balanced_over(
    vip: SocketAddr,
    names: &[&str],
    within: Duration,
) -> anyhow::Result<()> {
    let expected: BTreeMap<String, usize> =
        names.iter().map(|name| (name.to_string(), 4)).collect();
    eventually(&format!("{vip} is balanced over {names:?}"), within, async || {
        let seen = answers(vip, 4 * names.len()).await?;
        ensure!(seen == expected, "{seen:?}");
        Ok(())
    })
    .await
}

/// The members of a pool by name, with their operating status.
pub(crate) async fn operating_statuses(
    lab: &Lab,
    pool: &Value,
) -> anyhow::Result<BTreeMap<String, String>> {
    let path = format!("/pools/{}/members", text(pool, "id")?);
    let members = lab.call("GET", &path, None).await?.expect(200)?.json();
    let members = members["members"].as_array().cloned().context("no list")?;
    members.iter().map(|it| Ok((text(it, "name")?, text(it, "operating_status")?))).collect()
}

/// Waits until the members of a pool have these operating statuses.
pub(crate) async fn until_operating(
    lab: &Lab,
    pool: &Value,
    wanted: &[(&str, &str)],
) -> anyhow::Result<()> {
    let wanted: BTreeMap<String, String> =
        wanted.iter().map(|(name, status)| (name.to_string(), status.to_string())).collect();
    eventually("the members' operating statuses", evenkeel_e2e::lab::SETTLE, async || {
        let seen = operating_statuses(lab, pool).await?;
        ensure!(seen == wanted, "{seen:?}");
        Ok(())
    })
    .await
}

/// A load balancer with one listener on port 80 and these members, served.
pub(crate) async fn serving(
    lab: &Lab,
    members: &[&Backend],
) -> anyhow::Result<(Value, Value, SocketAddr)> {
    let load_balancer = lab.create_load_balancer("web").await?;
    let id = text(&load_balancer, "id")?;
    let (_, pool) = listener_with_pool(lab, &id, 80, members).await?;
    lab.until_active(&id).await?;
    let vip = shifted(&load_balancer, 80)?;
    let names: Vec<&str> = members.iter().map(|member| member.name()).collect();
    balanced_over(vip, &names, evenkeel_e2e::lab::SETTLE).await?;
    Ok((load_balancer, pool, vip))
}
