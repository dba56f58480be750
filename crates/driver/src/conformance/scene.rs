//! A load balancer that a check changes, and waits for.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_model::observed::MemberHealth;
use evenkeel_model::{LoadBalancerGraph, PoolId};
use tokio::time::{Instant, interval};

use super::answerer::Answerer;
use super::{Bench, Node, PATIENCE, graph};

/// A load balancer on a bench.
pub(super) struct Scene<'a, N: Node> {
    pub(super) bench: &'a Bench<N>,
    pub(super) graph: LoadBalancerGraph,
    begin: LoadBalancerGraph,
}

impl<'a, N: Node> Scene<'a, N> {
    /// The first listener and pool of `graph`, without members.
    pub(super) fn new(bench: &'a Bench<N>, mut graph: LoadBalancerGraph) -> Self {
        graph.members = Vec::new();
        Self { bench, begin: graph.clone(), graph }
    }

    /// As at the beginning, but a generation later, with these members in the pool.
    pub(super) fn begin_with(&mut self, members: &[&Answerer]) {
        let generation = self.graph.generation;
        self.graph = LoadBalancerGraph { generation, ..self.begin.clone() };
        for member in members {
            self.join(self.pool(), member.socket);
        }
    }

    pub(super) fn pool(&self) -> PoolId {
        self.graph.pools[0].id
    }

    /// Adds a member.
    pub(super) fn join(&mut self, pool: PoolId, socket: SocketAddr) {
        let number = u8::try_from(self.graph.members.len() + 1).expect("there are few");
        self.graph.members.push(graph::member(pool, number, socket));
    }

    /// Where the first listener is.
    pub(super) fn vip(&self) -> SocketAddr {
        self.bench.site.sockets_of(&self.graph.listeners[0], &self.graph)[0]
    }

    /// Serves the graph as it is now.
    pub(super) async fn apply(&mut self) {
        self.graph.generation = self.graph.generation.next();
        let applied = self.bench.apply(&self.graph).await;
        applied.expect("the graph is within its capabilities");
    }

    /// Has the pool's members probed, if the driver can, and says whether it can.
    pub(super) fn monitor(&mut self) -> bool {
        let monitor = graph::monitor(self.pool(), &self.bench.driver);
        self.graph.health_monitors.extend(monitor);
        !self.graph.health_monitors.is_empty()
    }

    /// Waits until each member of these places is as wanted.
    pub(super) async fn until(&self, places: &[usize], wanted: MemberHealth) {
        let begin = Instant::now();
        let mut rounds = interval(Duration::from_millis(50));
        loop {
            rounds.tick().await;
            let seen = self.bench.observe().await.members;
            let health = |place: &usize| seen.get(&self.graph.members[*place].id).copied();
            if places.iter().all(|place| health(place) == Some(wanted)) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{seen:?}, and {places:?} not {wanted:?}");
        }
    }
}
