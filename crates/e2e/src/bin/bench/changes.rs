//! A thousand changes under load: nobody notices.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use evenkeel_e2e::http;
use evenkeel_e2e::lab::{Lab, text};
use evenkeel_e2e::load::{Clients, Load, Tally};
use evenkeel_e2e::member::Backend;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::figures::Row;

const CHANGES: usize = 1_000;
const KEPT: usize = 4;
const FRESH: usize = 2;

/// Weights, members that come and go, and listeners that come and go (which reload).
pub(crate) async fn under_load() -> anyhow::Result<Vec<Row>> {
    let lab = Lab::start().await?;
    let steady = Backend::start("steady").await?;
    let guest = Backend::start("guest").await?;
    let (load_balancer, vip) = build(&lab, &steady).await?;
    let pause = Duration::from_millis(1);
    let load = Load::start(vip, Clients { kept: KEPT, fresh: FRESH, patient: 0, pause });
    let start = Instant::now();
    change(&lab, &load_balancer, &guest).await?;
    let took = start.elapsed();
    lab.until_active(&text(&load_balancer, "id")?).await?;
    let Tally { answered, failed, reset, raced } = load.end().await;
    Ok(vec![Row {
        what: format!("{CHANGES} changes under load"),
        aim: "0 failed requests, 0 resets".to_owned(),
        measured: format!("{failed} failed, {reset} resets"),
        compared: format!(
            "{answered} requests on {KEPT} kept and {FRESH} fresh connections, {raced} idle ones \
             closed under a request; {:.0} changes/s",
            1_000.0 / took.as_secs_f64()
        ),
        met: failed == 0 && reset == 0,
    }])
}

async fn build(lab: &Lab, steady: &Backend) -> anyhow::Result<(Value, SocketAddr)> {
    let socket = steady.socket();
    let tree = json!({"loadbalancer": {
        "name": "bench", "vip_subnet_id": lab.vip_subnet().await?,
        "listeners": [{
            "name": "http", "protocol": "HTTP", "protocol_port": 8080,
            "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "members": [{"address": socket.ip(), "protocol_port": socket.port()}],
            },
        }],
    }});
    let load_balancer = lab.create("/loadbalancers", tree).await?;
    lab.until_active(&text(&load_balancer, "id")?).await?;
    let vip = SocketAddr::new(text(&load_balancer, "vip_address")?.parse()?, 8080);
    http::get(vip, "/").await?.expect(200)?;
    Ok((load_balancer, vip))
}

async fn change(lab: &Lab, load_balancer: &Value, guest: &Backend) -> anyhow::Result<()> {
    let id = text(load_balancer, "id")?;
    let pool = text(&load_balancer["pools"][0], "id")?;
    let members = format!("/pools/{pool}/members");
    let steady = text(&load_balancer["pools"][0]["members"][0], "id")?;
    let socket = guest.socket();
    let (mut guest_id, mut listener_id) = (None, None);
    for turn in 0..CHANGES {
        match turn % 10 {
            3 => {
                let body = json!({"member": {
                    "address": socket.ip(), "protocol_port": socket.port(),
                }});
                guest_id = Some(text(&lab.create(&members, body).await?, "id")?);
            }
            6 => {
                let guest = guest_id.take().context("the guest was added before")?;
                lab.call("DELETE", &format!("{members}/{guest}"), None).await?.expect(204)?;
            }
            8 if turn % 100 < 50 => {
                let body = json!({"listener": {
                    "loadbalancer_id": id, "protocol": "HTTP",
                    "protocol_port": 9000 + turn % 100, "default_pool_id": pool,
                }});
                let old: Option<String> =
                    listener_id.replace(text(&lab.create("/listeners", body).await?, "id")?);
                if let Some(old) = old {
                    lab.call("DELETE", &format!("/listeners/{old}"), None).await?.expect(204)?;
                }
            }
            _ => {
                let body = json!({"member": {"weight": 1 + turn % 200}});
                let path = format!("{members}/{steady}");
                lab.call("PUT", &path, Some(body)).await?.expect(200)?;
            }
        }
    }
    Ok(())
}
