//! The ordinary life of a load balancer.

use std::time::Duration;

use evenkeel_model::observed::Served;
use evenkeel_model::provider::ProviderName;
use evenkeel_wire::Outcome;

use crate::node::Call;
use crate::world::{World, graph, id};

#[tokio::test(start_paused = true)]
async fn an_agent_says_who_it_is_and_what_it_offers() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.until("said hello", |control| control.hello.is_some()).await;
    let hello = control.hello.unwrap();
    assert_eq!(hello.host, "node-1");
    assert_eq!(hello.capacity, 1000);
    assert_eq!(hello.providers, ["alias", "fake"].map(ProviderName::new));
}

#[tokio::test(start_paused = true)]
async fn what_the_index_names_is_fetched_built_and_reported() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    assert!(world.node.serves(id(7), 1));
    assert_eq!(world.node.calls(id(7)), [Call::Ensure, Call::Apply(graph(7, 1).generation)]);
    assert_eq!(control.fetched, [id(7)]);
    assert!(world.ledger(7, "json").is_file());
    control.until("observed", |control| control.observed.contains_key(&id(7))).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_without_plugging_again() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.forget_calls();
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("changed", |control| control.converged(7, 1, 2)).await;
    assert_eq!(world.node.calls(id(7)), [Call::Apply(graph(7, 2).generation)]);
}

#[tokio::test(start_paused = true)]
async fn what_the_index_names_no_more_is_taken_down_without_a_trace() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.drop_it(7);
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn it_is_named_as_leaving_until_it_is_gone() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.slow(id(7));
    control.drop_it(7);
    control.index().await;
    let leaving = Some((1, &Outcome::Leaving));
    control.until("leaving", |control| control.outcome(7) == leaving).await;
    control.serve_for(Duration::from_mins(1)).await;
    assert_eq!(control.outcome(7), leaving);
    agent.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_without_work_has_nothing_on_the_node_and_is_converged() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    let mut empty = graph(7, 1);
    empty.listeners.clear();
    control.want(1, empty);
    control.index().await;
    control.until("converged", |control| control.converged(7, 1, 1)).await;
    assert!(world.node.is_empty());
    assert!(!world.site(7).exists());

    let mut idle = graph(7, 2);
    idle.listeners.iter_mut().for_each(|listener| listener.admin_state_up = false);
    control.want(1, idle);
    control.index().await;
    control.until("converged", |control| control.converged(7, 1, 2)).await;
    assert!(world.node.is_empty(), "a listener that is switched off is no work");

    control.want(1, graph(7, 3));
    control.index().await;
    control.until("built", |control| control.converged(7, 1, 3)).await;
    assert!(world.node.serves(id(7), 3));

    let mut disabled = graph(7, 4);
    disabled.load_balancer.admin_state_up = false;
    control.want(1, disabled);
    control.index().await;
    control.until("emptied", |control| control.converged(7, 1, 4)).await;
    assert!(world.node.is_empty());
    assert!(!world.site(7).exists());
    let absent = |control: &crate::world::Control| {
        control.observed[&id(7)].observation.served == Served::Absent
    };
    control.until("seen to be absent", absent).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_placement_on_the_same_node_is_applied_again() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.forget_calls();
    control.want(2, graph(7, 1));
    control.index().await;
    control.until("failed over", |control| control.converged(7, 2, 1)).await;
    assert_eq!(world.node.calls(id(7)), [Call::Apply(graph(7, 1).generation)]);
}

#[tokio::test(start_paused = true)]
async fn inventories_come_with_every_heartbeat() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.serve_for(Duration::from_secs(21)).await;
    assert!((10..=13).contains(&control.inventories), "{}", control.inventories);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_leaves_what_serves_alone() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    agent.stop().await;
    assert!(world.node.serves(id(7), 1));
    assert!(world.site(7).is_dir());
}
