//! Building graphs over the API, and looking at what serves them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::api::{Api, SETTLE, text};
use crate::member::Backend;
use crate::{eventually, http};

/// The socket at which a port under 1024 of a VIP is served.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub fn shifted(load_balancer: &Value, port: u16) -> anyhow::Result<SocketAddr> {
    let vip: IpAddr = text(load_balancer, "vip_address")?.parse()?;
    Ok(SocketAddr::new(vip, if port < 1024 { port + 8000 } else { port }))
}

/// A listener with a pool of these members.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn listener_with_pool(
    api: &Api,
    load_balancer: &str,
    port: u16,
    members: &[&Backend],
) -> anyhow::Result<(Value, Value)> {
    let listener = api
        .create(
            "/listeners",
            json!({"listener": {
                "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": port,
                "insert_headers": {"X-Forwarded-For": "true"},
            }}),
        )
        .await?;
    let pool = api
        .create(
            "/pools",
            json!({"pool": {
                "listener_id": listener["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            }}),
        )
        .await?;
    for member in members {
        add_member(api, &pool, member).await?;
    }
    Ok((listener, pool))
}

/// One more member.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn add_member(api: &Api, pool: &Value, member: &Backend) -> anyhow::Result<Value> {
    let path = format!("/pools/{}/members", text(pool, "id")?);
    let socket = member.socket();
    let body = json!({"member": {
        "name": member.name(), "address": socket.ip(), "protocol_port": socket.port(),
    }});
    api.create(&path, body).await
}

/// An HTTP monitor that asks every second and needs one failure or one success.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn monitor(api: &Api, pool: &Value) -> anyhow::Result<Value> {
    let body = json!({"healthmonitor": {
        "pool_id": pool["id"], "type": "HTTP", "delay": 1, "timeout": 1,
        "max_retries": 1, "max_retries_down": 1, "url_path": "/", "expected_codes": "200",
    }});
    api.create("/healthmonitors", body).await
}

/// Who answers `count` requests, and how often.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn answers(vip: SocketAddr, count: usize) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let answer = http::get(vip, "/").await?;
        let who = if answer.status == 200 { answer.body } else { answer.status.to_string() };
        *seen.entry(who).or_default() += 1;
    }
    Ok(seen)
}

/// Waits until exactly these answer, each as often as the others.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn balanced_over(
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
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn operating_statuses(
    api: &Api,
    pool: &Value,
) -> anyhow::Result<BTreeMap<String, String>> {
    let path = format!("/pools/{}/members", text(pool, "id")?);
    let members = api.call("GET", &path, None).await?.expect(200)?.json();
    let members = members["members"].as_array().cloned().context("no list")?;
    members.iter().map(|it| Ok((text(it, "name")?, text(it, "operating_status")?))).collect()
}

/// Waits until the members of a pool have these operating statuses.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn until_operating(
    api: &Api,
    pool: &Value,
    wanted: &[(&str, &str)],
) -> anyhow::Result<()> {
    let wanted: BTreeMap<String, String> =
        wanted.iter().map(|(name, status)| (name.to_string(), status.to_string())).collect();
    eventually("the members' operating statuses", SETTLE, async || {
        let seen = operating_statuses(api, pool).await?;
        ensure!(seen == wanted, "{seen:?}");
        Ok(())
    })
    .await
}

/// A load balancer with one listener on port 80 and these members, served.
///
/// # Errors
///
/// The service refuses, or nobody answers; the message has what was seen.
pub async fn serving(
    api: &Api,
    members: &[&Backend],
) -> anyhow::Result<(Value, Value, SocketAddr)> {
    let load_balancer = api.create_load_balancer("web").await?;
    let id = text(&load_balancer, "id")?;
    let (_, pool) = listener_with_pool(api, &id, 80, members).await?;
    api.until_active(&id).await?;
    let vip = shifted(&load_balancer, 80)?;
    let names: Vec<&str> = members.iter().map(|member| member.name()).collect();
    balanced_over(vip, &names, SETTLE).await?;
    Ok((load_balancer, pool, vip))
}
