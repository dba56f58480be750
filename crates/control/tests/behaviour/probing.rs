//! What nodes say of how they can probe.

use axum::http::StatusCode;
use evenkeel_model::AgentId;
use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;
use evenkeel_store::AgentHello;
use serde_json::json;
use uuid::Uuid;

use crate::lab::{Lab, SUBNET};

async fn says(lab: &Lab, number: u128, probes: &[ProbeKind]) {
    let hello = AgentHello {
        agent: AgentId::new(Uuid::from_u128(number)),
        host: format!("node-{number}"),
        providers: vec![ProviderName::new("haproxy")],
        capacity: 10,
        probes: probes.to_vec(),
    };
    lab.control.store().hello(hello).await.unwrap();
}

/// What becomes of a load balancer whose pool is pinged.
async fn pinged(lab: &Lab) -> (StatusCode, String) {
    let monitor = json!({"type": "PING", "delay": 5, "timeout": 3, "max_retries": 2});
    let pool = json!({
        "name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": monitor,
    });
    let listener = json!({
        "name": "l", "protocol": "TCP", "protocol_port": 80, "default_pool": pool,
    });
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "listeners": [listener]}});
    let answer = lab.member().post("/v2/lbaas/loadbalancers", body).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn a_probe_that_no_node_can_send_is_refused_when_it_is_asked_for() {
    let lab = Lab::without_agent(|_, _| ()).await;
    assert_eq!(pinged(&lab).await.0, 201, "nobody has said anything yet");
    says(&lab, 1, &[]).await;
    assert_eq!(pinged(&lab).await.0, 201, "an agent of an earlier version says nothing");
    says(&lab, 1, &[ProbeKind::Tcp]).await;
    let (status, text) = pinged(&lab).await;
    assert_eq!(status, 501, "{text}");
    assert!(text.contains("PING") && text.contains("evenkeel doctor"), "{text}");
    says(&lab, 2, &[ProbeKind::Tcp, ProbeKind::Ping]).await;
    assert_eq!(pinged(&lab).await.0, 201, "one node can");
}

#[tokio::test]
async fn a_monitor_by_itself_is_judged_alike() {
    let lab = Lab::without_agent(|_, _| ()).await;
    says(&lab, 1, &[ProbeKind::Tcp]).await;
    let load_balancer = lab.member().load_balancer().await;
    let pool = json!({"pool": {
        "loadbalancer_id": load_balancer, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
    }});
    let pool = lab.member().post("/v2/lbaas/pools", pool).await.is(201).json();
    for (kind, status) in [("PING", 501), ("TCP", 201)] {
        let monitor = json!({"healthmonitor": {
            "pool_id": pool["pool"]["id"], "type": kind, "delay": 5, "timeout": 3, "max_retries": 2,
        }});
        lab.member().post("/v2/lbaas/healthmonitors", monitor).await.is(status);
    }
}
