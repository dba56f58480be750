//! In stopped time and on a simulated disk, a run is the same each time: a simulation that fails
//! can be run again.

use std::time::Duration;

use evenkeel_wire::FromAgent;

use crate::node::Mood;
use crate::world::{World, graph, id};

async fn run() -> Vec<FromAgent> {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    let moods = [Mood::Works, Mood::Unavailable, Mood::Rejects, Mood::Hangs];
    for number in 0..80 {
        let mood = moods[usize::try_from(number).unwrap() % moods.len()];
        world.node.mood(id(number), mood);
        control.want(1, graph(number, 1));
    }
    control.index().await;
    control.serve_for(Duration::from_mins(2)).await;
    for number in 0..40 {
        world.node.crash(id(number));
        world.node.mood(id(number), Mood::Works);
        control.want(2, graph(number, 2));
    }
    for number in 60..80 {
        control.drop_it(number);
    }
    control.index().await;
    control.serve_for(Duration::from_mins(2)).await;
    agent.kill().await;
    control.transcript
}

#[tokio::test(start_paused = true)]
async fn two_runs_say_the_same() {
    let (first, second) = (run().await, run().await);
    assert!(first.len() > 300, "{}", first.len());
    assert_eq!(first.len(), second.len());
    for (at, (one, other)) in first.iter().zip(&second).enumerate() {
        assert_eq!(one, other, "message {at}");
    }
}
