//! Quotas (contract 2.9, 6).

use serde_json::{Value, json};

use crate::lab::{Lab, OTHER, OWN, SUBNET};

#[tokio::test]
async fn a_quota_is_set_in_part_and_taken_back() {
    let lab =
        Lab::with(|config, _| config.limits.pool = evenkeel_model::quota::Limit::AtMost(9)).await;
    let admin = lab.admin();
    let path = format!("/quotas/{OTHER}");
    admin.delete(&path).await.refused(404, &format!("Quotas {OTHER} not found."));
    let set = admin
        .put(&path, json!({"quota": {"load_balancer": 5, "loadbalancer": 4, "member": null}}))
        .await;
    let quota = set.is(202).json()["quota"].clone();
    assert_eq!((&quota["loadbalancer"], &quota["load_balancer"]), (&json!(4), &json!(4)));
    assert_eq!((&quota["pool"], &quota["member"]), (&json!(9), &json!(-1)));
    assert_eq!((&quota["project_id"], &quota["tenant_id"]), (&json!(OTHER), &json!(OTHER)));
    assert_eq!(admin.get(&path).await.is(200).only(), quota);
    let listed = admin.get("/quotas").await.is(200).json();
    assert_eq!(listed, json!({"quotas": [quota], "quotas_links": []}));
    assert_eq!(lab.member().get("/quotas").await.is(200).json()["quotas"], json!([]));
    for (query, found) in [("?pool=9", 1), ("?pool=8", 0), ("?project_id=nobody", 0)] {
        let listed = admin.get(&format!("/quotas{query}")).await.is(200).json();
        assert_eq!(listed["quotas"].as_array().map(Vec::len), Some(found), "{query}");
    }
    admin.get("/quotas?x=1").await.is(400);
    lab.member().get(&format!("/quotas?project_id={OTHER}")).await.is(403);
    let reset = admin.delete(&path).await;
    assert_eq!(reset.is(202).text, "");
    assert_eq!(admin.get(&path).await.only()["loadbalancer"], -1);
    for body in [json!({"quota": {"project_id": "x"}}), json!({"quota": {"pool": -2}}), json!({})] {
        admin.put(&path, body).await.is(400);
    }
    admin.put(&path, json!({"quota": {}})).await.is(202);
}

#[tokio::test]
async fn defaults_have_urls_of_their_own() {
    let lab = Lab::new().await;
    let member = lab.member();
    assert_eq!(member.get("/quotas/defaults").await.is(200).only()["project_id"], "defaults");
    assert_eq!(
        member.get(&format!("/quotas/{OWN}/default")).await.is(200).only()["project_id"],
        OWN
    );
    assert_eq!(
        member.get(&format!("/quotas/{OWN}?fields=pool")).await.is(200).only(),
        json!({"pool": -1})
    );
}

#[tokio::test]
async fn every_kind_has_its_limit() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    let pool = client.pool(&load_balancer).await;
    let policy = json!({"l7policy": {"listener_id": listener, "action": "REJECT"}});
    let policy = crate::lab::id(&client.create("/l7policies", policy).await);
    let zero = json!({"quota": {
        "loadbalancer": 0, "listener": 0, "pool": 0, "member": 0, "healthmonitor": 0,
        "l7policy": 0, "l7rule": 0,
    }});
    lab.admin().put(&format!("/quotas/{OWN}"), zero).await.is(202);
    let met = async |path: &str, body: Value, name: &str| {
        let text = format!("Quota has been met for resources: {name}");
        client.post(path, body).await.refused(403, &text);
    };
    met("/loadbalancers", json!({"loadbalancer": {"vip_subnet_id": SUBNET}}), "Load Balancer")
        .await;
    met(
        "/listeners",
        json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 81}}),
        "Listener",
    )
    .await;
    met(
        "/pools",
        json!({"pool": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "SOURCE_IP"}}),
        "Pool",
    )
    .await;
    met(
        &format!("/pools/{pool}/members"),
        json!({"member": {
        "address": "10.0.0.9", "protocol_port": 80}}),
        "Member",
    )
    .await;
    met(
        "/healthmonitors",
        json!({"healthmonitor": {
        "pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}}),
        "Health Monitor",
    )
    .await;
    met(
        "/l7policies",
        json!({"l7policy": {"listener_id": listener, "action": "REJECT"}}),
        "L7 Policy",
    )
    .await;
    met(
        &format!("/l7policies/{policy}/rules"),
        json!({"rule": {
        "type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}}),
        "L7 Rule",
    )
    .await;
}

#[tokio::test]
async fn what_has_gone_makes_room() {
    let lab = Lab::new().await;
    let client = lab.member();
    lab.admin().put(&format!("/quotas/{OWN}"), json!({"quota": {"loadbalancer": 1}})).await.is(202);
    let root = format!("/loadbalancers/{}", client.load_balancer().await);
    client.until_active(&root).await;
    client.delete(&root).await.is(204);
    client.until_gone(&root).await;
    client.load_balancer().await;
}
