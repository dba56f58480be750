//! VIPs that are reached from outside, and tenants who have chosen the same addresses.

use std::net::SocketAddr;

use anyhow::ensure;
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::graph::listener_with_pool;
use evenkeel_e2e::net::stage::{OUTER, TWIN, TWIN_SUBNET, segment, vip};
use evenkeel_e2e::net::{Place, Stage, Switch, lab};
use serde_json::json;

use crate::scenario::gone;
use crate::served::Served;
use crate::traffic::{balanced, unreachable};

/// From outside a floating address leads to the VIP, and members learn who asked; without it nobody
/// comes in.
async fn reached_from_outside(switch: Switch) -> anyhow::Result<()> {
    let stage = Stage::set(switch).await?;
    let outside = Place::new("outside").await?;
    stage.switch.plug(&outside, &segment(OUTER, 105)?, &["203.0.113.50/24"], &[]).await?;
    let before = stage.snapshot().await?;
    let served = Served::at(&stage, "2.2.2.20").await?;
    let body = json!({"floating_address": {"network_id": OUTER, "port_id": served.port}});
    let made = stage.node.manage("POST", "/floating-addresses", Some(body)).await?;
    let made = made.expect(201)?.json()["floating_address"].clone();
    let floating = SocketAddr::new(text(&made, "address")?.parse()?, 80);
    balanced(&outside, floating, &["one", "two"], SETTLE).await?;
    let shown = outside.get(floating, "/headers").await?.expect(200)?.body.to_ascii_lowercase();
    ensure!(shown.contains("x-forwarded-for: 203.0.113.50\r\n"), "{shown}");
    unreachable(&outside, SocketAddr::new(floating.ip(), 81)).await?;
    served.answers(&stage).await?;
    let path = format!("/floating-addresses/{}", text(&made, "id")?);
    stage.node.manage("DELETE", &path, None).await?.expect(204)?;
    stage.node.until_active(&served.id).await?;
    unreachable(&outside, floating).await?;
    served.answers(&stage).await?;
    stage.delete(&served.id).await?;
    gone(&stage, &before).await
}

#[test]
fn a_floating_address_leads_to_its_vip_on_bridges() {
    lab(async || reached_from_outside(Switch::Bridge).await);
}

#[test]
fn a_floating_address_leads_to_its_vip_on_open_vswitch() {
    lab(async || reached_from_outside(Switch::open_vswitch().await?).await);
}

/// The same VIP and the same member, in two networks: each client meets its own.
async fn two_with_the_same_addresses(switch: Switch) -> anyhow::Result<()> {
    let stage = Stage::set(switch).await?;
    let served = Served::at(&stage, "2.2.2.20").await?;
    let (servers, client) = (Place::new("twin-servers").await?, Place::new("twin").await?);
    let twin = segment(TWIN, 104)?;
    stage.switch.plug(&servers, &twin, &["2.2.2.4/24"], &[]).await?;
    stage.switch.plug(&client, &twin, &["2.2.2.50/24"], &[]).await?;
    let member = servers.member("another one", "2.2.2.4:80")?;
    let load_balancer = stage.load_balancer("twin", TWIN_SUBNET, "2.2.2.20").await?;
    let id = text(&load_balancer, "id")?;
    listener_with_pool(&stage.node, &id, 80, &[&member]).await?;
    stage.node.until_active(&id).await?;
    balanced(&client, vip(&load_balancer, 80)?, &["another one"], SETTLE).await?;
    served.answers(&stage).await
}

#[test]
fn two_tenants_may_have_the_same_addresses_on_bridges() {
    lab(async || two_with_the_same_addresses(Switch::Bridge).await);
}

#[test]
fn two_tenants_may_have_the_same_addresses_on_open_vswitch() {
    lab(async || two_with_the_same_addresses(Switch::open_vswitch().await?).await);
}
