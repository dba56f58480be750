//! From what was seen on a node to how each object of a load balancer fares (contract 3.2).
//!
//! Two steps, so that another dialect of the API is another wording of the same facts:
//! [`facts`] judges, [`octavia`] words.

use std::collections::{BTreeMap, BTreeSet};

use crate::observed::{ListenerHealth, MemberHealth, Observation, PoolHealth, Served};
use crate::status::OperatingStatus;
use crate::{
    Generation, HealthMonitorId, L7PolicyId, L7RuleId, Listener, ListenerId, LoadBalancerGraph,
    Member, MemberId, Pool, PoolId,
};

/// How traffic fares with one object, in no dialect's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It does what it shall.
    Up,
    /// It does so with less than all of it: some members are down, or no connection is free.
    Impaired,
    /// It shall serve, and does not.
    Down,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// Its owner has switched it off.
    Disabled,
    /// Nobody probes it, so it is trusted.
    Unmonitored,
    /// Nothing asks it to serve, or it does not serve yet.
    Idle,
    /// What serves it says nothing about it now: whatever was known last still holds.
    Unchanged,
}

/// One value for each object of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfEach<S> {
    /// The root's.
    pub load_balancer: S,
    /// Those of the listeners.
    pub listeners: BTreeMap<ListenerId, S>,
    /// Those of the pools.
    pub pools: BTreeMap<PoolId, S>,
    /// Those of the members.
    pub members: BTreeMap<MemberId, S>,
    /// Those of the health monitors.
    pub health_monitors: BTreeMap<HealthMonitorId, S>,
    /// Those of the L7 policies.
    pub l7_policies: BTreeMap<L7PolicyId, S>,
    /// Those of the L7 rules.
    pub l7_rules: BTreeMap<L7RuleId, S>,
}

/// The facts about each object.
pub type Facts = OfEach<Fact>;

/// The operating status of each object.
pub type OperatingStatuses = OfEach<OperatingStatus>;

/// The operating status of every object in `graph`, in Octavia's words.
///
/// `served` is the latest generation that the load balancer's agent has made so, 0 if none.
/// `observation` is the last that was seen under this placement; `previous` are the statuses
/// until now, which stand where nothing new is known.
pub fn roll_up(
    graph: &LoadBalancerGraph,
    served: Generation,
    observation: Option<&Observation>,
    previous: &OperatingStatuses,
) -> OperatingStatuses {
    facts(graph, served, observation).worded(octavia, previous)
}

/// Octavia's word for a fact; none for [`Fact::Unchanged`].
pub const fn octavia(fact: Fact) -> Option<OperatingStatus> {
    match fact {
        Fact::Up => Some(OperatingStatus::Online),
        Fact::Impaired => Some(OperatingStatus::Degraded),
        Fact::Down => Some(OperatingStatus::Error),
        Fact::Draining => Some(OperatingStatus::Draining),
        Fact::Disabled | Fact::Idle => Some(OperatingStatus::Offline),
        Fact::Unmonitored => Some(OperatingStatus::NoMonitor),
        Fact::Unchanged => None,
    }
}

/// Judges every object in `graph` by what was seen.
pub fn facts(
    graph: &LoadBalancerGraph,
    served: Generation,
    observation: Option<&Observation>,
) -> Facts {
    let judge = Judge {
        graph,
        is_served: served >= graph.generation,
        observation,
        pools_in_use: pools_in_use(graph),
        pools_probed: pools_probed(graph),
    };
    let switch = |on: bool| judge.switch(on);
    Facts {
        load_balancer: judge.load_balancer(),
        listeners: of(&graph.listeners, |it| (it.id, judge.listener(it))),
        pools: of(&graph.pools, |it| (it.id, judge.pool(it))),
        members: of(&graph.members, |it| (it.id, judge.member(it))),
        health_monitors: of(&graph.health_monitors, |it| (it.id, switch(it.admin_state_up))),
        l7_policies: of(&graph.l7_policies, |it| (it.id, switch(it.admin_state_up))),
        l7_rules: of(&graph.l7_rules, |it| (it.id, switch(it.admin_state_up))),
    }
}

impl Facts {
    /// The facts in the words of a dialect; where it has none, the word in `previous` stands.
    pub fn worded(
        &self,
        dialect: fn(Fact) -> Option<OperatingStatus>,
        previous: &OperatingStatuses,
    ) -> OperatingStatuses {
        OperatingStatuses {
            load_balancer: dialect(self.load_balancer).unwrap_or(previous.load_balancer),
            listeners: worded(&self.listeners, dialect, &previous.listeners),
            pools: worded(&self.pools, dialect, &previous.pools),
            members: worded_members(&self.members, dialect, &previous.members),
            health_monitors: worded(&self.health_monitors, dialect, &previous.health_monitors),
            l7_policies: worded(&self.l7_policies, dialect, &previous.l7_policies),
            l7_rules: worded(&self.l7_rules, dialect, &previous.l7_rules),
        }
    }
}

impl OperatingStatuses {
    /// What an object has before anything is known of it: `OFFLINE`.
    pub const fn unknown() -> Self {
        Self {
            load_balancer: OperatingStatus::Offline,
            listeners: BTreeMap::new(),
            pools: BTreeMap::new(),
            members: BTreeMap::new(),
            health_monitors: BTreeMap::new(),
            l7_policies: BTreeMap::new(),
            l7_rules: BTreeMap::new(),
        }
    }
}

/// The status of a member at its creation (contract 3.2).
pub const fn status_of_new_member(pool_has_monitor: bool) -> OperatingStatus {
    if pool_has_monitor { OperatingStatus::Offline } else { OperatingStatus::NoMonitor }
}

fn of<T, Id: Ord>(objects: &[T], judge: impl Fn(&T) -> (Id, Fact)) -> BTreeMap<Id, Fact> {
    objects.iter().map(judge).collect()
}

fn worded<Id: Ord + Copy>(
    facts: &BTreeMap<Id, Fact>,
    dialect: fn(Fact) -> Option<OperatingStatus>,
    previous: &BTreeMap<Id, OperatingStatus>,
) -> BTreeMap<Id, OperatingStatus> {
    let before = |id| previous.get(id).copied().unwrap_or(OperatingStatus::Offline);
    facts.iter().map(|(id, fact)| (*id, dialect(*fact).unwrap_or_else(|| before(id)))).collect()
}

/// A member of which nothing new is known is one that is probed: it cannot still be called
/// unmonitored because it was so before its pool had a monitor.
fn worded_members(
    facts: &BTreeMap<MemberId, Fact>,
    dialect: fn(Fact) -> Option<OperatingStatus>,
    previous: &BTreeMap<MemberId, OperatingStatus>,
) -> BTreeMap<MemberId, OperatingStatus> {
    let mut statuses = worded(facts, dialect, previous);
    for (id, status) in &mut statuses {
        let kept = facts.get(id) == Some(&Fact::Unchanged);
        if kept && *status == OperatingStatus::NoMonitor {
            *status = OperatingStatus::Offline;
        }
    }
    statuses
}

struct Judge<'a> {
    graph: &'a LoadBalancerGraph,
    /// Whether the agent has made the latest graph so.
    is_served: bool,
    observation: Option<&'a Observation>,
    /// Those that are on the node, since a listener may send traffic there.
    pools_in_use: BTreeSet<PoolId>,
    /// Those with an enabled monitor.
    pools_probed: BTreeSet<PoolId>,
}

fn pools_in_use(graph: &LoadBalancerGraph) -> BTreeSet<PoolId> {
    if !graph.load_balancer.admin_state_up {
        return BTreeSet::new();
    }
    let listeners = graph.listeners.iter().filter(|it| it.admin_state_up);
    let named: BTreeSet<PoolId> = listeners.flat_map(|it| graph.pools_used_by(it)).collect();
    let enabled = graph.pools.iter().filter(|it| it.admin_state_up);
    enabled.map(|it| it.id).filter(|id| named.contains(id)).collect()
}

fn pools_probed(graph: &LoadBalancerGraph) -> BTreeSet<PoolId> {
    let monitors = graph.health_monitors.iter().filter(|it| it.admin_state_up);
    monitors.map(|it| it.pool).collect()
}

impl Judge<'_> {
    /// The report of something that serves, of whichever generation.
    fn report(&self) -> Option<&Observation> {
        self.observation.filter(|seen| matches!(seen.served, Served::Serving(_)))
    }

    /// Whether the latest graph is to be served and was served, but now nobody answers. What is to
    /// be made anew may still serve: then its listeners are seen.
    fn is_gone(&self) -> bool {
        let silent = self.observation.is_some_and(|seen| match seen.served {
            Served::Absent => true,
            Served::Remains => seen.listeners.is_empty(),
            Served::Serving(_) => false,
        });
        silent && self.is_served && self.graph.has_work()
    }

    /// Whether the report is of the latest graph, so that what it lacks is amiss.
    fn is_current(&self, report: &Observation) -> bool {
        match report.served {
            Served::Serving(generation) => generation >= self.graph.generation,
            Served::Absent | Served::Remains => false,
        }
    }

    fn load_balancer(&self) -> Fact {
        if !self.graph.load_balancer.admin_state_up {
            return Fact::Disabled;
        }
        if !self.graph.has_work() && self.is_served {
            return Fact::Up;
        }
        if self.is_gone() {
            return Fact::Down;
        }
        let Some(report) = self.report() else {
            return Fact::Unchanged;
        };
        let pools: Vec<Fact> = self
            .graph
            .pools
            .iter()
            .filter(|pool| report.pools.contains_key(&pool.id))
            .map(|pool| self.pool(pool))
            .collect();
        let is_full = self.graph.listeners.iter().any(|listener| {
            listener.admin_state_up
                && report.listeners.get(&listener.id) == Some(&ListenerHealth::Full)
        });
        if pools.contains(&Fact::Down) {
            Fact::Down
        } else if is_full || pools.contains(&Fact::Impaired) {
            Fact::Impaired
        } else {
            Fact::Up
        }
    }

    fn listener(&self, listener: &Listener) -> Fact {
        if !(listener.admin_state_up && self.graph.load_balancer.admin_state_up) {
            return Fact::Disabled;
        }
        if self.is_gone() {
            return Fact::Down;
        }
        let Some(report) = self.report() else {
            return Fact::Unchanged;
        };
        match report.listeners.get(&listener.id) {
            Some(ListenerHealth::Open) => Fact::Up,
            Some(ListenerHealth::Full) => Fact::Impaired,
            None if self.is_current(report) => Fact::Down,
            // Its turn has not come: the graph that has it is still on its way.
            None => Fact::Idle,
        }
    }

    fn pool(&self, pool: &Pool) -> Fact {
        if !pool.admin_state_up {
            return Fact::Disabled;
        }
        if !self.pools_in_use.contains(&pool.id) {
            return Fact::Idle;
        }
        match self.report().and_then(|report| report.pools.get(&pool.id)) {
            None => Fact::Unchanged,
            Some(PoolHealth::Down) => Fact::Down,
            Some(PoolHealth::Up) if self.has_a_member_down(pool) => Fact::Impaired,
            Some(PoolHealth::Up) => Fact::Up,
        }
    }

    fn has_a_member_down(&self, pool: &Pool) -> bool {
        self.graph.members_of(pool.id).any(|member| self.member(member) == Fact::Down)
    }

    fn member(&self, member: &Member) -> Fact {
        if !member.admin_state_up {
            return Fact::Disabled;
        }
        if !self.pools_probed.contains(&member.pool) {
            return Fact::Unmonitored;
        }
        // A pool that takes no traffic is not there on the node, and nobody probes for it.
        if !self.pools_in_use.contains(&member.pool) {
            return Fact::Idle;
        }
        let Some(report) = self.report() else {
            return Fact::Unchanged;
        };
        match report.members.get(&member.id) {
            None | Some(MemberHealth::Disabled) => Fact::Idle,
            Some(MemberHealth::Up) if member.weight.drains() => Fact::Draining,
            Some(MemberHealth::Up) => Fact::Up,
            Some(MemberHealth::Down) => Fact::Down,
            Some(MemberHealth::Draining) => Fact::Draining,
            // The first probe is not back, or the report is from before there was a monitor.
            Some(MemberHealth::Unknown | MemberHealth::Unmonitored) => Fact::Unchanged,
        }
    }

    /// Monitors, policies and rules fare as they are switched, once they are served.
    fn switch(&self, on: bool) -> Fact {
        match (on, self.is_served) {
            (false, _) => Fact::Disabled,
            (true, true) => Fact::Up,
            (true, false) => Fact::Unchanged,
        }
    }
}

#[cfg(test)]
mod tests;
