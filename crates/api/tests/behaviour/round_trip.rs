//! What is created is shown, with the keys of the contract and nothing missing.

use evenkeel_api::{health_monitor, l7_policy, l7_rule, listener, member, pool, quota};
use evenkeel_model::quota::{Limit, Limits};
use evenkeel_model::{
    HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId,
};
use serde_json::{Value, json};

use crate::{decode, defaults, id, record};

/// Whether all that was said is shown as it was said, and these keys besides.
fn shows(view: &Value, said: &Value, more: &[&str]) {
    let common = [
        "id",
        "provisioning_status",
        "operating_status",
        "status_reason",
        "project_id",
        "tenant_id",
        "created_at",
        "updated_at",
        "tags",
        "admin_state_up",
    ];
    for (key, value) in said.as_object().unwrap() {
        assert_eq!(&view[key], value, "{key}");
    }
    for key in more.iter().chain(&common) {
        assert!(view.get(key).is_some(), "{key}");
    }
    let known = |key: &str| said.get(key).is_some() || more.contains(&key) || common.contains(&key);
    let unknown: Vec<&String> = view.as_object().unwrap().keys().filter(|it| !known(it)).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

fn with(said: &Value, key: &str, value: &Value) -> Value {
    let mut body = said.clone();
    body[key] = value.clone();
    body
}

#[test]
fn a_listener_is_shown_as_it_was_said() {
    let said = json!({
        "name": "n", "description": "d", "admin_state_up": false, "protocol": "TERMINATED_HTTPS",
        "protocol_port": 443, "connection_limit": 7, "default_pool_id": id(5),
        "insert_headers": {"X-Forwarded-For": "true", "X-SSL-Client-DN": "False"},
        "timeout_client_data": 1, "timeout_member_connect": 2, "timeout_member_data": 3,
        "timeout_tcp_inspect": 4, "default_tls_container_ref": "a", "sni_container_refs": ["b"],
        "client_authentication": "OPTIONAL", "client_ca_tls_container_ref": "c",
        "client_crl_container_ref": "e", "allowed_cidrs": ["10.0.0.0/8"],
        "tls_ciphers": "AES128-SHA", "tls_versions": ["TLSv1.3"], "alpn_protocols": ["h2"],
        "hsts_max_age": 9, "hsts_include_subdomains": true, "hsts_preload": true,
        "tags": ["a", "b"],
    });
    let body = json!({"listener": with(&said, "loadbalancer_id", &json!(id(1)))});
    let create: listener::Create = decode(&body).unwrap();
    let made = create.into_listener(ListenerId::new(id(2)), &defaults()).unwrap();
    shows(&listener::view(&record(made)), &said, &["loadbalancers", "l7policies"]);
    let bare = json!({"listener": {
        "loadbalancer_id": id(1), "protocol": "TCP", "protocol_port": 1,
    }});
    let create: listener::Create = decode(&bare).unwrap();
    let made = create.into_listener(ListenerId::new(id(2)), &defaults()).unwrap();
    let view = listener::view(&record(made));
    assert_eq!(view["allowed_cidrs"], Value::Null);
    assert_eq!((&view["tls_versions"], &view["sni_container_refs"]), (&Value::Null, &json!([])));
    assert_eq!(view["loadbalancers"], json!([{"id": id(1)}]));
    assert_eq!(view["created_at"], "1970-01-01T00:00:00");
}

#[test]
fn a_pool_is_shown_as_it_was_said() {
    let persistence = json!({
        "type": "APP_COOKIE", "cookie_name": "c",
        "persistence_timeout": null, "persistence_granularity": null,
    });
    let said = json!({
        "name": "n", "description": "d", "admin_state_up": true, "protocol": "HTTP",
        "lb_algorithm": "SOURCE_IP_PORT", "session_persistence": persistence, "tls_enabled": true,
        "tls_container_ref": "a", "ca_tls_container_ref": "b", "crl_container_ref": "c",
        "tls_ciphers": "AES128-SHA", "tls_versions": ["TLSv1.2"], "alpn_protocols": ["http/1.1"],
        "tags": [],
    });
    let body = json!({"pool": with(&said, "loadbalancer_id", &json!(id(1)))});
    let create: pool::Create = decode(&body).unwrap();
    let made = create.into_pool(PoolId::new(id(2)), LoadBalancerId::new(id(1)), &defaults());
    let mut record = record(made.unwrap());
    shows(&pool::view(&record), &said, &["loadbalancers", "listeners", "members"]);
    record.related.health_monitor = Some(HealthMonitorId::new(id(8)));
    assert_eq!(pool::view(&record)["healthmonitor_id"], json!(id(8)));
}

#[test]
fn a_member_is_shown_as_it_was_said() {
    let said = json!({
        "name": "n", "admin_state_up": true, "address": "2001:db8:0:0::1", "protocol_port": 80,
        "weight": 0, "backup": true, "subnet_id": id(4), "monitor_address": "10.0.0.9",
        "monitor_port": 81, "tags": ["t"],
    });
    let create: member::Create = decode(&json!({"member": said})).unwrap();
    let made = create.into_member(MemberId::new(id(2)), PoolId::new(id(1)), &defaults()).unwrap();
    shows(&member::view(&record(made)), &said, &["vnic_type"]);
}

#[test]
fn a_monitor_is_shown_as_it_was_said() {
    let said = json!({
        "name": "n", "type": "HTTPS", "delay": 5, "timeout": 9, "max_retries": 1,
        "max_retries_down": 2, "http_method": "POST", "url_path": "/x?y=z",
        "expected_codes": "200, 204", "http_version": 1.1, "domain_name": "a.example",
        "admin_state_up": true, "tags": [],
    });
    let body = json!({"healthmonitor": with(&said, "pool_id", &json!(id(1)))});
    let create: health_monitor::Create = decode(&body).unwrap();
    let made = create.into_health_monitor(HealthMonitorId::new(id(2)), &defaults()).unwrap();
    shows(&health_monitor::view(&record(made)), &said, &["pools"]);
    let body = json!({"healthmonitor": {
        "pool_id": id(1), "type": "PING", "delay": 1, "timeout": 1, "max_retries": 1,
    }});
    let create: health_monitor::Create = decode(&body).unwrap();
    let made = create.into_health_monitor(HealthMonitorId::new(id(2)), &defaults()).unwrap();
    let view = health_monitor::view(&record(made));
    for key in ["http_method", "url_path", "expected_codes", "http_version", "domain_name"] {
        assert_eq!(view[key], Value::Null, "{key}");
    }
}

#[test]
fn a_policy_and_a_rule_are_shown_as_they_were_said() {
    let said = json!({
        "name": "n", "description": "d", "admin_state_up": true, "action": "REDIRECT_PREFIX",
        "listener_id": id(1), "redirect_prefix": "https://a.example/", "redirect_http_code": 308,
        "position": 3, "tags": [],
    });
    let create: l7_policy::Create = decode(&json!({"l7policy": said})).unwrap();
    let made = create.into_l7_policy(L7PolicyId::new(id(2)), &defaults()).unwrap();
    let view = l7_policy::view(&record(made));
    shows(&view, &said, &["redirect_url", "redirect_pool_id", "rules"]);
    let said = json!({
        "type": "COOKIE", "compare_type": "REGEX", "key": "k", "value": "v.*", "invert": true,
        "admin_state_up": false, "tags": ["t"],
    });
    let create: l7_rule::Create = decode(&json!({"rule": said})).unwrap();
    let policy = L7PolicyId::new(id(1));
    let made = create.into_l7_rule(L7RuleId::new(id(2)), policy, &defaults()).unwrap();
    shows(&l7_rule::view(&record(made)), &said, &[]);
}

#[test]
fn quotas_have_both_spellings() {
    let own = quota::OwnLimits { health_monitor: Some(Limit::AtMost(4)), ..Default::default() };
    let view = quota::view("defaults", &own.over(&Limits::default()));
    assert_eq!((&view["health_monitor"], &view["healthmonitor"]), (&json!(4), &json!(4)));
    assert_eq!((&view["load_balancer"], &view["loadbalancer"]), (&json!(-1), &json!(-1)));
    assert_eq!((&view["project_id"], &view["tenant_id"]), (&json!("defaults"), &json!("defaults")));
}
