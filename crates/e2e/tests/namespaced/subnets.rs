//! Where VIPs and members can be: behind routers, in IPv6, in both families at once.

use std::net::SocketAddr;

use anyhow::ensure;
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::graph::{add_member, listener_with_pool};
use evenkeel_e2e::net::stage::{
    FAR, FAR_SUBNET, NEAR_SUBNET, NEAR_SUBNET_V6, namespace, segment, vip,
};
use evenkeel_e2e::net::{Place, Stage, Switch, lab};
use serde_json::json;

use crate::scenario::gone;
use crate::traffic::{balanced, unreachable};

/// A VIP in another subnet, whose members are behind the router, and serve in another pool too.
async fn a_vip_behind_the_router(stage: &Stage) -> anyhow::Result<()> {
    let load_balancer = stage.load_balancer("far", FAR_SUBNET, "7.7.7.7").await?;
    let id = text(&load_balancer, "id")?;
    listener_with_pool(&stage.node, &id, 80, &stage.all()).await?;
    stage.node.until_active(&id).await?;
    let vip = vip(&load_balancer, 80)?;
    balanced(&stage.client, vip, &["one", "two", "three"], SETTLE).await?;
    // Somebody with an address of the VIP's subnet, in a network that no router joins.
    let stranger = Place::new("stranger").await?;
    let elsewhere = segment("33333333-3333-4333-8333-333333333333", 133)?;
    stage.switch.plug(&stranger, &elsewhere, &["7.7.7.50/24"], &[]).await?;
    unreachable(&stranger, vip).await?;
    let neighbour = Place::new("neighbour").await?;
    stage.switch.plug(&neighbour, &segment(FAR, 107)?, &["7.7.7.51/24"], &[]).await?;
    balanced(&neighbour, vip, &["one", "two", "three"], SETTLE).await?;
    stage.delete(&id).await
}

/// IPv6 from client to member, beside IPv4 at the same load balancer.
async fn both_families(stage: &Stage) -> anyhow::Result<()> {
    let six = stage.servers.member("six", "[fd02::4]:80")?;
    let body = json!({"loadbalancer": {
        "name": "dual", "vip_subnet_id": NEAR_SUBNET_V6, "vip_address": "fd02::20",
        "additional_vips": [{"subnet_id": NEAR_SUBNET, "ip_address": "2.2.2.21"}],
    }});
    let load_balancer = stage.node.create("/loadbalancers", body).await?;
    let id = text(&load_balancer, "id")?;
    let (_, pool) = listener_with_pool(&stage.node, &id, 80, &[&six]).await?;
    stage.node.until_active(&id).await?;
    balanced(&stage.client, vip(&load_balancer, 80)?, &["six"], SETTLE).await?;
    add_member(&stage.node, &pool, &stage.members[0]).await?;
    let additional: SocketAddr = "2.2.2.21:80".parse()?;
    for vip in [vip(&load_balancer, 80)?, additional] {
        balanced(&stage.client, vip, &["one", "six"], SETTLE).await?;
    }
    let place = Place::named(&namespace(&load_balancer)?)?;
    let addresses = place.ip("-o addr show scope global").await?;
    ensure!(addresses.lines().count() == 2, "{addresses}");
    ensure!(!addresses.contains("tentative"), "{addresses}");
    let routes = place.ip("-6 route show default").await?;
    ensure!(routes.contains("default via fd02::1"), "{routes}");
    stage.delete(&id).await
}

async fn everywhere(switch: Switch) -> anyhow::Result<()> {
    let stage = Stage::set(switch).await?;
    let before = stage.snapshot().await?;
    both_families(&stage).await?;
    gone(&stage, &before).await?;
    a_vip_behind_the_router(&stage).await
}

#[test]
fn vips_serve_behind_routers_and_in_both_families_on_bridges() {
    lab(async || everywhere(Switch::Bridge).await);
}

#[test]
fn vips_serve_behind_routers_and_in_both_families_on_open_vswitch() {
    lab(async || everywhere(Switch::open_vswitch().await?).await);
}
