//! The same with a disk that is flushed, threads, and a clock that runs.

use std::sync::Arc;

use evenkeel_agent::{Agent, Disk, RunningAgent, Unbroken};

use crate::world::{Control, World, graph, id};

const SOME: u128 = 50;

async fn start(world: &mut World) -> (RunningAgent, Control) {
    let mut config = world.config(Arc::new(Unbroken));
    config.disk = Disk::Durable;
    let agent = Agent::start(config).await.unwrap();
    let mut control = world.session().await;
    for number in 0..SOME {
        control.want(1, graph(number, 1));
    }
    control.index().await;
    control
        .until("converged", |control| (0..SOME).all(|number| control.converged(number, 1, 1)))
        .await;
    (agent, control)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_balancers_come_stay_and_go_on_a_real_disk() {
    let mut world = World::new();
    let (agent, _control) = start(&mut world).await;
    agent.stop().await;
    world.node.forget_calls();
    let (agent, mut control) = start(&mut world).await;
    assert_eq!(control.fetched, []);
    assert!((0..SOME).all(|number| world.node.calls(id(number)).is_empty()));
    for number in 0..SOME {
        control.drop_it(number);
    }
    control.index().await;
    control.until("gone", |control| (0..SOME).all(|number| control.gone(number))).await;
    agent.stop().await;
    assert!(world.has_no_trace());
}
