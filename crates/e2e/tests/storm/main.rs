//! Fifty changes a second for a minute, under load: no client notices.

mod change;
mod witness;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use evenkeel_e2e::lab::{Lab, text};
use evenkeel_e2e::load::{Clients, Load, Tally};
use evenkeel_e2e::member::Backend;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use change::Storm;
use witness::Witness;

const CHANGES: usize = 3_000;
const PACE: Duration = Duration::from_millis(20);
/// What a busy machine may take for a minute of changes.
const PATIENCE: Duration = Duration::from_secs(150);

/// Six small clients, and two whose answers take more than a second.
const CLIENTS: Clients =
    Clients { kept: 4, fresh: 2, patient: 2, pause: Duration::from_millis(10) };

#[tokio::test]
async fn nobody_notices_fifty_changes_a_second() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let steady = [Backend::start("steady").await?, Backend::start("stable").await?];
    let guest = Backend::start("guest").await?;
    let load_balancer = build(&lab, &steady).await?;
    let id = text(&load_balancer, "id")?;
    let vip = SocketAddr::new(text(&load_balancer, "vip_address")?.parse()?, 8080);

    let mut witness = Witness::default();
    let mut storm = Storm::over(&lab, &load_balancer, &guest)?;
    let load = Load::start(vip, CLIENTS);
    let start = Instant::now();
    let mut turns = interval(PACE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in 0..CHANGES {
        turns.tick().await;
        storm.change(turn).await?;
        if turn % 5 == 0 {
            witness.see(&lab)?;
        }
        if turn % 25 == 0 {
            witness.count(&lab, &id).await?;
        }
    }
    let took = start.elapsed();
    lab.until_active(&id).await?;
    let elapsed = start.elapsed();
    let tally = load.end().await;
    eprintln!("{CHANGES} changes in {took:?}: {tally:?}, {witness:?}");

    let Tally { answered, failed, reset, raced } = tally;
    ensure!((failed, reset, raced) == (0, 0, 0), "{tally:?}");
    ensure!(answered > CHANGES, "there was hardly any load: {tally:?}");
    ensure!(took < PATIENCE, "{took:?}");
    witness.testify(elapsed)?;
    storm.is_in_effect(vip).await
}

/// An HTTP listener with a pool of members that stay.
async fn build(lab: &Lab, steady: &[Backend]) -> anyhow::Result<Value> {
    let member = |member: &Backend| {
        let socket = member.socket();
        json!({"address": socket.ip(), "protocol_port": socket.port()})
    };
    let tree = json!({"loadbalancer": {
        "name": "storm", "vip_subnet_id": lab.vip_subnet().await?,
        "listeners": [{
            "name": "http", "protocol": "HTTP", "protocol_port": 8080,
            "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "members": steady.iter().map(member).collect::<Vec<_>>(),
            },
        }],
    }});
    let load_balancer = lab.create("/loadbalancers", tree).await?;
    lab.until_active(&text(&load_balancer, "id")?).await?;
    Ok(load_balancer)
}
