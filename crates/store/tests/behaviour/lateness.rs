//! Nothing waits for ever.

use std::time::Duration;

use evenkeel_model::status::ProvisioningStatus::{
    Active, Error, PendingCreate, PendingDelete, PendingUpdate,
};
use evenkeel_model::{AgentId, Listener, LoadBalancer, LoadBalancerId};
use evenkeel_store::{Progress, Unplaced};

use crate::node::{World, id, listener};
use crate::scenario::{Home, scenarios};

scenarios! {
    a_refusal_is_an_error_at_once_and_another_generation_cures_it,
    what_is_tried_for_a_minute_is_an_error_and_heals_by_itself,
    after_an_error_time_begins_anew,
    a_node_that_comes_along_is_not_late,
    without_an_agent_it_is_an_error_that_says_so,
    the_dead_lose_what_they_hold,
    what_goes_from_the_dead_is_gone,
    placing_takes_place_once,
}

const MINUTE: Duration = Duration::from_mins(1);
/// Nearly a minute, and what is missing.
const NEARLY: Duration = Duration::from_secs(59);
const REST: Duration = Duration::from_secs(2);

async fn expire(world: &World) {
    world.store.expire_pending(MINUTE).await.unwrap();
}

async fn retrying(world: &World, load_balancer: LoadBalancerId, reason: &str) {
    let generation = world.generation(load_balancer).await;
    let reason = reason.to_owned();
    world.report(load_balancer, Progress::Retrying { generation, reason }).await;
}

async fn a_refusal_is_an_error_at_once_and_another_generation_cures_it(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    world.rename(parts.listener.id).await;
    let generation = world.generation(parts.load_balancer).await;
    let reason = "Too many words; use fewer.".to_owned();
    world.report(parts.load_balancer, Progress::Refused { generation, reason }).await;
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, Error);
    assert_eq!(world.provisioning::<LoadBalancer>(parts.load_balancer).await, Error);
    let said = world.reason::<Listener>(parts.listener.id).await;
    assert_eq!(said.as_deref(), Some("Too many words; use fewer."));
    assert_eq!(world.reason::<evenkeel_model::Pool>(parts.pool.id).await, None);

    world.rename(parts.listener.id).await;
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, PendingUpdate);
    assert_eq!(world.reason::<Listener>(parts.listener.id).await, None);
    world.converge(parts.load_balancer).await;
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, Active);
}

async fn what_is_tried_for_a_minute_is_an_error_and_heals_by_itself(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    let reason = "The port is taken; choose another.";
    retrying(&world, load_balancer, reason).await;
    home.wait(NEARLY);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingCreate);
    assert_eq!(world.reason::<LoadBalancer>(load_balancer).await, None);

    home.wait(REST);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Error);
    assert_eq!(world.reason::<LoadBalancer>(load_balancer).await.as_deref(), Some(reason));
    let another = "The disk is full; make room.";
    retrying(&world, load_balancer, another).await;
    assert_eq!(world.reason::<LoadBalancer>(load_balancer).await.as_deref(), Some(another));

    world.converge(load_balancer).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Active);
    assert_eq!(world.reason::<LoadBalancer>(load_balancer).await, None);
    home.wait(MINUTE * 5);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Active);
}

async fn after_an_error_time_begins_anew(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    home.wait(MINUTE * 2);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Error);
    assert!(world.reason::<LoadBalancer>(load_balancer).await.is_some(), "there is always one");
    world.store.create_listener(listener(load_balancer, 80)).await.unwrap();
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingCreate);
    home.wait(MINUTE * 2);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Error);
}

async fn a_node_that_comes_along_is_not_late(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    for _ in 0..5 {
        world.rename(parts.listener.id).await;
        let generation = world.generation(parts.load_balancer).await;
        world.rename(parts.listener.id).await;
        home.wait(MINUTE / 2);
        world.report(parts.load_balancer, Progress::Converged(generation)).await;
        expire(&world).await;
        let status = world.provisioning::<LoadBalancer>(parts.load_balancer).await;
        assert_eq!(status, PendingUpdate);
    }
}

async fn without_an_agent_it_is_an_error_that_says_so(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.unplaced().await;
    let unplaced = world.store.unplaced().await.unwrap();
    let provider = evenkeel_model::provider::ProviderName::new("haproxy");
    assert_eq!(unplaced, [Unplaced { id: load_balancer, provider, epoch: None }]);
    home.wait(MINUTE * 2);
    expire(&world).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Error);
    let reason = world.reason::<LoadBalancer>(load_balancer).await.expect("a reason");
    assert!(reason.starts_with("No agent can take the load balancer"), "{reason}");

    assert!(world.store.place(load_balancer, world.agent, None).await.unwrap());
    world.converge(load_balancer).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Active);
}

async fn the_dead_lose_what_they_hold(home: Home) {
    let world = World::open(&home).await;
    let other: AgentId = id(901);
    world.hello(901).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    world.store.mark_dead(world.agent).await.unwrap();
    let unplaced = world.store.unplaced().await.unwrap();
    let epoch = world.epoch(load_balancer).await;
    assert_eq!(unplaced.len(), 1);
    assert_eq!((unplaced[0].id, unplaced[0].epoch), (load_balancer, Some(epoch)));

    assert!(world.store.place(load_balancer, other, Some(epoch)).await.unwrap());
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingUpdate);
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, Active);
    assert_eq!(world.indexed().await.len(), 0);
    let index = world.store.index(other).await.unwrap();
    assert_eq!((index[0].load_balancer, index[0].epoch), (load_balancer, epoch.next()));
    assert_eq!(index[0].generation, world.generation(load_balancer).await);

    world.hello(crate::node::AGENT).await;
    assert_eq!(world.store.unplaced().await.unwrap(), []);
    let agents = world.store.agents().await.unwrap();
    let placed: Vec<u32> = agents.iter().map(|agent| agent.placed).collect();
    assert_eq!(placed, [0, 1]);
    assert!(agents.iter().all(|agent| agent.alive && agent.admin_state_up));
}

async fn what_goes_from_the_dead_is_gone(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    world.store.delete_load_balancer(parts.load_balancer, true).await.unwrap();
    world.store.mark_dead(world.agent).await.unwrap();
    assert_eq!(world.store.unplaced().await.unwrap(), [], "what goes is not placed again");
    home.wait(NEARLY);
    expire(&world).await;
    let status = world.provisioning::<LoadBalancer>(parts.load_balancer).await;
    assert_eq!(status, PendingDelete);
    home.wait(REST);
    expire(&world).await;
    assert!(!world.has::<LoadBalancer>(parts.load_balancer).await);
    assert_eq!(world.store.ports().await.unwrap(), []);
}

async fn placing_takes_place_once(home: Home) {
    let world = World::open(&home).await;
    world.hello(901).await;
    let load_balancer = world.load_balancer().await;
    let other: AgentId = id(901);
    assert!(!world.store.place(load_balancer, other, None).await.unwrap());
    let epoch = world.epoch(load_balancer).await;
    assert!(world.store.place(load_balancer, other, Some(epoch)).await.unwrap());
    assert!(!world.store.place(load_balancer, world.agent, Some(epoch)).await.unwrap());
    assert!(!world.store.place(id(1), world.agent, None).await.unwrap(), "there is no such");
}
