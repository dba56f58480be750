//! The scenarios that evenkeel exists for, on real networks.

use anyhow::ensure;
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::eventually;
use evenkeel_e2e::graph::{listener_with_pool, monitor};
use evenkeel_e2e::net::stage::{NEAR_SUBNET, NEAR_SUBNET_V6, namespace, vip};
use evenkeel_e2e::net::{Capture, Place, Stage, Switch, lab};
use evenkeel_model::network::MacAddress;
use serde_json::{Value, json};

use crate::structure::is_as_neutron_would_have_it;
use crate::traffic::{balanced, unreachable};

const ALL: [&str; 3] = ["one", "two", "three"];

/// From the load balancer without listeners, which has nothing on the node, to its deletion, after
/// which there is nothing again.
async fn the_life_of_a_load_balancer(switch: Switch) -> anyhow::Result<()> {
    let mut stage = Stage::set(switch).await?;
    let before = stage.snapshot().await?;
    let wire = Capture::start(&stage.client, &stage.device, "arp").await?;

    let load_balancer = stage.load_balancer("web", NEAR_SUBNET, "2.2.2.20").await?;
    let id = text(&load_balancer, "id")?;
    stage.node.until_active(&id).await?;
    let running = stage.snapshot().await?.running_since(&before);
    ensure!(running.is_empty(), "without listeners there is {running:?}");

    let (_, watched) = listener_with_pool(&stage.node, &id, 80, &stage.all()).await?;
    let (_, trusted) = listener_with_pool(&stage.node, &id, 100, &stage.all()).await?;
    monitor(&stage.node, &watched).await?;
    stage.node.until_active(&id).await?;
    let (eighty, hundred) = (vip(&load_balancer, 80)?, vip(&load_balancer, 100)?);
    balanced(&stage.client, eighty, &ALL, SETTLE).await?;
    balanced(&stage.client, hundred, &ALL, SETTLE).await?;
    unreachable(&stage.client, vip(&load_balancer, 81)?).await?;
    is_as_neutron_would_have_it(&stage, &load_balancer).await?;
    sees_its_client(&stage, eighty).await?;

    rotation(&mut stage, eighty, hundred).await?;
    // By now a fourth would have come.
    announced(&load_balancer, &wire).await?;
    let statuses = evenkeel_e2e::graph::operating_statuses(&stage.node, &trusted).await?;
    ensure!(statuses.values().all(|it| it == "NO_MONITOR"), "{statuses:?}");
    off_and_on(&stage, &load_balancer).await?;

    for listener in stage.node.call("GET", "/listeners", None).await?.json()["listeners"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let path = format!("/listeners/{}", text(listener, "id")?);
        stage.node.call("DELETE", &path, None).await?.expect(204)?;
        stage.node.until_gone(&path).await?;
        stage.node.until_active(&id).await?;
    }
    eventually("nothing serves without listeners", SETTLE, async || {
        let running = stage.snapshot().await?.running_since(&before);
        ensure!(running.is_empty(), "{running:?}");
        Ok(())
    })
    .await?;
    stage.delete(&id).await?;
    gone(&stage, &before).await
}

/// Waits until nothing is left that was not there before.
pub(crate) async fn gone(
    stage: &Stage,
    before: &evenkeel_e2e::net::Snapshot,
) -> anyhow::Result<()> {
    eventually("nothing is left on the node", SETTLE, async || {
        let left = stage.snapshot().await?.since(before);
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

/// The VIP was announced three times, with its port's address.
async fn announced(load_balancer: &Value, wire: &Capture) -> anyhow::Result<()> {
    let port = text(load_balancer, "vip_port_id")?;
    let mac = MacAddress::of(port.parse()?).to_string();
    let (vip, place) = (text(load_balancer, "vip_address")?, namespace(load_balancer)?);
    let seen = eventually("three announcements", SETTLE, async || {
        let seen = wire.seen();
        let own: Vec<_> = seen
            .into_iter()
            .filter(|it| {
                it.contains(&format!("{vip} tell {vip}"))
                    || it.contains(&format!("Reply {vip} is-at"))
            })
            .collect();
        ensure!(own.len() >= 3, "{own:?} in {place}: {:?}", wire.seen());
        Ok(own)
    })
    .await?;
    ensure!(seen.len() == 3 && seen.iter().all(|it| it.contains(&mac)), "{mac}: {seen:?}");
    Ok(())
}

/// Members see the VIP, and learn the client's address.
async fn sees_its_client(stage: &Stage, vip: std::net::SocketAddr) -> anyhow::Result<()> {
    let peer = stage.client.get(vip, "/peer").await?.expect(200)?.body;
    ensure!(peer == vip.ip().to_string(), "{peer} asked the member");
    let shown = stage.client.get(vip, "/headers").await?.expect(200)?.body.to_ascii_lowercase();
    ensure!(shown.contains("x-forwarded-for: 2.2.2.50\r\n"), "{shown}");
    Ok(())
}

/// A member that fails its checks, or closes its port, leaves the pool with a monitor and comes
/// back; in the pool without one it stays.
async fn rotation(
    stage: &mut Stage,
    watched: std::net::SocketAddr,
    trusted: std::net::SocketAddr,
) -> anyhow::Result<()> {
    stage.members[2].set_sick(true);
    balanced(&stage.client, watched, &["one", "two"], SETTLE).await?;
    balanced(&stage.client, trusted, &["503", "one", "two"], SETTLE).await?;
    stage.members[2].set_sick(false);
    balanced(&stage.client, watched, &ALL, SETTLE).await?;
    stage.members[2].stop().await;
    balanced(&stage.client, watched, &["one", "two"], SETTLE).await?;
    let place = stage.servers.clone();
    stage.members[2] = place.member("three", "2.2.2.6:80")?;
    balanced(&stage.client, watched, &ALL, SETTLE).await?;
    balanced(&stage.client, trusted, &ALL, SETTLE).await
}

/// A load balancer that is switched off has no namespace; switched on, it serves as before.
async fn off_and_on(stage: &Stage, load_balancer: &Value) -> anyhow::Result<()> {
    let path = format!("/loadbalancers/{}", text(load_balancer, "id")?);
    let place = namespace(load_balancer)?;
    for up in [false, true] {
        let body = json!({"loadbalancer": {"admin_state_up": up}});
        stage.node.call("PUT", &path, Some(body)).await?.expect(200)?;
        stage.node.until(&path, "provisioning_status", "ACTIVE").await?;
        eventually(&format!("{place} is there: {up}"), SETTLE, async || {
            ensure!(Place::named(&place).is_ok() == up);
            Ok(())
        })
        .await?;
    }
    balanced(&stage.client, vip(load_balancer, 80)?, &ALL, SETTLE).await
}

#[test]
fn a_load_balancer_lives_and_leaves_no_trace_on_bridges() {
    lab(async || the_life_of_a_load_balancer(Switch::Bridge).await);
}

#[test]
fn a_load_balancer_lives_and_leaves_no_trace_on_open_vswitch() {
    lab(async || the_life_of_a_load_balancer(Switch::open_vswitch().await?).await);
}

/// The same in IPv6: two listeners, three members, a monitor, announcements, the client's address.
async fn the_same_in_ipv6(switch: Switch) -> anyhow::Result<()> {
    let stage = Stage::set(switch).await?;
    let before = stage.snapshot().await?;
    let wire = Capture::start(&stage.client, &stage.device, "icmp6").await?;
    let members = [
        stage.servers.member("one", "[fd02::4]:80")?,
        stage.servers.member("two", "[fd02::5]:80")?,
        stage.servers.member("three", "[fd02::6]:80")?,
    ];
    let load_balancer = stage.load_balancer("six", NEAR_SUBNET_V6, "fd02::20").await?;
    let id = text(&load_balancer, "id")?;
    let all = members.each_ref();
    let (_, watched) = listener_with_pool(&stage.node, &id, 80, &all).await?;
    listener_with_pool(&stage.node, &id, 100, &all).await?;
    monitor(&stage.node, &watched).await?;
    stage.node.until_active(&id).await?;
    let (eighty, hundred) = (vip(&load_balancer, 80)?, vip(&load_balancer, 100)?);
    balanced(&stage.client, eighty, &ALL, SETTLE).await?;
    balanced(&stage.client, hundred, &ALL, SETTLE).await?;
    unreachable(&stage.client, vip(&load_balancer, 81)?).await?;
    let shown = stage.client.get(eighty, "/headers").await?.expect(200)?.body.to_ascii_lowercase();
    ensure!(shown.contains("x-forwarded-for: fd02::50\r\n"), "{shown}");
    members[2].set_sick(true);
    balanced(&stage.client, eighty, &["one", "two"], SETTLE).await?;
    balanced(&stage.client, hundred, &["503", "one", "two"], SETTLE).await?;
    members[2].set_sick(false);
    balanced(&stage.client, eighty, &ALL, SETTLE).await?;
    // By now a fourth would have come.
    eventually("three advertisements", SETTLE, async || {
        let seen = wire.seen();
        let unasked = |it: &&String| {
            it.contains("> ff02::1: ") && it.contains("advertisement, tgt is fd02::20")
        };
        ensure!(seen.iter().filter(unasked).count() == 3, "{seen:?}");
        Ok(())
    })
    .await?;
    let place = Place::named(&namespace(&load_balancer)?)?;
    let routes = place.ip("-6 route show default").await?;
    ensure!(routes.contains("default via fd02::1"), "{routes}");
    stage.delete(&id).await?;
    gone(&stage, &before).await
}

#[test]
fn a_load_balancer_lives_in_ipv6_on_bridges() {
    lab(async || the_same_in_ipv6(Switch::Bridge).await);
}

#[test]
fn a_load_balancer_lives_in_ipv6_on_open_vswitch() {
    lab(async || the_same_in_ipv6(Switch::open_vswitch().await?).await);
}
