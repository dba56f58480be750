//! How far a change has come: what clients see while the agent works, refuses, or is away.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_model::observed::{
    ListenerHealth, MemberHealth, Observation, PoolHealth, Served, Traffic,
};
use evenkeel_model::{Epoch, Generation};
use serde_json::{Value, json};

use crate::agent::{FakeAgent, Temper};
use crate::lab::{Client, Lab, id};

async fn statuses(client: Client<'_>, path: &str) -> (String, Value) {
    let object = client.get(path).await.is(200).only();
    (object["provisioning_status"].as_str().unwrap().to_owned(), object["status_reason"].clone())
}

#[tokio::test]
async fn a_change_shows_on_the_way_up_and_settles_together() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let root = format!("/loadbalancers/{load_balancer}");
    client.until_active(&root).await;
    lab.agent.as_ref().unwrap().turn(Temper::Silent);
    let listener = format!("/listeners/{}", client.listener(&load_balancer, 80).await);
    assert_eq!(statuses(client, &root).await.0, "PENDING_UPDATE");
    assert_eq!(statuses(client, &listener).await.0, "PENDING_CREATE");
    let other = client.put(&listener, json!({"listener": {"name": "x"}})).await;
    other.is(200);
    lab.agent.as_ref().unwrap().turn(Temper::Willing);
    client.until_active(&listener).await;
    client.until_active(&root).await;
}

#[tokio::test]
async fn a_refusal_shows_with_its_reason_and_the_next_change_cures_it() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let root = format!("/loadbalancers/{load_balancer}");
    client.until_active(&root).await;
    lab.agent.as_ref().unwrap().turn(Temper::Refusing("Port 80 is taken; choose another."));
    let listener = format!("/listeners/{}", client.listener(&load_balancer, 80).await);
    let failed = client.until(&listener, "provisioning_status", "ERROR").await;
    assert_eq!(failed["status_reason"], "Port 80 is taken; choose another.");
    lab.agent.as_ref().unwrap().turn(Temper::Willing);
    let cured = client.put(&listener, json!({"listener": {"name": "again"}})).await;
    cured.is(200);
    assert_eq!(client.until_active(&listener).await["status_reason"], Value::Null);
}

#[tokio::test]
async fn what_takes_too_long_is_an_error_that_heals_by_itself() {
    let lab = Lab::with(|config, _| config.bounds.pending = Duration::from_millis(100)).await;
    let agent = lab.agent.as_ref().unwrap();
    agent.turn(Temper::Trying("haproxy is missing: apt-get install haproxy"));
    let client = lab.member();
    let root = format!("/loadbalancers/{}", client.load_balancer().await);
    let late = client.until(&root, "provisioning_status", "ERROR").await;
    assert_eq!(late["status_reason"], "haproxy is missing: apt-get install haproxy");
    agent.turn(Temper::Willing);
    client.until_active(&root).await;
}

#[tokio::test]
async fn without_an_agent_it_is_said_who_is_missing_until_one_comes() {
    let lab =
        Lab::without_agent(|config, _| config.bounds.pending = Duration::from_millis(100)).await;
    let client = lab.member();
    let root = format!("/loadbalancers/{}", client.load_balancer().await);
    let late = client.until(&root, "provisioning_status", "ERROR").await;
    assert!(late["status_reason"].as_str().unwrap().contains("agent"), "{late}");
    let _agent = FakeAgent::connect(&lab.control, 1, Temper::Willing);
    client.until_active(&root).await;
}

#[tokio::test]
async fn strict_mode_refuses_changes_as_octavia_does() {
    let lab = Lab::with(|config, store| {
        config.strict_immutable = true;
        store.strict_immutable = true;
    })
    .await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let root = format!("/loadbalancers/{load_balancer}");
    client.until_active(&root).await;
    lab.agent.as_ref().unwrap().turn(Temper::Silent);
    client.listener(&load_balancer, 80).await;
    let body = json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 81,
    }});
    let child = format!("Load Balancer {load_balancer} is immutable and cannot be updated.");
    client.post("/listeners", body).await.refused(409, &child);
    let own = format!("Invalid state PENDING_UPDATE of loadbalancer resource {load_balancer}");
    client.put(&root, json!({"loadbalancer": {"name": "x"}})).await.refused(409, &own);
}

#[tokio::test]
async fn what_an_agent_sees_is_worded_and_counted() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    let pool = json!({"pool": {
        "listener_id": listener, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
    }});
    let pool = id(&client.create("/pools", pool).await);
    let (up, down) =
        (client.member(&pool, "10.0.0.8").await, client.member(&pool, "10.0.0.9").await);
    let monitor = json!({"healthmonitor": {
        "pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2,
    }});
    client.create("/healthmonitors", monitor).await;
    client.until_active(&format!("/loadbalancers/{load_balancer}")).await;
    let traffic = Traffic { bytes_in: 1, bytes_out: 2, total_connections: 3, ..Traffic::default() };
    let seen = Observation {
        served: Served::Serving(Generation::new(6)),
        listeners: BTreeMap::from([(listener.parse().unwrap(), ListenerHealth::Open)]),
        pools: BTreeMap::from([(pool.parse().unwrap(), PoolHealth::Up)]),
        members: BTreeMap::from([
            (up.parse().unwrap(), MemberHealth::Up),
            (down.parse().unwrap(), MemberHealth::Down),
        ]),
        traffic: BTreeMap::from([(listener.parse().unwrap(), traffic)]),
        ..Observation::default()
    };
    let (agent, epoch) = (lab.agent.as_ref().unwrap().id, Epoch::new(1));
    let store = lab.control.store();
    store.observe(agent, load_balancer.parse().unwrap(), epoch, seen).await.unwrap();
    let operating =
        async |path: String| client.get(&path).await.is(200).only()["operating_status"].clone();
    assert_eq!(operating(format!("/pools/{pool}/members/{up}")).await, "ONLINE");
    assert_eq!(operating(format!("/pools/{pool}/members/{down}")).await, "ERROR");
    assert_eq!(operating(format!("/pools/{pool}")).await, "DEGRADED");
    assert_eq!(operating(format!("/loadbalancers/{load_balancer}")).await, "DEGRADED");
    let counted = json!({
        "bytes_in": 1, "bytes_out": 2, "active_connections": 0, "total_connections": 3,
        "request_errors": 0,
    });
    for path in
        [format!("/listeners/{listener}/stats"), format!("/loadbalancers/{load_balancer}/stats")]
    {
        assert_eq!(client.get(&path).await.is(200).json(), json!({"stats": counted}));
    }
}

#[tokio::test]
async fn the_status_tree_has_the_contracts_keys() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    let pool = json!({"pool": {
        "listener_id": listener, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
    }});
    let pool = id(&client.create("/pools", pool).await);
    client.pool(&load_balancer).await;
    client.member(&pool, "10.0.0.9").await;
    for alias in ["status", "statuses"] {
        let tree =
            client.get(&format!("/loadbalancers/{load_balancer}/{alias}")).await.is(200).json();
        let root = &tree["statuses"]["loadbalancer"];
        assert_eq!(root.as_object().unwrap().len(), 5, "{root}");
        let pools = root["listeners"][0]["pools"].as_array().unwrap();
        assert_eq!(pools.len(), 1, "a pool that no listener uses is not in it");
        assert_eq!(pools[0]["health_monitor"], Value::Null);
        assert_eq!(pools[0]["members"][0]["address"], "10.0.0.9");
    }
}

#[tokio::test]
async fn a_change_reaches_the_agent_without_waiting_for_a_heartbeat() {
    let lab = Lab::with(|config, _| config.bounds.heartbeat = Duration::from_hours(1)).await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    client.until_active(&format!("/loadbalancers/{load_balancer}")).await;
    let listener = client.listener(&load_balancer, 80).await;
    client.until_active(&format!("/listeners/{listener}")).await;
    let graphs = lab.agent.as_ref().unwrap().graphs.borrow().clone();
    assert_eq!(graphs[&load_balancer.parse().unwrap()].listeners.len(), 1);
}
