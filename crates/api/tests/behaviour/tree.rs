//! Whole load balancers in one call (contract 3.10), and how they are shown.

use std::cell::Cell;

use evenkeel_api::Fault;
use evenkeel_api::load_balancer::{Create, Tree};
use evenkeel_api::whole::{Whole, full_view, statistics, status_tree};
use evenkeel_model::observed::Traffic;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{LoadBalancerId, Resource, ResourceKind};
use serde_json::{Value, json};

use crate::{decode, defaults, id, record};

fn plant(mut body: Value) -> Result<Tree, Fault> {
    body["vip_subnet_id"] = json!(id(9));
    let create: Create = decode(&json!({"loadbalancer": body}))?;
    let next = Cell::new(100);
    let provider = ProviderName::new("amphora");
    create.into_tree(LoadBalancerId::new(id(1)), provider, &defaults(), &mut || {
        next.set(next.get() + 1);
        id(next.get())
    })
}

fn refused(body: Value) -> (u16, String) {
    let fault = plant(body).unwrap_err();
    (fault.status(), fault.message().to_owned())
}

fn pool(name: &str) -> Value {
    json!({"name": name, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"})
}

fn listener(with: Value) -> Value {
    let mut body = json!({"protocol": "HTTP", "protocol_port": 80});
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn everything() -> Value {
    let mut app = pool("app");
    app["members"] = json!([{"address": "10.0.0.5", "protocol_port": 8080}]);
    app["healthmonitor"] = json!({"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 3});
    json!({
        "name": "web",
        "pools": [app],
        "listeners": [listener(json!({
            // What says the default says nothing.
            "default_pool": {"name": "app", "admin_state_up": true, "tls_enabled": false},
            "l7policies": [
                {"action": "REDIRECT_TO_POOL", "redirect_pool": pool("img"), "rules": [
                    {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/img"},
                ]},
                {"action": "REJECT", "position": 1},
            ],
        }))],
    })
}

#[test]
fn pools_are_found_wherever_they_are_defined() {
    let tree = plant(everything()).unwrap();
    let names: Vec<&str> = tree.pools.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["app", "img"]);
    assert_eq!(tree.listeners[0].default_pool, Some(tree.pools[0].id));
    let actions: Vec<_> =
        tree.l7_policies.iter().map(|it| (it.position.get(), it.action.kind().word())).collect();
    assert_eq!(actions, [(1, "REJECT"), (2, "REDIRECT_TO_POOL")]);
    assert_eq!(tree.l7_policies[1].action.pool(), Some(tree.pools[1].id));
    assert_eq!(tree.l7_rules[0].policy, tree.l7_policies[1].id);
    assert_eq!(tree.health_monitors[0].pool, tree.members[0].pool);
    assert_eq!(tree.load_balancer.provider.as_str(), "amphora");
    assert_eq!(tree.count(ResourceKind::Pool), 2);
}

#[test]
fn pools_that_cannot_be_are_refused() {
    let rule = |text: &str| (400, format!("Validation failure: {text}"));
    let within = |pool: Value| json!({"listeners": [listener(json!({"default_pool": pool}))]});
    assert_eq!(
        refused(within(json!({"protocol": "HTTP"}))),
        rule("Pools must be named when creating a fully populated loadbalancer.")
    );
    assert_eq!(
        refused(json!({"pools": [pool("a"), pool("a")]})),
        rule("Pool names must be unique when creating a fully populated loadbalancer.")
    );
    assert_eq!(
        refused(within(json!({"name": "a"}))),
        rule("Pool 'a' was referenced but no full definition was found.")
    );
    assert_eq!(
        refused(within(json!({"name": "a", "protocol": "HTTP"}))),
        rule("Pool definition for 'a' missing required attribute: lb_algorithm")
    );
    assert_eq!(
        refused(json!({"pools": [{"name": "a"}]})),
        rule("Pool definition for 'a' missing required attribute: protocol")
    );
    let mut tcp = pool("a");
    tcp["protocol"] = json!("TCP");
    assert_eq!(
        refused(within(tcp)),
        rule("The pool protocol 'TCP' is invalid while the listener protocol is 'HTTP'.")
    );
    let absent = json!({"listeners": [listener(json!({"default_pool_id": id(7)}))]});
    assert_eq!(refused(absent), (404, format!("Pool {} not found.", id(7))));
    assert!(plant(json!({"pools": [{"protocol": "TCP", "lb_algorithm": "SOURCE_IP"}]})).is_ok());
}

#[test]
fn what_is_in_the_way_of_another_is_refused() {
    let twice = json!({"listeners": [listener(json!({})), listener(json!({"protocol": "TCP"}))]});
    let (status, text) = refused(twice);
    assert_eq!(status, 409);
    assert_eq!(
        text,
        "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80"
    );
    assert!(
        plant(json!({"listeners": [listener(json!({})), listener(json!({"protocol": "UDP"}))]}))
            .is_ok()
    );
    let mut full = pool("a");
    let member = json!({"address": "10.0.0.5", "protocol_port": 80});
    full["members"] = json!([member, member]);
    assert_eq!(
        refused(json!({"pools": [full]})),
        (
            409,
            "Another member on this pool is already using ip 10.0.0.5 on protocol_port 80"
                .to_owned()
        )
    );
    let rule = json!({"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"});
    let policy = json!({"action": "REJECT", "rules": vec![rule; 51]});
    assert_eq!(refused(json!({"listeners": [listener(json!({"l7policies": [policy]}))]})).0, 409);
}

#[test]
fn what_belongs_to_single_calls_is_unknown_here() {
    let nested = json!({"listeners": [listener(json!({"loadbalancer_id": id(1)}))]});
    assert_eq!(
        refused(nested).1,
        "Unknown attribute for argument load_balancer.loadbalancer.listeners: loadbalancer_id"
    );
    let policy = json!({"action": "REDIRECT_TO_POOL", "redirect_pool_id": id(1)});
    let nested = json!({"listeners": [listener(json!({"l7policies": [policy]}))]});
    assert_eq!(
        refused(nested).1,
        "Unknown attribute for argument load_balancer.loadbalancer.listeners.l7policies: \
         redirect_pool_id"
    );
    let metrics = listener(json!({"protocol": "PROMETHEUS", "l7policies": [{"action": "REJECT"}]}));
    assert_eq!(
        refused(json!({"listeners": [metrics]})).1,
        "Protocol PROMETHEUS listeners cannot have child objects."
    );
}

fn whole(tree: &Tree) -> Whole {
    let mut load_balancer = record(tree.load_balancer.clone());
    load_balancer.related.listeners = tree.listeners.iter().map(Resource::id).collect();
    let mut pools: Vec<_> = tree.pools.iter().cloned().map(record).collect();
    pools[0].related.listeners = vec![tree.listeners[0].id];
    pools[0].related.health_monitor = Some(tree.health_monitors[0].id);
    Whole {
        load_balancer,
        listeners: tree.listeners.iter().cloned().map(record).collect(),
        l7_policies: tree.l7_policies.iter().cloned().map(record).collect(),
        l7_rules: tree.l7_rules.iter().cloned().map(record).collect(),
        pools,
        members: tree.members.iter().cloned().map(record).collect(),
        health_monitors: tree.health_monitors.iter().cloned().map(record).collect(),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_full_view_nests_everything() {
    let view = full_view(&whole(&plant(everything()).unwrap()));
    let listener = &view["listeners"][0];
    assert!(listener.get("loadbalancers").is_none());
    assert_eq!(listener["l7policies"][1]["rules"][0]["value"], "/img");
    let pools = &view["pools"];
    for absent in ["loadbalancers", "healthmonitor_id"] {
        assert!(pools[0].get(absent).is_none(), "{absent}");
    }
    assert_eq!(pools[0]["healthmonitor"]["type"], "HTTP");
    assert!(pools[0]["healthmonitor"].get("pools").is_none());
    assert_eq!(pools[0]["members"][0]["address"], "10.0.0.5");
    assert_eq!(pools[1]["healthmonitor"], Value::Null);
    assert_eq!(view["provisioning_status"], "PENDING_CREATE");
}

#[test]
fn the_status_tree_shows_pools_in_use_and_nothing_more() {
    let tree = status_tree(&whole(&plant(everything()).unwrap()));
    let root = &tree["statuses"]["loadbalancer"];
    assert_eq!(keys(root), ["id", "name", "operating_status", "provisioning_status", "listeners"]);
    let pools = root["listeners"][0]["pools"].as_array().unwrap();
    assert_eq!(pools.len(), 1);
    assert_eq!(pools[0]["health_monitor"]["type"], "HTTP");
    assert_eq!(pools[0]["members"][0]["protocol_port"], 8080);
    let stats = statistics(Traffic { bytes_in: 1, ..Traffic::default() });
    assert_eq!(
        keys(&stats["stats"]),
        ["bytes_in", "bytes_out", "active_connections", "total_connections", "request_errors"]
    );
}
