//! A load balancer shown with all that is in it (contract 2.1.4 to 2.1.6).

use std::collections::BTreeMap;

use evenkeel_model::observed::Traffic;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7PolicyId, L7Rule, Listener, ListenerId, LoadBalancer, Member, Pool,
    PoolId, Record, Resource,
};
use serde_json::{Value, json};

use crate::{health_monitor, l7_policy, l7_rule, listener, load_balancer, member, pool};

/// All records of one load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The root.
    pub load_balancer: Record<LoadBalancer>,
    /// Its listeners, oldest first.
    pub listeners: Vec<Record<Listener>>,
    /// Their policies, by position.
    pub l7_policies: Vec<Record<L7Policy>>,
    /// Their rules, oldest first.
    pub l7_rules: Vec<Record<L7Rule>>,
    /// Its pools, oldest first.
    pub pools: Vec<Record<Pool>>,
    /// Their members, oldest first.
    pub members: Vec<Record<Member>>,
    /// Their monitors.
    pub health_monitors: Vec<Record<HealthMonitor>>,
}

/// The records by the parent that they have in common.
struct Children<'a> {
    policies: BTreeMap<ListenerId, Vec<&'a Record<L7Policy>>>,
    rules: BTreeMap<L7PolicyId, Vec<&'a Record<L7Rule>>>,
    pools: BTreeMap<ListenerId, Vec<&'a Record<Pool>>>,
    members: BTreeMap<PoolId, Vec<&'a Record<Member>>>,
    monitors: BTreeMap<PoolId, &'a Record<HealthMonitor>>,
}

impl<'a> Children<'a> {
    fn of(whole: &'a Whole) -> Self {
        let mut pools = BTreeMap::<_, Vec<_>>::new();
        for pool in &whole.pools {
            // The store has found out who uses it (contract 3.6).
            for listener in &pool.related.listeners {
                pools.entry(*listener).or_default().push(pool);
            }
        }
        Self {
            policies: by(&whole.l7_policies, |it| it.listener),
            rules: by(&whole.l7_rules, |it| it.policy),
            pools,
            members: by(&whole.members, |it| it.pool),
            monitors: whole.health_monitors.iter().map(|it| (it.value.pool, it)).collect(),
        }
    }
}

fn by<T: Resource, P: Ord>(
    records: &[Record<T>],
    parent: impl Fn(&T) -> P,
) -> BTreeMap<P, Vec<&Record<T>>> {
    let mut children = BTreeMap::<_, Vec<_>>::new();
    for record in records {
        children.entry(parent(&record.value)).or_default().push(record);
    }
    children
}

fn shown<T>(records: Option<&Vec<&T>>, view: impl Fn(&T) -> Value) -> Value {
    records.into_iter().flatten().map(|record| view(record)).collect()
}

/// What the creation of a load balancer answers: everything, nested.
pub fn full_view(whole: &Whole) -> Value {
    let children = Children::of(whole);
    let mut view = load_balancer::view(&whole.load_balancer);
    view["listeners"] = whole.listeners.iter().map(|it| full_listener(it, &children)).collect();
    view["pools"] = whole.pools.iter().map(|it| full_pool(it, &children)).collect();
    view
}

fn without(mut view: Value, keys: &[&str]) -> Value {
    if let Value::Object(map) = &mut view {
        for key in keys {
            map.shift_remove(*key);
        }
    }
    view
}

fn full_listener(record: &Record<Listener>, children: &Children<'_>) -> Value {
    let mut view = without(listener::view(record), &["loadbalancers"]);
    view["l7policies"] = shown(children.policies.get(&record.value.id), |policy| {
        let mut view = l7_policy::view(policy);
        view["rules"] = shown(children.rules.get(&policy.value.id), l7_rule::view);
        view
    });
    view
}

fn full_pool(record: &Record<Pool>, children: &Children<'_>) -> Value {
    let mut view = without(pool::view(record), &["loadbalancers", "healthmonitor_id"]);
    let monitor = children.monitors.get(&record.value.id);
    let monitor = monitor.map(|it| without(health_monitor::view(it), &["pools"]));
    view["healthmonitor"] = monitor.unwrap_or(Value::Null);
    view["members"] = shown(children.members.get(&record.value.id), member::view);
    view
}

/// What a node of the status tree shows; the names of objects that have none are left out.
fn status<T: Resource>(record: &Record<T>, name: &str) -> Value {
    json!({
        "id": record.value.id().to_string(),
        "name": name,
        "operating_status": record.operating_status.word(),
        "provisioning_status": record.provisioning_status.word(),
    })
}

/// The status tree: only pools that a listener uses, each below every listener that does.
pub fn status_tree(whole: &Whole) -> Value {
    let children = Children::of(whole);
    let mut root = status(&whole.load_balancer, whole.load_balancer.value.name.as_str());
    let listeners = whole.listeners.iter().map(|listener| {
        let mut node = status(listener, listener.value.name.as_str());
        let pools = children.pools.get(&listener.value.id);
        node["pools"] = shown(pools, |pool| pool_status(pool, &children));
        node
    });
    root["listeners"] = listeners.collect();
    json!({"statuses": {"loadbalancer": root}})
}

fn pool_status(pool: &Record<Pool>, children: &Children<'_>) -> Value {
    let mut node = status(pool, pool.value.name.as_str());
    let monitor = children.monitors.get(&pool.value.id).map(|monitor| {
        let mut node = status(monitor, monitor.value.name.as_str());
        node["type"] = json!(monitor.value.probe.kind().word());
        node
    });
    node["health_monitor"] = monitor.unwrap_or(Value::Null);
    node["members"] = shown(children.members.get(&pool.value.id), |member| {
        let mut node = status(member, member.value.name.as_str());
        node["address"] = json!(member.value.address.spelling());
        node["protocol_port"] = json!(member.value.protocol_port.get());
        node
    });
    node
}

/// The counters of a listener, or of all listeners of a load balancer.
pub fn statistics(traffic: Traffic) -> Value {
    json!({
        "stats": {
            "bytes_in": traffic.bytes_in,
            "bytes_out": traffic.bytes_out,
            "active_connections": traffic.active_connections,
            "total_connections": traffic.total_connections,
            "request_errors": traffic.request_errors,
        },
    })
}
