//! What the fake driver remembers of one load balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use evenkeel_model::observed::{
    ListenerHealth, MemberHealth, Observation, PoolHealth, Served, Traffic,
};
use evenkeel_model::{Epoch, LoadBalancerGraph, LoadBalancerId, MemberId};

use crate::Site;

/// All that is remembered on one node.
pub(super) type Node = BTreeMap<LoadBalancerId, Memory>;

/// A call that an agent makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// [`Driver::apply`](crate::Driver::apply).
    Apply,
    /// [`Driver::observe`](crate::Driver::observe).
    Observe,
    /// [`Driver::remove`](crate::Driver::remove).
    Remove,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for.
    #[default]
    Work,
    /// A final error.
    Refuse,
    /// An error after which it is tried again.
    Fail,
    /// None, until it is told something else.
    Hang,
}

/// What is remembered of one load balancer, also after it was removed.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: State,
    /// How often the data plane had to be changed.
    pub changes: usize,
    pub(super) calls: BTreeMap<Call, usize>,
    pub(super) answers: BTreeMap<Call, Answer>,
    pub(super) health: BTreeMap<MemberId, MemberHealth>,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Absent,
    Crashed,
    Serving {
        epoch: Epoch,
        graph: Box<LoadBalancerGraph>,
        sockets: BTreeSet<SocketAddr>,
    },
}

impl Memory {
    /// The graph that is served.
    pub fn graph(&self) -> Option<&LoadBalancerGraph> {
        match &self.state {
            State::Serving { graph, .. } => Some(graph),
            State::Absent | State::Crashed => None,
        }
    }

    /// The placement that is served.
    pub fn epoch(&self) -> Option<Epoch> {
        match &self.state {
            State::Serving { epoch, .. } => Some(*epoch),
            State::Absent | State::Crashed => None,
        }
    }

    /// What an observation says of it.
    pub fn served(&self) -> Served {
        match &self.state {
            State::Absent => Served::Absent,
            State::Crashed => Served::Remains,
            State::Serving { graph, .. } => Served::Serving(graph.generation),
        }
    }

    /// How often a call was made.
    pub fn calls(&self, call: Call) -> usize {
        self.calls.get(&call).copied().unwrap_or_default()
    }

    pub(super) fn answer_to(&self, call: Call) -> Answer {
        self.answers.get(&call).copied().unwrap_or_default()
    }

    pub(super) fn sockets(&self) -> BTreeSet<SocketAddr> {
        match &self.state {
            State::Serving { sockets, .. } => sockets.clone(),
            State::Absent | State::Crashed => BTreeSet::new(),
        }
    }

    pub(super) fn serve(&mut self, site: &Site, graph: &LoadBalancerGraph) {
        if self.epoch() == Some(site.epoch) && self.graph() == Some(graph) {
            return;
        }
        let open = graph.listeners.iter().filter(|listener| listener.admin_state_up);
        let sockets = open.flat_map(|listener| site.sockets_of(listener, graph)).collect();
        self.state = State::Serving { epoch: site.epoch, graph: Box::new(graph.clone()), sockets };
        self.changes += 1;
    }

    pub(super) fn crash(&mut self) {
        if self.graph().is_some() {
            self.state = State::Crashed;
        }
    }

    pub(super) fn remove(&mut self) {
        self.state = State::Absent;
    }

    pub(super) fn observation(&self) -> Observation {
        let mut seen = Observation { served: self.served(), ..Observation::default() };
        let Some(graph) = self.graph() else { return seen };
        for listener in graph.listeners.iter().filter(|listener| listener.admin_state_up) {
            seen.listeners.insert(listener.id, ListenerHealth::Open);
            seen.traffic.insert(listener.id, Traffic::default());
            for pool in graph.pools_used_by(listener) {
                let members = graph.members_of(pool);
                let members: BTreeMap<_, _> =
                    members.map(|it| (it.id, self.health_of(graph, it))).collect();
                let all_down = members.values().all(|health| *health == MemberHealth::Down);
                let down = all_down && !members.is_empty();
                let health = if down { PoolHealth::Down } else { PoolHealth::Up };
                seen.pools.insert(pool, health);
                seen.members.extend(members);
            }
        }
        seen
    }

    fn health_of(
        &self,
        graph: &LoadBalancerGraph,
        member: &evenkeel_model::Member,
    ) -> MemberHealth {
        let set = self.health.get(&member.id).copied();
        if !member.admin_state_up {
            MemberHealth::Disabled
        } else if graph.health_monitor_of(member.pool).is_none() {
            set.unwrap_or(MemberHealth::Unmonitored)
        } else {
            set.unwrap_or(MemberHealth::Up)
        }
    }
}
