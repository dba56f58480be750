//! What is seen, and when it is said.

use std::time::Duration;

use uuid::Uuid;

use evenkeel_model::observed::{MemberHealth, Served, Traffic};
use evenkeel_model::{ListenerId, MemberId};

use crate::node::Mood;
use crate::world::{Control, World, id};

#[tokio::test(start_paused = true)]
async fn a_change_of_health_is_said_within_seconds_and_only_once() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.serve_for(Duration::from_secs(10)).await;
    let before = control.observations;
    let member = MemberId::new(Uuid::from_u128(3));
    world.node.see(id(7), |seen| {
        seen.members.insert(member, MemberHealth::Down);
    });
    let start = tokio::time::Instant::now();
    control
        .until("seen", |control| {
            let seen = &control.observed[&id(7)].observation;
            seen.members.get(&member) == Some(&MemberHealth::Down)
        })
        .await;
    assert!(start.elapsed() <= Duration::from_secs(2));
    control.serve_for(Duration::from_mins(1)).await;
    assert_eq!(control.observations, before + 1);
}

#[tokio::test(start_paused = true)]
async fn traffic_is_said_now_and_then() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    let before = control.observations;
    let listener = ListenerId::new(Uuid::from_u128(7));
    for second in 1..=60 {
        let traffic = Traffic { bytes_in: second, ..Traffic::default() };
        world.node.see(id(7), |seen| {
            seen.traffic.insert(listener, traffic);
        });
        control.serve_for(Duration::from_secs(1)).await;
    }
    let said = control.observations - before;
    assert!((8..=12).contains(&said), "{said}");
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_observed_delays_no_other() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    for number in 0..40 {
        control.create(number).await;
    }
    for number in 0..39 {
        world.node.slow(id(number));
    }
    control.serve_for(Duration::from_secs(30)).await;
    let member = MemberId::new(Uuid::from_u128(3));
    world.node.see(id(39), |seen| {
        seen.members.insert(member, MemberHealth::Down);
    });
    let start = tokio::time::Instant::now();
    control
        .until("seen", |control| {
            let seen = &control.observed[&id(39)].observation;
            seen.members.contains_key(&member)
        })
        .await;
    assert!(start.elapsed() <= Duration::from_secs(8), "{:?}", start.elapsed());
    agent.kill().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_mended_at_once_is_not_told_of() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.serve_for(Duration::from_secs(10)).await;
    let (before, applied) = (control.observations, world.node.applied(id(7)));
    world.node.crash(id(7));
    control.serve_for(Duration::from_mins(1)).await;
    assert_eq!(world.node.applied(id(7)), applied + 1);
    assert_eq!(control.observations, before);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_mended_is_told_of_until_it_is() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.mood(id(7), Mood::Unavailable);
    world.node.crash(id(7));
    control.until("told", |control| told(control) == Served::Remains).await;
    world.node.mood(id(7), Mood::Works);
    control.until("mended", |control| matches!(told(control), Served::Serving(_))).await;
}

/// What the agent said last of whom `create(7)` has made.
fn told(control: &Control) -> Served {
    control.observed[&id(7)].observation.served
}
