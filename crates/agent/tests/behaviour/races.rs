//! Messages that are old, unasked for, lost or out of order: older loses.

use std::time::Duration;

use evenkeel_model::Epoch;
use evenkeel_wire::{Graph, ToAgent};

use crate::node::Mood;
use crate::world::{World, graph, id};

#[tokio::test(start_paused = true)]
async fn an_older_placement_or_graph_changes_nothing() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.want(3, graph(7, 5));
    control.index().await;
    control.until("converged", |control| control.converged(7, 3, 5)).await;
    world.node.forget_calls();
    for (epoch, generation) in [(2, 9), (3, 4), (3, 5)] {
        control.want(epoch, graph(7, generation));
        control.index().await;
        control.serve_for(Duration::from_secs(5)).await;
    }
    assert!(control.converged(7, 3, 5));
    assert_eq!(control.fetched, [id(7)]);
    assert_eq!(world.node.calls(id(7)), []);
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_nobody_fetched_is_dropped() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    for load_balancer in [7, 8] {
        let graph = Graph {
            load_balancer: id(load_balancer),
            epoch: Epoch::new(9),
            graph: Some(graph(load_balancer, 9)),
        };
        control.send(ToAgent::Graph(Box::new(graph))).await;
    }
    control.serve_for(Duration::from_secs(5)).await;
    assert!(control.converged(7, 1, 1));
    assert!(control.outcome(8).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_index_dropped_it_is_dropped() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.mute = true;
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("fetched", |control| control.fetched == [id(7)]).await;
    control.drop_it(7);
    control.index().await;
    let late = Graph { load_balancer: id(7), epoch: Epoch::new(1), graph: Some(graph(7, 1)) };
    control.send(ToAgent::Graph(Box::new(late))).await;
    control.serve_for(Duration::from_secs(5)).await;
    assert!(control.gone(7));
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_fetched_again() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.mute = true;
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("fetched", |control| !control.fetched.is_empty()).await;
    control.mute = false;
    control.until("converged", |control| control.converged(7, 1, 1)).await;
    assert_eq!(control.fetched, [id(7), id(7)]);
}

#[tokio::test(start_paused = true)]
async fn it_may_come_back_while_it_is_being_taken_down() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    for epoch in 2..12 {
        control.drop_it(7);
        control.index().await;
        control.want(epoch, graph(7, 1));
        control.index().await;
    }
    control.until("converged", |control| control.converged(7, 11, 1)).await;
    assert!(world.node.serves(id(7), 1));
    control.drop_it(7);
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn of_many_changes_only_the_last_has_to_be_applied() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.mood(id(7), Mood::Unavailable);
    for generation in 2..=20 {
        control.want(1, graph(7, generation));
        control.index().await;
    }
    control.until("tried", |control| control.retrying(7).is_some_and(|(g, _)| g == 20)).await;
    world.node.mood(id(7), Mood::Works);
    control.until("converged", |control| control.converged(7, 1, 20)).await;
    assert!(world.node.applied(id(7)) < 30);
}
