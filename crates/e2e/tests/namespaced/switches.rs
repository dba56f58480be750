//! The lab by itself: without it being right, nothing it says of evenkeel means anything.

use std::time::Duration;

use anyhow::ensure;
use evenkeel_e2e::eventually;
use evenkeel_e2e::net::{Capture, Place, Router, Segment, Switch, lab};
use evenkeel_model::NetworkId;

const SOON: Duration = Duration::from_secs(10);

fn segment(vlan: u16) -> anyhow::Result<Segment> {
    let id = format!("{vlan:08}-0000-4000-8000-000000000000");
    Ok(Segment { network: id.parse::<NetworkId>()?, vlan })
}

/// A client and a member in two networks, a router between them, and a stranger with the client's
/// address in a third.
async fn routes_and_separates(switch: &Switch) -> anyhow::Result<()> {
    let (front, back, other) = (segment(101)?, segment(102)?, segment(103)?);
    let router = Router::new("router").await?;
    router.join(switch, &front, &["10.1.0.1/24"]).await?;
    router.join(switch, &back, &["10.2.0.1/24"]).await?;
    let web = Place::new("web").await?;
    switch.plug(&web, &back, &["10.2.0.11/24"], &["10.2.0.1"]).await?;
    let client = Place::new("client").await?;
    let device = switch.plug(&client, &front, &["10.1.0.50/24"], &["10.1.0.1"]).await?;
    let stranger = Place::new("stranger").await?;
    switch.plug(&stranger, &other, &["10.2.0.50/24"], &[]).await?;

    let wire = Capture::start(&client, &device, "tcp port 80").await?;
    let member = web.member("web", "10.2.0.11:80")?;
    let answer = client.get(member.socket(), "/headers").await?.expect(200)?;
    ensure!(answer.body.contains("Host: 10.2.0.11"), "{answer:?}");
    eventually("the request was seen on the wire", SOON, async || {
        ensure!(wire.seen().iter().any(|it| it.contains("10.1.0.50")), "{:?}", wire.seen());
        Ok(())
    })
    .await?;
    let reached = tokio::time::timeout(Duration::from_secs(1), stranger.get(member.socket(), "/"));
    ensure!(!matches!(reached.await, Ok(Ok(_))), "another network is reached");
    Ok(())
}

#[test]
fn a_bridge_for_each_network_routes_and_separates() {
    lab(async || routes_and_separates(&Switch::Bridge).await);
}

#[test]
fn an_open_vswitch_routes_and_separates() {
    lab(async || routes_and_separates(&Switch::open_vswitch().await?).await);
}
