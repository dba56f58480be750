//! A node with a thousand load balancers.

use std::time::Duration;

use crate::world::{World, graph, id};

const MANY: u128 = 1000;

#[tokio::test(start_paused = true)]
async fn a_thousand_load_balancers_come_stay_and_go() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    for number in 0..MANY {
        control.want(1, graph(number, 1));
    }
    let start = tokio::time::Instant::now();
    control.index().await;
    control.until("converged", |control| (0..MANY).all(|n| control.converged(n, 1, 1))).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(control.inventories < 200, "{}", control.inventories);

    // A new life touches none of them.
    agent.kill().await;
    world.node.forget_calls();
    let _agent = world.start().await;
    let mut control = world.session().await;
    for number in 0..MANY {
        control.want(1, graph(number, 1));
    }
    control.index().await;
    control.until("converged", |control| (0..MANY).all(|n| control.converged(n, 1, 1))).await;
    assert_eq!(control.fetched, []);
    assert!((0..MANY).all(|number| world.node.calls(id(number)).is_empty()));

    let before = world.node.observations();
    control.serve_for(Duration::from_secs(10)).await;
    let each = (world.node.observations() - before) / usize::try_from(MANY).unwrap();
    assert!((4..=6).contains(&each), "{each}");

    for number in 0..MANY {
        control.drop_it(number);
    }
    control.index().await;
    control.until("gone", |control| (0..MANY).all(|n| control.gone(n))).await;
    assert!(world.has_no_trace());
}
