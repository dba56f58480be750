//! What operators see and do: providers, nodes, placements, failover.

use std::time::Duration;

use evenkeel_model::provider::ProviderName;
use serde_json::json;

use crate::agent::{FakeAgent, Temper};
use crate::lab::{Lab, OWN, SUBNET};

#[tokio::test]
async fn providers_are_those_of_the_configuration() {
    let lab = Lab::new().await;
    let client = lab.caller(OWN, "reader");
    let list = client.get("/providers?fields=name").await.is(200).json();
    let names = ["haproxy", "amphora", "octavia", "small"].map(|name| json!({"name": name}));
    assert_eq!(list, json!({"providers": names}));
}

#[tokio::test]
async fn the_operator_chooses_the_default_provider() {
    let lab = Lab::with(|config, _| config.default_provider = ProviderName::new("small")).await;
    let client = lab.member();
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
    let made = client.create("/loadbalancers", body).await;
    assert_eq!(made["provider"], "small");
    // It is not only said so: this one cannot do HTTP.
    let listener = json!({"listener": {
        "loadbalancer_id": made["id"], "protocol": "HTTP", "protocol_port": 80,
    }});
    client.post("/listeners", listener).await.is(501);
    let named = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "provider": "haproxy"}});
    assert_eq!(client.create("/loadbalancers", named).await["provider"], "haproxy");
}

#[tokio::test]
async fn a_failover_raises_the_epoch_and_comes_back() {
    let lab = Lab::new().await;
    let id = lab.member().load_balancer().await;
    let root = format!("/loadbalancers/{id}");
    lab.member().until_active(&root).await;
    let admin = lab.admin();
    let epoch = async || {
        let list = admin.get("/v2/evenkeel/placements").await.is(200).json();
        list["placements"][0]["epoch"].as_u64().unwrap()
    };
    let before = epoch().await;
    let answer = admin.put(&format!("{root}/failover"), json!({"anything": 1})).await;
    assert_eq!(answer.is(202).text, "");
    assert_eq!(epoch().await, before + 1);
    lab.member().until_active(&root).await;
}

#[tokio::test]
async fn nodes_are_for_admins() {
    let lab = Lab::new().await;
    let root = format!("/loadbalancers/{}", lab.member().load_balancer().await);
    lab.member().until_active(&root).await;
    let nodes = lab.admin().get("/v2/evenkeel/nodes").await.is(200).json();
    let node = &nodes["nodes"][0];
    assert_eq!((&node["alive"], &node["placed"]), (&json!(true), &json!(1)));
    for path in ["/v2/evenkeel/nodes", "/v2/evenkeel/placements"] {
        lab.member().get(path).await.is(403);
    }
}

#[tokio::test]
async fn what_was_on_a_dead_agent_moves_to_a_living_one() {
    let mut lab = Lab::with(|config, _| {
        config.bounds.heartbeat = Duration::from_millis(20);
        config.bounds.agent_down_time = Duration::from_millis(300);
    })
    .await;
    let client = lab.member();
    let id = client.load_balancer().await;
    let root = format!("/loadbalancers/{id}");
    client.until_active(&root).await;
    let second = FakeAgent::connect(&lab.control, 2, Temper::Willing);
    lab.agent.take().unwrap().die();
    let client = lab.member();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut rounds = tokio::time::interval(Duration::from_millis(2));
    while !second.graphs.borrow().contains_key(&id.parse().unwrap()) {
        assert!(tokio::time::Instant::now() < deadline, "it did not move");
        rounds.tick().await;
    }
    client.until_active(&root).await;
    let list = lab.admin().get("/v2/evenkeel/placements").await.json();
    assert_eq!(list["placements"][0]["node_id"], json!(second.id.to_string()));
    assert_eq!(list["placements"][0]["epoch"], 2);
}

/// Waits until the second agent has said what it is.
async fn two_nodes(lab: &Lab) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let count = async || {
        let nodes = lab.admin().get("/v2/evenkeel/nodes").await.json();
        nodes["nodes"].as_array().unwrap().len()
    };
    while count().await < 2 {
        assert!(tokio::time::Instant::now() < deadline, "it did not come");
    }
}

#[tokio::test]
async fn a_load_balancer_stays_where_it_was_placed_whoever_comes() {
    let lab = Lab::new().await;
    let client = lab.member();
    let host = async || {
        let list = lab.admin().get("/v2/evenkeel/placements").await.json();
        (list["placements"][0]["node_id"].clone(), list["placements"][0]["epoch"].clone())
    };
    let id = client.load_balancer().await;
    client.until_active(&format!("/loadbalancers/{id}")).await;
    let before = host().await;
    let emptier = FakeAgent::connect(&lab.control, 2, Temper::Willing);
    two_nodes(&lab).await;
    // The next goes to whoever has fewer, and nothing moves for that.
    let next = client.load_balancer().await;
    client.until_active(&format!("/loadbalancers/{next}")).await;
    assert!(emptier.graphs.borrow().contains_key(&next.parse().unwrap()));
    client.listener(&id, 80).await;
    client.until_active(&format!("/loadbalancers/{id}")).await;
    assert_eq!(host().await, before);
}

#[tokio::test]
async fn a_second_agent_is_told_nothing_of_what_the_first_holds() {
    let lab = Lab::new().await;
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
    let made = lab.member().create("/loadbalancers", body).await;
    let root = format!("/loadbalancers/{}", crate::lab::id(&made));
    lab.member().until_active(&root).await;
    let stranger = FakeAgent::connect(&lab.control, 7, Temper::Willing);
    two_nodes(&lab).await;
    assert!(stranger.graphs.borrow().is_empty());
    lab.member().until_active(&root).await;
}
