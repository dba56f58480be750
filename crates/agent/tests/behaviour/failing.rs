//! Drivers that refuse, fail, hang and panic; disks that are full.

use std::time::Duration;

use evenkeel_model::provider::ProviderName;

use crate::node::{Call, Mood};
use crate::world::{World, graph, id};

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_for_its_generation_and_what_served_before_serves_on() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.mood(id(7), Mood::Rejects);
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("refused", |control| control.refusal(7).is_some()).await;
    let (generation, reason) = control.refusal(7).unwrap();
    assert_eq!(generation, 2);
    assert!(reason.contains("choose another"), "{reason}");

    let asked = world.node.applied(id(7));
    control.serve_for(Duration::from_mins(10)).await;
    assert_eq!(world.node.applied(id(7)), asked, "it is not asked again");
    assert!(world.node.serves(id(7), 1));

    world.node.mood(id(7), Mood::Works);
    control.want(1, graph(7, 3));
    control.index().await;
    control.until("cured", |control| control.converged(7, 1, 3)).await;
}

#[tokio::test(start_paused = true)]
async fn what_served_before_a_refusal_is_brought_back_when_it_dies_even_after_a_restart() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.mood(id(7), Mood::Rejects);
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("refused", |control| control.refusal(7).is_some()).await;

    world.node.mood(id(7), Mood::Works);
    world.node.crash(id(7));
    control.until("back", |_| world.node.serves(id(7), 1)).await;
    control.serve_for(Duration::from_mins(1)).await;
    assert!(control.refusal(7).is_some());

    agent.kill().await;
    world.node.mood(id(7), Mood::Rejects);
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("refused", |control| control.refusal(7).is_some()).await;
    world.node.mood(id(7), Mood::Works);
    world.node.crash(id(7));
    control.until("back", |_| world.node.serves(id(7), 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_cannot_be_read_is_refused_and_what_served_before_serves_on() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.unusable = Some("the node's evenkeel is too old; upgrade it");
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("refused", |control| control.refusal(7).is_some()).await;
    let refusal = control.refusal(7).unwrap();
    assert_eq!(refusal, (2, "the node's evenkeel is too old; upgrade it"));
    let asked = world.node.applied(id(7));
    control.serve_for(Duration::from_mins(10)).await;
    assert!(world.node.serves(id(7), 1) && world.node.applied(id(7)) == asked);

    // A later version of the agent understands it.
    agent.kill().await;
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.want(1, graph(7, 2));
    control.index().await;
    control.until("read", |control| control.converged(7, 1, 2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_a_driver_is_refused_with_the_cure() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    let mut foreign = graph(7, 1);
    foreign.load_balancer.provider = ProviderName::new("vendor");
    control.want(1, foreign);
    control.index().await;
    control.until("refused", |control| control.refusal(7).is_some()).await;
    let (_, reason) = control.refusal(7).unwrap();
    assert!(reason.contains("'vendor'") && reason.contains("enable it"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_with_growing_pauses_until_it_succeeds() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    world.node.mood(id(7), Mood::Unavailable);
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("retrying", |control| control.retrying(7).is_some()).await;
    let (generation, reason) = control.retrying(7).unwrap();
    assert_eq!(generation, 1);
    assert!(reason.contains("tried again"), "{reason}");

    // At 0, 1, 3, 7, 15, 31, 61, 91 … seconds.
    control.serve_for(Duration::from_mins(2)).await;
    let attempts = world.node.applied(id(7));
    assert!((8..=9).contains(&attempts), "{attempts}");
    world.node.mood(id(7), Mood::Works);
    control.until("converged", |control| control.converged(7, 1, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_driver_stays_with_its_load_balancer() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    world.node.mood(id(7), Mood::Panics);
    control.want(1, graph(7, 1));
    control.want(1, graph(8, 1));
    control.index().await;
    control.until("retrying", |control| control.retrying(7).is_some()).await;
    control.until("the other", |control| control.converged(8, 1, 1)).await;
    world.node.mood(id(7), Mood::Works);
    control.until("converged", |control| control.converged(7, 1, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_hangs_is_given_up_and_delays_nobody() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    for number in 0..100 {
        world.node.mood(id(number), Mood::Hangs);
        control.want(1, graph(number, 1));
    }
    control.index().await;
    control.until("retrying", |control| (0..100).all(|n| control.retrying(n).is_some())).await;
    let (_, reason) = control.retrying(7).unwrap();
    assert!(reason.contains("within 30 s"), "{reason}");

    let start = tokio::time::Instant::now();
    control.create(500).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_what_was_and_heals_by_itself() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.disk.set_full(true);
    control.want(1, graph(7, 2));
    control.want(1, graph(8, 1));
    control.index().await;
    control
        .until("retrying", |control| control.retrying(7).is_some() && control.retrying(8).is_some())
        .await;
    let (generation, reason) = control.retrying(7).unwrap();
    assert_eq!(generation, 2);
    assert!(reason.contains("freed space"), "{reason}");
    assert!(world.node.serves(id(7), 1));
    world.node.crash(id(7));
    control.until("kept", |_| world.node.serves(id(7), 1)).await;

    // A new life on the full disk still has the old graph.
    agent.kill().await;
    world.node.crash(id(7));
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.until("kept", |_| world.node.serves(id(7), 1)).await;
    world.disk.set_full(false);
    control.want(1, graph(7, 2));
    control.want(1, graph(8, 1));
    control.index().await;
    control
        .until("healed", |control| control.converged(7, 1, 2) && control.converged(8, 1, 1))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_heals_within_half_a_minute_without_a_new_index() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    world.disk.set_full(true);
    control.want(1, graph(7, 1));
    control.index().await;
    control.serve_for(Duration::from_mins(5)).await;
    assert!(control.retrying(7).is_some());
    world.disk.set_full(false);
    let start = tokio::time::Instant::now();
    control.until("healed", |control| control.converged(7, 1, 1)).await;
    assert!(start.elapsed() <= Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_a_load_balancer_can_still_be_taken_down() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.disk.set_full(true);
    control.drop_it(7);
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn what_ends_by_itself_is_back_at_once_and_a_crash_loop_slows_down() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    let start = tokio::time::Instant::now();
    world.node.crash(id(7));
    control.until("back", |_| world.node.serves(id(7), 1)).await;
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());

    let before = world.node.applied(id(7));
    for _ in 0..120 {
        world.node.crash(id(7));
        control.serve_for(Duration::from_secs(1)).await;
    }
    let restarts = world.node.applied(id(7)) - before;
    assert!((4..=9).contains(&restarts), "{restarts}");
    control.until("back", |_| world.node.serves(id(7), 1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_noticed_and_applied_again() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.forget_calls();
    world.node.hang(id(7));
    let start = tokio::time::Instant::now();
    control.until("back", |_| world.node.serves(id(7), 1)).await;
    assert!(start.elapsed() <= Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(world.node.calls(id(7)), [Call::Apply(graph(7, 1).generation)]);
}
