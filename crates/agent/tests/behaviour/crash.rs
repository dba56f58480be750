//! The agent is killed at every point within its steps; the next life finishes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use evenkeel_agent::{Failpoint, Point};
use evenkeel_model::LoadBalancerId;

use crate::world::{Control, World, graph, id};

/// Holds whoever comes to the point for ever, and tells that somebody did.
#[derive(Debug)]
struct HoldAt {
    point: Point,
    armed: AtomicBool,
    held: Notify,
}

impl HoldAt {
    fn new(point: Point, armed: bool) -> Arc<Self> {
        Arc::new(Self { point, armed: AtomicBool::new(armed), held: Notify::new() })
    }
}

#[async_trait]
impl Failpoint for HoldAt {
    async fn reached(&self, _load_balancer: LoadBalancerId, point: Point) {
        if point == self.point && self.armed.load(Ordering::Relaxed) {
            self.held.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// Whether building up, rather than taking down, comes to the point.
fn is_on_the_way_up(point: Point) -> bool {
    match point {
        Point::GraphStaged
        | Point::GraphWritten
        | Point::DirectoryMade
        | Point::Plugged
        | Point::Applied
        | Point::Noted => true,
        Point::Leaving
        | Point::DriverRemoved
        | Point::Unplugged
        | Point::DirectoryRemoved
        | Point::Forgotten => false,
    }
}

/// Kills an agent at the point; what it leaves is the world.
async fn killed_at(point: Point) -> World {
    let mut world = World::new();
    let up = is_on_the_way_up(point);
    let hold = HoldAt::new(point, up);
    let agent = world.start_with(Arc::clone(&hold) as Arc<dyn Failpoint>).await.unwrap();
    let mut control = world.session().await;
    if up {
        control.want(1, graph(7, 1));
        control.index().await;
    } else {
        control.create(7).await;
        hold.armed.store(true, Ordering::Relaxed);
        control.drop_it(7);
        control.index().await;
    }
    tokio::select! {
        () = hold.held.notified() => {}
        () = control.until("never", |_| false) => {}
    }
    agent.kill().await;
    world
}

async fn next_life(
    world: &mut World,
    want: Option<u64>,
) -> (evenkeel_agent::RunningAgent, Control) {
    let agent = world.start().await;
    let mut control = world.session().await;
    if let Some(generation) = want {
        control.want(2, graph(7, generation));
    }
    control.index().await;
    (agent, control)
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_point_the_next_life_builds_what_is_wanted() {
    for point in Point::ALL {
        for generation in [1, 2] {
            let mut world = killed_at(*point).await;
            let (_agent, mut control) = next_life(&mut world, Some(generation)).await;
            let what = format!("generation {generation} after {point:?}");
            control.until(&what, |control| control.converged(7, 2, generation)).await;
            assert!(world.node.serves(id(7), generation), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_point_the_next_life_leaves_no_trace_of_what_is_not_wanted() {
    for point in Point::ALL {
        let mut world = killed_at(*point).await;
        let (_agent, mut control) = next_life(&mut world, None).await;
        let what = format!("gone after {point:?}");
        control.until(&what, |control| control.gone(7) && world.has_no_trace()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_while_it_changed_a_graph_it_serves_one_or_the_other() {
    for point in Point::ALL.iter().filter(|point| is_on_the_way_up(**point)) {
        let mut world = World::new();
        let hold = HoldAt::new(*point, false);
        let agent = world.start_with(Arc::clone(&hold) as Arc<dyn Failpoint>).await.unwrap();
        let mut control = world.session().await;
        control.create(7).await;
        hold.armed.store(true, Ordering::Relaxed);
        control.want(2, graph(7, 2));
        control.index().await;
        let skipped = matches!(point, Point::DirectoryMade | Point::Plugged);
        if skipped {
            control.until("changed", |control| control.converged(7, 2, 2)).await;
        } else {
            tokio::select! {
                () = hold.held.notified() => {}
                () = control.until("never", |_| false) => {}
            }
        }
        assert!(world.node.serves(id(7), 1) || world.node.serves(id(7), 2));
        agent.kill().await;
        let (_agent, mut control) = next_life(&mut world, Some(2)).await;
        let what = format!("changed after {point:?}");
        control.until(&what, |control| control.converged(7, 2, 2)).await;
    }
}
