use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::status::OperatingStatus::{Degraded, Draining, Error, NoMonitor, Offline, Online};

fn id<Id: From<Uuid>>(number: u128) -> Id {
    Id::from(Uuid::from_u128(number))
}

/// One listener with a pool of two members, and a monitor, in generation 5.
fn graph() -> LoadBalancerGraph {
    let uuid = |number: u128| Uuid::from_u128(number).to_string();
    let member = |number: u128| {
        json!({
            "id": uuid(number), "pool": uuid(20), "name": "", "admin_state_up": true,
            "address": "192.0.2.1", "protocol_port": 80, "weight": 1, "backup": false,
            "subnet": null, "monitor_address": null, "monitor_port": null, "tags": [],
        })
    };
    let graph = json!({
        "generation": 5,
        "load_balancer": {
            "id": uuid(1), "name": "", "description": "", "admin_state_up": true,
            "vip": {"address": "192.0.2.9", "port": uuid(2), "subnet": uuid(3), "network": uuid(4)},
            "additional_vips": [], "vip_qos_policy": null, "vip_security_groups": [],
            "provider": "haproxy", "flavor": null, "availability_zone": null, "tags": [],
        },
        "listeners": [{
            "id": uuid(10), "load_balancer": uuid(1), "name": "", "description": "",
            "admin_state_up": true, "protocol": "HTTP", "protocol_port": 80,
            "connection_limit": -1, "default_pool": uuid(20), "insert_headers": {},
            "timeouts": crate::listener::Timeouts::default(),
            "tls": crate::tls::ListenerTls::default(), "allowed_cidrs": [], "tags": [],
        }],
        "l7_policies": [{
            "id": uuid(50), "listener": uuid(10), "name": "", "description": "",
            "admin_state_up": true, "action": {"kind": "REJECT"}, "position": 1, "tags": [],
        }],
        "l7_rules": [],
        "pools": [{
            "id": uuid(20), "load_balancer": uuid(1), "name": "", "description": "",
            "admin_state_up": true, "protocol": "HTTP", "algorithm": "ROUND_ROBIN",
            "persistence": null, "tls": crate::tls::PoolTls::default(), "tags": [],
        }],
        "members": [member(30), member(31)],
        "health_monitors": [{
            "id": uuid(40), "pool": uuid(20), "name": "", "admin_state_up": true,
            "probe": {"kind": "TCP"}, "delay": 5, "timeout": 3, "rise": 1, "fall": 3, "tags": [],
        }],
    });
    serde_json::from_value(graph).expect("a valid graph")
}

fn without_listeners() -> LoadBalancerGraph {
    let mut graph = graph();
    graph.listeners.clear();
    graph.l7_policies.clear();
    graph
}

fn unmonitored() -> LoadBalancerGraph {
    let mut graph = graph();
    graph.health_monitors.clear();
    graph
}

fn serving(generation: u64, health: [MemberHealth; 2]) -> Observation {
    let down = health.iter().all(|health| *health == MemberHealth::Down);
    let pool = if down { PoolHealth::Down } else { PoolHealth::Up };
    Observation {
        served: Served::Serving(Generation::new(generation)),
        listeners: BTreeMap::from([(id(10), ListenerHealth::Open)]),
        pools: BTreeMap::from([(id(20), pool)]),
        members: BTreeMap::from([(id(30), health[0]), (id(31), health[1])]),
        ..Observation::default()
    }
}

fn absent() -> Observation {
    Observation::default()
}

fn remains() -> Observation {
    Observation { served: Served::Remains, ..Observation::default() }
}

struct Seen(OperatingStatuses);

impl Seen {
    fn summary(&self) -> [OperatingStatus; 5] {
        [
            self.0.load_balancer,
            self.listener(),
            self.0.pools[&id(20)],
            self.0.members[&id(30)],
            self.0.members[&id(31)],
        ]
    }

    fn listener(&self) -> OperatingStatus {
        self.0.listeners.get(&id(10)).copied().unwrap_or(OperatingStatus::Offline)
    }
}

fn seen(graph: &LoadBalancerGraph, served: u64, observation: Option<&Observation>) -> Seen {
    after(graph, served, observation, &OperatingStatuses::unknown())
}

fn after(
    graph: &LoadBalancerGraph,
    served: u64,
    observation: Option<&Observation>,
    previous: &OperatingStatuses,
) -> Seen {
    Seen(roll_up(graph, Generation::new(served), observation, previous))
}

const UP: MemberHealth = MemberHealth::Up;
const DOWN: MemberHealth = MemberHealth::Down;

#[test]
fn all_is_offline_until_something_is_seen() {
    assert_eq!(seen(&graph(), 0, None).summary(), [Offline; 5]);
    assert_eq!(
        seen(&unmonitored(), 0, None).summary(),
        [Offline, Offline, Offline, NoMonitor, NoMonitor]
    );
}

#[test]
fn the_worst_rises_to_the_top() {
    for (health, expected) in [
        ([UP, UP], [Online, Online, Online, Online, Online]),
        ([UP, DOWN], [Degraded, Online, Degraded, Online, Error]),
        ([DOWN, UP], [Degraded, Online, Degraded, Error, Online]),
        ([DOWN, DOWN], [Error, Online, Error, Error, Error]),
        ([UP, MemberHealth::Draining], [Online, Online, Online, Online, Draining]),
    ] {
        let seen = seen(&graph(), 5, Some(&serving(5, health)));
        assert_eq!(seen.summary(), expected, "{health:?}");
    }
}

#[test]
fn the_worst_pool_decides_among_pools() {
    let mut graph = graph();
    let mut other = graph.pools[0].clone();
    other.id = id(21);
    graph.pools.push(other);
    let mut listener = graph.listeners[0].clone();
    listener.id = id(11);
    listener.default_pool = Some(id(21));
    graph.listeners.push(listener);
    let mut observation = serving(5, [UP, DOWN]);
    observation.listeners.insert(id(11), ListenerHealth::Open);
    observation.pools.insert(id(21), PoolHealth::Down);
    let seen = seen(&graph, 5, Some(&observation));
    assert_eq!(
        seen.summary(),
        [Error, Online, Degraded, Online, Error],
        "a dead pool outweighs an impaired one"
    );
    assert_eq!(seen.0.pools[&id(21)], Error);
}

#[test]
fn a_full_listener_is_degraded_and_so_is_its_load_balancer() {
    let mut observation = serving(5, [UP, UP]);
    observation.listeners.insert(id(10), ListenerHealth::Full);
    assert_eq!(
        seen(&graph(), 5, Some(&observation)).summary(),
        [Degraded, Degraded, Online, Online, Online]
    );
}

#[test]
fn a_listener_that_is_missing_from_a_current_report_is_in_error() {
    let mut observation = serving(5, [UP, UP]);
    observation.listeners.clear();
    let missing = seen(&graph(), 5, Some(&observation));
    assert_eq!(missing.listener(), Error);
    assert_eq!(missing.0.load_balancer, Online, "the value above stays");

    observation.served = Served::Serving(Generation::new(4));
    for served in [4, 5] {
        let pending = seen(&graph(), served, Some(&observation));
        assert_eq!(pending.listener(), Offline, "the report is of generation 4");
    }
}

#[test]
fn an_older_generation_is_seen_for_what_it_is() {
    let seen = seen(&graph(), 4, Some(&serving(4, [UP, DOWN])));
    assert_eq!(
        seen.summary(),
        [Degraded, Online, Degraded, Online, Error],
        "a change on its way does not hide how traffic fares"
    );
    assert_eq!(seen.0.health_monitors[&id(40)], Offline);
}

#[test]
fn what_is_switched_off_is_offline() {
    let mut disabled = graph();
    disabled.load_balancer.admin_state_up = false;
    assert_eq!(seen(&disabled, 5, Some(&absent())).summary(), [Offline; 5]);

    let mut disabled = graph();
    disabled.listeners[0].admin_state_up = false;
    assert_eq!(
        seen(&disabled, 5, Some(&absent())).summary(),
        [Online, Offline, Offline, Offline, Offline],
        "a load balancer with nothing to serve serves that"
    );

    let mut disabled = graph();
    disabled.pools[0].admin_state_up = false;
    let report =
        Observation { pools: BTreeMap::new(), members: BTreeMap::new(), ..serving(5, [UP, UP]) };
    assert_eq!(
        seen(&disabled, 5, Some(&report)).summary(),
        [Online, Online, Offline, Offline, Offline]
    );

    let mut disabled = graph();
    disabled.members[1].admin_state_up = false;
    let report = serving(5, [UP, MemberHealth::Disabled]);
    assert_eq!(
        seen(&disabled, 5, Some(&report)).summary(),
        [Online, Online, Online, Online, Offline]
    );
}

#[test]
fn a_disabled_member_that_is_down_counts_for_nothing() {
    let mut graph = graph();
    graph.members[1].admin_state_up = false;
    assert_eq!(
        seen(&graph, 5, Some(&serving(5, [UP, DOWN]))).summary(),
        [Online, Online, Online, Online, Offline]
    );
}

#[test]
fn members_without_probes_are_trusted() {
    let health = [MemberHealth::Unmonitored; 2];
    let trusted = [Online, Online, Online, NoMonitor, NoMonitor];
    assert_eq!(seen(&unmonitored(), 5, Some(&serving(5, health))).summary(), trusted);
    let mut checks_off = graph();
    checks_off.health_monitors[0].admin_state_up = false;
    let seen = seen(&checks_off, 5, Some(&serving(5, health)));
    assert_eq!(seen.summary(), trusted);
    assert_eq!(seen.0.health_monitors[&id(40)], Offline);
}

#[test]
fn weight_0_drains_a_member_that_is_up() {
    let mut graph = graph();
    graph.members[0].weight = 0.try_into().expect("a weight");
    graph.members[1].weight = 0.try_into().expect("a weight");
    assert_eq!(
        seen(&graph, 5, Some(&serving(5, [UP, DOWN]))).summary(),
        [Degraded, Online, Degraded, Draining, Error]
    );
}

#[test]
fn a_pool_without_members_is_online_where_it_is_used() {
    let mut graph = graph();
    graph.members.clear();
    let mut observation = serving(5, [UP, UP]);
    observation.members.clear();
    let used = seen(&graph, 5, Some(&observation));
    assert_eq!(used.0.pools[&id(20)], Online);

    graph.listeners[0].default_pool = None;
    observation.pools.clear();
    let unused = seen(&graph, 5, Some(&observation));
    assert_eq!(unused.0.pools[&id(20)], Offline);
    assert_eq!(unused.0.load_balancer, Online);
}

#[test]
fn a_load_balancer_with_nothing_to_serve_is_online_once_served() {
    let graph = without_listeners();
    for observation in [None, Some(&absent())] {
        assert_eq!(seen(&graph, 4, observation).0.load_balancer, Offline);
        assert_eq!(seen(&graph, 5, observation).0.load_balancer, Online);
    }
}

#[test]
fn what_is_new_waits_offline_for_its_first_probe() {
    let unknown = serving(5, [UP, MemberHealth::Unknown]);
    assert_eq!(
        seen(&graph(), 5, Some(&unknown)).summary(),
        [Online, Online, Online, Online, Offline]
    );

    let trusted = OperatingStatuses {
        members: BTreeMap::from([(id(30), NoMonitor), (id(31), NoMonitor)]),
        ..OperatingStatuses::unknown()
    };
    let stale = serving(4, [MemberHealth::Unmonitored; 2]);
    let seen = after(&graph(), 4, Some(&stale), &trusted);
    assert_eq!(
        seen.summary()[3..],
        [Offline, Offline],
        "a monitor on its way ends the blind trust"
    );
}

#[test]
fn a_restart_keeps_what_was_known() {
    let before = seen(&graph(), 5, Some(&serving(5, [UP, DOWN]))).0;
    let to_be_made_anew = Observation { served: Served::Remains, ..serving(5, [DOWN, DOWN]) };
    for nothing_new in [None, Some(to_be_made_anew)] {
        let now = after(&graph(), 5, nothing_new.as_ref(), &before);
        assert_eq!(now.0, before, "{nothing_new:?}");
    }
    let unknown = serving(5, [MemberHealth::Unknown; 2]);
    let now = after(&graph(), 5, Some(&unknown), &before);
    assert_eq!(now.summary()[3..], before_members(&before));
}

fn before_members(before: &OperatingStatuses) -> [OperatingStatus; 2] {
    [before.members[&id(30)], before.members[&id(31)]]
}

#[test]
fn a_data_plane_that_is_gone_is_an_error_at_the_top() {
    let before = seen(&graph(), 5, Some(&serving(5, [UP, UP]))).0;
    for silence in [absent(), remains()] {
        let gone = after(&graph(), 5, Some(&silence), &before);
        assert_eq!(gone.summary(), [Error, Error, Online, Online, Online]);

        let not_yet = after(&graph(), 4, Some(&silence), &OperatingStatuses::unknown());
        assert_eq!(not_yet.summary(), [Offline; 5]);
    }
}

#[test]
fn monitors_policies_and_rules_are_online_once_served() {
    let pending = seen(&graph(), 4, None).0;
    assert_eq!(pending.health_monitors[&id(40)], Offline);
    assert_eq!(pending.l7_policies[&id(50)], Offline);
    let served = seen(&graph(), 5, None).0;
    assert_eq!(served.health_monitors[&id(40)], Online);
    assert_eq!(served.l7_policies[&id(50)], Online);

    let mut changed = graph();
    changed.generation = Generation::new(6);
    let pending = after(&changed, 5, None, &served).0;
    assert_eq!(pending.health_monitors[&id(40)], Online, "it still probes");
}

#[test]
fn another_dialect_words_the_same_facts() {
    const fn lbaas_v2(fact: Fact) -> Option<OperatingStatus> {
        match fact {
            Fact::Down => Some(Offline),
            Fact::Up
            | Fact::Impaired
            | Fact::Draining
            | Fact::Disabled
            | Fact::Unmonitored
            | Fact::Idle
            | Fact::Unchanged => octavia(fact),
        }
    }
    let graph = graph();
    let facts = facts(&graph, Generation::new(5), Some(&serving(5, [UP, DOWN])));
    assert_eq!(facts.members[&id(31)], Fact::Down);
    let worded = facts.worded(lbaas_v2, &OperatingStatuses::unknown());
    assert_eq!(worded.members[&id(31)], Offline);
    assert_eq!(worded.load_balancer, Degraded);
}
