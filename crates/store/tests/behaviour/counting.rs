//! What passed a listener, over all that may happen to whoever counts.

use std::collections::BTreeMap;

use evenkeel_model::observed::{Observation, Traffic};
use evenkeel_model::{Epoch, Listener, ListenerId, LoadBalancerId, SeriesId};

use crate::node::{Serving, World, id};
use crate::scenario::{Home, scenarios};

scenarios! {
    later_totals_replace_earlier_ones_and_what_is_over_has_no_connections,
    counters_go_on_when_a_load_balancer_was_off_or_moved,
    no_counter_falls_within_a_series,
    an_older_placement_counts_nothing,
}

const FIRST: Option<SeriesId> = Some(SeriesId::new(uuid::Uuid::from_u128(1)));
const SECOND: Option<SeriesId> = Some(SeriesId::new(uuid::Uuid::from_u128(2)));

/// So many connections, of which three are open.
fn traffic(connections: u64) -> Traffic {
    Traffic {
        bytes_in: 10 * connections,
        bytes_out: 100 * connections,
        active_connections: 3,
        total_connections: connections,
        request_errors: connections / 2,
    }
}

async fn counted(
    world: &World,
    parts: &Serving,
    series: Option<SeriesId>,
    traffic: Traffic,
) -> Observation {
    let mut seen = Observation { series, ..world.healthy(parts).await };
    seen.traffic.insert(parts.listener.id, traffic);
    seen
}

async fn later_totals_replace_earlier_ones_and_what_is_over_has_no_connections(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let mut seen = counted(&world, &parts, FIRST, traffic(5)).await;
    seen.traffic.insert(id::<ListenerId>(1), traffic(5));
    world.see(parts.load_balancer, seen.clone()).await;
    seen.traffic.insert(parts.listener.id, traffic(7));
    world.see(parts.load_balancer, seen.clone()).await;
    assert_eq!(world.store.traffic_of(parts.listener.id).await.unwrap(), traffic(7));
    assert_eq!(world.store.traffic(parts.load_balancer).await.unwrap(), traffic(7), "no strangers");
    let each = world.store.traffic_by_listener(parts.load_balancer).await.unwrap();
    assert_eq!(each, BTreeMap::from([(parts.listener.id, traffic(7))]));

    let over = Observation { traffic: BTreeMap::new(), ..seen };
    world.see(parts.load_balancer, over).await;
    let total = world.store.traffic(parts.load_balancer).await.unwrap();
    assert_eq!(total, traffic(7).idle());

    world.store.delete::<Listener>(parts.listener.id).await.unwrap();
    world.converge(parts.load_balancer).await;
    assert_eq!(world.store.traffic(parts.load_balancer).await.unwrap(), Traffic::default());
}

async fn counters_go_on_when_a_load_balancer_was_off_or_moved(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    world.see(load_balancer, counted(&world, &parts, FIRST, traffic(10)).await).await;
    // Switched off and on: the node has forgotten, and counts from 0.
    world.see(load_balancer, Observation::default()).await;
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(10).idle());
    world.see(load_balancer, counted(&world, &parts, SECOND, traffic(4)).await).await;
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(14));
    world.see(load_balancer, counted(&world, &parts, SECOND, traffic(6)).await).await;
    assert_eq!(world.store.traffic_of(parts.listener.id).await.unwrap(), traffic(16));
    // The connections are those of the last word, and not those of all series together.
    assert_eq!(world.store.traffic(load_balancer).await.unwrap().active_connections, 3);

    moved(&world, load_balancer).await;
    let third = Some(id::<SeriesId>(3));
    let mut seen = counted(&world, &parts, third, traffic(200)).await;
    let epoch = world.epoch(load_balancer).await;
    world.store.observe(id(901), load_balancer, epoch, seen.clone()).await.unwrap();
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(216), "more than before");
    seen.traffic.insert(parts.listener.id, traffic(201));
    world.store.observe(id(901), load_balancer, epoch, seen).await.unwrap();
    assert_eq!(world.store.traffic(load_balancer).await.unwrap().total_connections, 217);
}

async fn no_counter_falls_within_a_series(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    world.see(load_balancer, counted(&world, &parts, FIRST, traffic(10)).await).await;
    // The node lost what it had counted since it last wrote it down; it is not counted twice.
    let lost = Traffic { active_connections: 1, ..traffic(8) };
    world.see(load_balancer, counted(&world, &parts, FIRST, lost).await).await;
    let total = world.store.traffic(load_balancer).await.unwrap();
    assert_eq!(total, Traffic { active_connections: 1, ..traffic(10) });
    world.see(load_balancer, counted(&world, &parts, FIRST, traffic(12)).await).await;
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(12));
}

async fn an_older_placement_counts_nothing(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    let old = world.epoch(load_balancer).await;
    world.see(load_balancer, counted(&world, &parts, FIRST, traffic(10)).await).await;
    // Made anew where it is: the same process counts on, in the same series.
    world.store.failover(load_balancer).await.unwrap();
    let late = counted(&world, &parts, SECOND, traffic(90)).await;
    world.store.observe(world.agent, load_balancer, old, late.clone()).await.unwrap();
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(10));
    world.see(load_balancer, counted(&world, &parts, FIRST, traffic(11)).await).await;
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(11));

    let epoch = world.epoch(load_balancer).await;
    moved(&world, load_balancer).await;
    for epoch in [old, epoch, Epoch::new(99)] {
        world.store.observe(world.agent, load_balancer, epoch, late.clone()).await.unwrap();
    }
    assert_eq!(world.store.traffic(load_balancer).await.unwrap(), traffic(11));
}

/// The agent dies, and another one takes over.
async fn moved(world: &World, load_balancer: LoadBalancerId) {
    world.hello(901).await;
    let epoch = world.epoch(load_balancer).await;
    assert!(world.store.place(load_balancer, id(901), Some(epoch)).await.unwrap());
}
