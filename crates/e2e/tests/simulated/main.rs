//! A control plane, agents and cables in one process and in no time: whatever dies, hangs or gets
//! lost, everything is in the end as it is wanted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chance;

use std::time::Duration;

use evenkeel_driver::fake::{Answer, Call};
use evenkeel_e2e::world::World;

/// Of stopped time, in which nothing waits for real.
const PATIENCE: Duration = Duration::from_mins(5);

/// After this time an agent that was not heard is dead, and everybody has noticed.
const DEATH: Duration = Duration::from_secs(30);

/// A world of three nodes and six load balancers that are served.
async fn world() -> World {
    let mut world = World::new(3, 1).await.unwrap();
    for _ in 0..6 {
        world.create().await.unwrap();
    }
    world.eventually_settles(PATIENCE).await.unwrap();
    world
}

/// How many load balancers each node serves.
fn served(world: &World) -> Vec<usize> {
    world.nodes.iter().map(|node| node.driver.served().len()).collect()
}

#[tokio::test(start_paused = true)]
async fn all_that_is_wanted_is_served_and_spread() {
    let mut world = world().await;
    assert_eq!(served(&world), [2, 2, 2]);
    let wanted = world.wanted.clone();
    for id in wanted {
        world.delete(id).await.unwrap();
    }
    world.eventually_settles(PATIENCE).await.unwrap();
    assert_eq!(served(&world), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_agent_held_is_served_by_others() {
    let mut world = world().await;
    world.nodes[0].kill().await;
    world.eventually_settles(DEATH).await.unwrap();
    assert_eq!(served(&world), [2, 3, 3], "nobody touches the node of a dead agent");

    world.nodes[0].start().await.unwrap();
    world.eventually_settles(DEATH).await.unwrap();
    assert_eq!(served(&world), [0, 3, 3], "back to life, it gives up what others have");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_at_any_point_of_a_change_finishes_it_in_its_next_life() {
    let mut world = world().await;
    let mut deaths = 0;
    for point in 1..=20 {
        let id = *world.wanted.first().unwrap();
        world.nodes[0].trap.set(point);
        world.delete(id).await.unwrap();
        world.create().await.unwrap();
        world.pass(Duration::from_secs(5)).await.unwrap();
        deaths += usize::from(!world.nodes[0].lives());
        world.nodes[0].start().await.unwrap();
        world.eventually_settles(PATIENCE).await.unwrap();
    }
    assert!(deaths >= 5, "{deaths}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_cut_off_for_a_moment_keeps_everything() {
    let mut world = world().await;
    let before = world.control.store().placements().await.unwrap();
    world.nodes[1].cable.cut();
    world.pass(Duration::from_secs(4)).await.unwrap();
    world.nodes[1].cable.mend();
    world.eventually_settles(PATIENCE).await.unwrap();
    assert_eq!(world.control.store().placements().await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_cut_off_serves_on_and_gives_up_when_it_hears() {
    let mut world = world().await;
    let id = world.nodes[2].driver.served()[0];
    world.nodes[2].cable.cut();
    world.pass(DEATH).await.unwrap();
    assert_eq!(served(&world), [3, 3, 2], "it knows of nothing");
    assert_ne!(world.node_of(id).await.unwrap(), Some(2));
    world.nodes[2].cable.mend();
    world.eventually_settles(PATIENCE).await.unwrap();
    assert_eq!(served(&world), [3, 3, 0]);
}

#[tokio::test(start_paused = true)]
async fn when_most_are_silent_nothing_moves() {
    let mut world = world().await;
    let before = world.control.store().placements().await.unwrap();
    for node in &world.nodes {
        node.cable.cut();
    }
    world.pass(DEATH * 4).await.unwrap();
    assert_eq!(world.control.store().placements().await.unwrap(), before);
    for node in &world.nodes {
        node.cable.mend();
    }
    world.eventually_settles(PATIENCE).await.unwrap();
    assert_eq!(world.control.store().placements().await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn a_failover_serves_the_same_under_another_epoch() {
    let mut world = world().await;
    let id = *world.wanted.first().unwrap();
    let node = world.node_of(id).await.unwrap().unwrap();
    let before = world.nodes[node].driver.memory(id);
    world.control.store().failover(id).await.unwrap();
    world.eventually_settles(PATIENCE).await.unwrap();
    let after = world.nodes[node].driver.memory(id);
    assert!(after.epoch() > before.epoch());
    assert_eq!(after.changes, before.changes + 1);
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_hangs_holds_up_nobody_else_and_is_tried_again() {
    let mut world = world().await;
    let id = *world.wanted.first().unwrap();
    let node = world.node_of(id).await.unwrap().unwrap();
    world.nodes[node].driver.answer(id, Call::Apply, Answer::Hang);
    let others: Vec<_> = world.wanted.iter().copied().filter(|it| *it != id).collect();
    for other in others {
        world.change(other).await.unwrap();
    }
    world.eventually_settles(PATIENCE).await.unwrap();

    world.change(id).await.unwrap();
    let late = world.eventually_settles(PATIENCE).await.unwrap_err();
    assert!(late.to_string().contains(&id.to_string()), "{late}");
    world.nodes[node].driver.heal();
    world.eventually_settles(PATIENCE).await.unwrap();
}
