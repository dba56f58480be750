//! Each kind of resource is created, shown, changed and deleted.

use serde_json::{Value, json};

use crate::lab::{Client, Lab, OWN, SUBNET, id};

/// What every kind goes through.
async fn lives(client: Client<'_>, path: &str, body: Value, change: Value) -> Value {
    let created = client.create(path, body).await;
    assert_eq!(created["provisioning_status"], "PENDING_CREATE", "{created}");
    assert_eq!((&created["project_id"], &created["tenant_id"]), (&json!(OWN), &json!(OWN)));
    assert_eq!(created["updated_at"], Value::Null);
    let item = format!("{path}/{}", id(&created));
    let active = client.until_active(&item).await;
    let root = change.as_object().unwrap().keys().next().unwrap().clone();
    let changed = client.put(&item, change.clone()).await.is(200).json()[&root].take();
    assert_eq!(changed["provisioning_status"], "PENDING_UPDATE", "{changed}");
    for (field, value) in change[&root].as_object().unwrap() {
        assert_eq!(changed[field], *value, "{field}");
    }
    let settled = client.until_active(&item).await;
    assert_ne!(settled["updated_at"], Value::Null);
    client.delete(&item).await.is(204);
    client.until_gone(&item).await;
    active
}

#[tokio::test]
async fn a_load_balancer_lives() {
    let lab = Lab::new().await;
    let body =
        json!({"loadbalancer": {"name": "web", "vip_subnet_id": SUBNET, "tags": ["b", "a"]}});
    let change = json!({"loadbalancer": {"name": "new", "admin_state_up": false, "tags": ["c"]}});
    let shown = lives(lab.member(), "/loadbalancers", body, change).await;
    assert_eq!(shown["provider"], "haproxy");
    assert_eq!(shown["tags"], json!(["a", "b"]));
    assert_eq!(shown["vip_subnet_id"], json!(SUBNET));
    assert!(shown["vip_address"].as_str().unwrap().starts_with("10.0.0."), "{shown}");
    assert_eq!(shown["status_reason"], Value::Null);
}

#[tokio::test]
async fn a_listener_lives() {
    let lab = Lab::new().await;
    let load_balancer = lab.member().load_balancer().await;
    let body = json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": "81",
        "insert_headers": {"X-Forwarded-For": "true"},
    }});
    let change = json!({"listener": {"connection_limit": 7, "timeout_client_data": 1}});
    let shown = lives(lab.member(), "/listeners", body, change).await;
    assert_eq!(shown["protocol_port"], 81);
    assert_eq!(shown["loadbalancers"], json!([{"id": load_balancer}]));
    assert_eq!(shown["connection_limit"], -1);
}

#[tokio::test]
async fn a_pool_lives_as_the_default_pool_of_a_listener() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    // Horizon sends both parents.
    let body = json!({"pool": {
        "loadbalancer_id": load_balancer, "listener_id": listener, "protocol": "HTTP",
        "lb_algorithm": "ROUND_ROBIN", "session_persistence": {"type": "HTTP_COOKIE"},
    }});
    let change = json!({"pool": {"lb_algorithm": "SOURCE_IP", "session_persistence": null}});
    let shown = lives(client, "/pools", body, change).await;
    assert_eq!(shown["listeners"], json!([{"id": listener}]));
    assert_eq!(shown.get("healthmonitor_id"), None);
    let listener = client.until_active(&format!("/listeners/{listener}")).await;
    assert_eq!(listener["default_pool_id"], Value::Null);
}

#[tokio::test]
async fn a_pool_serves_as_many_listeners_as_name_it() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let pool = client.pool(&load_balancer).await;
    let mut listeners = Vec::new();
    for port in [80, 100] {
        let body = json!({"listener": {
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": port,
            "default_pool_id": pool,
        }});
        listeners.push(json!({"id": id(&client.create("/listeners", body).await)}));
    }
    let mut shown = client.until_active(&format!("/pools/{pool}")).await["listeners"].take();
    let key = |listener: &Value| listener["id"].as_str().unwrap().to_owned();
    shown.as_array_mut().unwrap().sort_by_key(key);
    listeners.sort_by_key(key);
    assert_eq!(shown, json!(listeners));
}

#[tokio::test]
async fn a_member_lives() {
    let lab = Lab::new().await;
    let client = lab.member();
    let pool = client.pool(&client.load_balancer().await).await;
    let body = json!({"member": {
        "address": "2001:db8:0:0:0:0:0:1", "protocol_port": 80, "subnet_id": SUBNET,
    }});
    let change = json!({"member": {"weight": 0, "backup": true, "monitor_port": 81}});
    let shown = lives(client, &format!("/pools/{pool}/members"), body, change).await;
    assert_eq!(shown["address"], "2001:db8:0:0:0:0:0:1");
    assert_eq!(shown["weight"], 1);
    assert_eq!(shown["operating_status"], "NO_MONITOR");
}

#[tokio::test]
async fn a_health_monitor_lives() {
    let lab = Lab::new().await;
    let client = lab.member();
    let pool = client.pool(&client.load_balancer().await).await;
    let body = json!({"healthmonitor": {
        "pool_id": pool, "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2,
    }});
    let change = json!({"healthmonitor": {"url_path": "/up", "expected_codes": "200-204"}});
    let shown = lives(client, "/healthmonitors", body, change).await;
    assert_eq!(shown["pools"], json!([{"id": pool}]));
    assert_eq!(shown["http_method"], "GET");
    assert_eq!(shown["max_retries_down"], 3);
}

#[tokio::test]
async fn policies_and_rules_live() {
    let lab = Lab::new().await;
    let client = lab.member();
    let listener = client.listener(&client.load_balancer().await, 80).await;
    let body = json!({"l7policy": {"listener_id": listener, "action": "REJECT"}});
    let policy = id(&client.create("/l7policies", body.clone()).await);
    let rule = json!({"rule": {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/a"}});
    let change = json!({"rule": {"value": "/b", "invert": true}});
    lives(client, &format!("/l7policies/{policy}/rules"), rule, change).await;
    let change = json!({"l7policy": {
        "action": "REDIRECT_TO_URL", "redirect_url": "http://example.com", "redirect_http_code": 301,
    }});
    let shown = lives(client, "/l7policies", body, change).await;
    assert_eq!(shown["position"], 2);
}

#[tokio::test]
async fn explicit_nulls_are_taken_as_horizon_sends_them() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let body = json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 80,
        "description": null, "connection_limit": null, "sni_container_refs": null,
        "default_tls_container_ref": null, "insert_headers": null, "admin_state_up": null,
    }});
    let listener = client.create("/listeners", body).await;
    assert_eq!(listener["admin_state_up"], false);
    let pool = client.pool(&load_balancer).await;
    let body = json!({"member": {
        "address": "10.0.0.9", "protocol_port": 80, "weight": null, "monitor_address": null,
        "monitor_port": null, "name": null,
    }});
    let member = client.create(&format!("/pools/{pool}/members"), body).await;
    assert_eq!((&member["name"], &member["weight"]), (&json!(""), &json!(1)));
}

#[tokio::test]
async fn a_member_is_found_below_its_own_pool_only() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let (one, other) = (client.pool(&load_balancer).await, client.pool(&load_balancer).await);
    let member = client.member(&one, "10.0.0.9").await;
    let astray = format!("/pools/{other}/members/{member}");
    let text = format!("Member {member} not found.");
    client.get(&astray).await.refused(404, &text);
    client.put(&astray, json!({"member": {"weight": 2}})).await.refused(404, &text);
    client.delete(&astray).await.refused(404, &text);
    client.get(&format!("/pools/{one}/members/{member}")).await.is(200);
}

#[tokio::test]
async fn a_lone_load_balancer_without_agents_goes_at_once() {
    let lab = Lab::without_agent(|_, _| ()).await;
    let client = lab.member();
    let load_balancer = format!("/loadbalancers/{}", client.load_balancer().await);
    client.delete(&load_balancer).await.is(204);
    client.until_gone(&load_balancer).await;
}
