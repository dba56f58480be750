//! Nothing said, null, and a value are three things (contract 1.10, 2); much is understood.

use evenkeel_api::{
    health_monitor, l7_policy, l7_rule, listener, load_balancer, member, pool, quota,
};
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::number::ConnectionLimit;
use evenkeel_model::pool::Persistence;
use evenkeel_model::quota::Limit;
use evenkeel_model::{
    HealthMonitor, HealthMonitorId, L7Policy, L7PolicyId, L7Rule, L7RuleId, Listener, ListenerId,
    LoadBalancerId, Member, MemberId, Pool, PoolId, Violation,
};
use serde_json::{Value, json};

use crate::{decode, defaults, id};

fn listener(protocol: &str, with: Value) -> Result<Listener, Violation> {
    let mut body = json!({"loadbalancer_id": id(1), "protocol": protocol, "protocol_port": 80});
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    let create: listener::Create = decode(&json!({"listener": body})).unwrap();
    create.into_listener(ListenerId::new(id(2)), &defaults())
}

fn change(stored: &Listener, with: Value) -> Result<Listener, Violation> {
    let update: listener::Update = decode(&json!({"listener": with})).unwrap();
    update.apply(stored, &defaults())
}

fn pool(protocol: &str, with: Value) -> Pool {
    let mut body = json!({
        "loadbalancer_id": id(1), "protocol": protocol, "lb_algorithm": "ROUND_ROBIN",
    });
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    let create: pool::Create = decode(&json!({"pool": body})).unwrap();
    create.into_pool(PoolId::new(id(2)), LoadBalancerId::new(id(1)), &defaults()).unwrap()
}

fn change_pool(stored: &Pool, with: Value) -> Result<Pool, Violation> {
    let update: pool::Update = decode(&json!({"pool": with})).unwrap();
    update.apply(stored, &defaults())
}

fn monitor(with: Value) -> HealthMonitor {
    let mut body = json!({"pool_id": id(1), "delay": 5, "timeout": 3, "max_retries": 2});
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    let create: health_monitor::Create = decode(&json!({"healthmonitor": body})).unwrap();
    create.into_health_monitor(HealthMonitorId::new(id(2)), &defaults()).unwrap()
}

fn change_monitor(stored: &HealthMonitor, with: Value) -> Result<HealthMonitor, Violation> {
    let update: health_monitor::Update = decode(&json!({"healthmonitor": with})).unwrap();
    update.apply(stored, &defaults())
}

#[test]
fn a_listener_that_says_null_gets_what_the_contract_says() {
    let nulls = json!({
        "name": null, "description": null, "admin_state_up": null, "connection_limit": null,
        "default_pool_id": null, "insert_headers": null, "timeout_client_data": null,
        "default_tls_container_ref": null, "sni_container_refs": null, "allowed_cidrs": null,
        "tls_ciphers": null, "tls_versions": null, "alpn_protocols": null, "hsts_max_age": null,
        "hsts_include_subdomains": null, "hsts_preload": null, "tags": null, "tenant_id": null,
    });
    let said_null = listener("HTTP", nulls).unwrap();
    let silent = listener("HTTP", json!({})).unwrap();
    assert!(silent.admin_state_up && !said_null.admin_state_up);
    assert_eq!(silent.connection_limit, Some(ConnectionLimit::Unlimited));
    assert_eq!(said_null.connection_limit, None);
    assert_eq!(
        Listener { admin_state_up: true, connection_limit: silent.connection_limit, ..said_null },
        silent
    );
    assert_eq!(silent.tls.ciphers, None);
    let with_tls = listener("TERMINATED_HTTPS", json!({"default_tls_container_ref": "x"})).unwrap();
    assert_eq!(with_tls.tls.versions.unwrap().len(), 2);
    assert_eq!(with_tls.tls.alpn.unwrap().len(), 3);
}

#[test]
fn null_on_a_stored_listener_brings_the_default() {
    let stored = listener(
        "HTTP",
        json!({
            "name": "n", "connection_limit": 5, "default_pool_id": id(7), "tags": ["b", "a", "b"],
            "timeout_client_data": 7, "allowed_cidrs": ["10.0.0.7/8", "10.0.0.0/8", "2001:db8::1"],
            "insert_headers": {"X-Forwarded-For": "true"},
        }),
    )
    .unwrap();
    assert_eq!(stored.allowed_cidrs.len(), 2);
    assert_eq!(change(&stored, json!({})).unwrap(), stored);
    let nulls = json!({
        "name": null, "connection_limit": null, "default_pool_id": null, "tags": null,
        "timeout_client_data": null, "allowed_cidrs": null, "insert_headers": null,
    });
    let changed = change(&stored, nulls).unwrap();
    assert_eq!(changed.name.as_str(), "");
    assert_eq!(changed.connection_limit, Some(ConnectionLimit::Unlimited));
    assert_eq!(changed.default_pool, None);
    assert_eq!(changed.tags.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(changed.timeouts.client_data.get(), 50_000);
    assert!(changed.allowed_cidrs.is_empty() && changed.insert_headers.is_empty());
    assert!(change(&stored, json!({"tags": []})).unwrap().tags.iter().next().is_none());
    assert_eq!(
        change(&stored, json!({"client_authentication": null})).unwrap_err().to_string(),
        "None is not a valid option for client_authentication"
    );
    let reset = change(&stored, json!({"tls_versions": null})).unwrap();
    assert_eq!(reset.tls.versions.unwrap().len(), 2);
    assert!(change(&stored, json!({"tls_versions": []})).is_err());
    let datagrams = listener("UDP", json!({})).unwrap();
    let headers = json!({"insert_headers": {"X-Forwarded-For": "true"}});
    assert_eq!(
        change(&datagrams, headers).unwrap_err().to_string(),
        "Validation failure: UDP protocol listener does not support TLS or header insertion."
    );
}

#[test]
fn a_pool_keeps_changes_and_drops_its_persistence() {
    let cookie = json!({"type": "APP_COOKIE", "cookie_name": "c"});
    let stored = pool("HTTP", json!({"session_persistence": cookie}));
    let with = |it: Value| change_pool(&stored, json!({"session_persistence": it}));
    assert_eq!(with(json!({})).unwrap(), stored);
    assert_eq!(with(json!(null)).unwrap().persistence, None);
    assert_eq!(
        with(json!({"type": "SOURCE_IP"})).unwrap().persistence,
        Some(Persistence::SourceIp { timeout: None, granularity: None })
    );
    assert_eq!(
        with(json!({"cookie_name": "d"})).unwrap().persistence.unwrap().kind().word(),
        "APP_COOKIE"
    );
    assert!(with(json!({"type": "HTTP_COOKIE", "cookie_name": "d"})).is_err());
    let bare = pool("HTTP", json!({}));
    assert!(change_pool(&bare, json!({"session_persistence": {"cookie_name": "d"}})).is_err());
    let refused = change_pool(&bare, json!({"lb_algorithm": null})).unwrap_err();
    assert_eq!(refused.to_string(), "None is not a valid option for lb_algorithm");
    assert!(!change_pool(&bare, json!({"tls_enabled": null})).unwrap().tls.enabled);
}

#[test]
fn tls_towards_members_has_defaults_only_where_it_is_on() {
    assert_eq!(pool("HTTP", json!({})).tls.ciphers, None);
    let with_tls = pool("HTTP", json!({"tls_enabled": true, "tls_ciphers": null}));
    assert!(with_tls.tls.ciphers.is_some() && with_tls.tls.alpn.is_some());
    let crl = json!({"ca_tls_container_ref": "ca", "crl_container_ref": "crl"});
    let stored = pool("HTTP", crl);
    let refused = change_pool(&stored, json!({"ca_tls_container_ref": null})).unwrap_err();
    assert!(refused.to_string().contains("A CA reference cannot be removed"));
}

#[test]
fn a_member_falls_back_to_its_defaults() {
    let create = |with: Value| -> Member {
        let mut body = json!({"address": "10.0.0.1", "protocol_port": 80});
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        let create: member::Create = decode(&json!({"member": body})).unwrap();
        create.into_member(MemberId::new(id(2)), PoolId::new(id(1)), &defaults()).unwrap()
    };
    let nulls = json!({"weight": null, "backup": null, "subnet_id": null, "monitor_port": null});
    assert_eq!(create(nulls), create(json!({})));
    let stored = create(json!({
        "weight": 9, "backup": "yes", "name": "n", "tags": ["t"], "subnet_id": id(5),
        "monitor_port": 81,
    }));
    assert!(stored.backup);
    let update: member::Update =
        decode(&json!({"member": {"weight": null, "monitor_port": null}})).unwrap();
    let changed = update.apply(&stored, &defaults()).unwrap();
    assert_eq!((changed.weight.get(), changed.monitor_port), (1, None));
    let body = json!({"members": [{"address": "10.0.0.1", "protocol_port": 80}]});
    let batch: member::Batch = decode(&body).unwrap();
    let laid_over = batch.members[0].over(&stored);
    assert_eq!(laid_over.weight.get(), 1);
    assert!(!laid_over.backup && laid_over.monitor_port.is_none());
    assert_eq!((&laid_over.name, &laid_over.tags), (&stored.name, &stored.tags));
    assert_eq!(laid_over.subnet, stored.subnet);
}

#[test]
fn a_monitor_resets_its_request_and_ignores_null_where_it_makes_none() {
    let stored = monitor(json!({
        "type": "HTTP", "http_method": "HEAD", "url_path": "/x", "expected_codes": "200-204",
        "max_retries_down": null,
    }));
    assert_eq!(stored.fall.get(), 3);
    let nulls = json!({"http_method": null, "url_path": null, "expected_codes": null});
    let reset = change_monitor(&stored, nulls.clone()).unwrap();
    let plain = monitor(json!({"type": "HTTP"}));
    assert_eq!(reset.probe, plain.probe);
    let tcp = monitor(json!({"type": "TCP"}));
    assert_eq!(change_monitor(&tcp, nulls).unwrap().probe, Probe::Tcp);
    assert!(change_monitor(&tcp, json!({"url_path": "/"})).is_err());
    for field in ["delay", "timeout", "max_retries"] {
        let refused = change_monitor(&stored, json!({field: null})).unwrap_err();
        assert_eq!(refused.to_string(), format!("None is not a valid option for {field}"));
    }
}

#[test]
fn an_http_version_is_a_number() {
    for version in [json!(1.1), json!("1.1")] {
        let made = monitor(json!({
            "type": "HTTP", "http_version": version, "domain_name": "a.example",
        }));
        assert!(made.probe.http().unwrap().version.is_some());
    }
}

#[test]
fn a_policy_does_what_its_fields_say() {
    let create: l7_policy::Create = decode(&json!({"l7policy": {
        "listener_id": id(1), "action": "REDIRECT_TO_URL", "redirect_url": "http://a/",
        "redirect_http_code": "301", "position": null,
    }}))
    .unwrap();
    let stored = create.into_l7_policy(L7PolicyId::new(id(2)), &defaults()).unwrap();
    let with = |it: Value| -> Result<L7Policy, Violation> {
        let update: l7_policy::Update = decode(&json!({"l7policy": it})).unwrap();
        update.apply(&stored, &defaults())
    };
    assert_eq!(stored.position.get(), 2_147_483_647);
    assert_eq!(
        with(json!({})).unwrap_err().to_string(),
        "Invalid L7 Policy arguments: Invalid update options"
    );
    let to_pool = with(json!({"redirect_pool_id": id(7)})).unwrap();
    assert_eq!(to_pool.action, Action::RedirectToPool { pool: PoolId::new(id(7)) });
    let coded = with(json!({"redirect_http_code": null})).unwrap();
    assert!(matches!(coded.action, Action::RedirectToUrl { code: RedirectCode::Found, .. }));
    assert_eq!(with(json!({"action": "REJECT"})).unwrap().action, Action::Reject);
    let horizon = json!({
        "action": "REDIRECT_PREFIX", "redirect_prefix": "https://b/", "redirect_url": null,
        "redirect_pool_id": null, "position": 1,
    });
    assert_eq!(with(horizon).unwrap().action.kind().word(), "REDIRECT_PREFIX");
    assert_eq!(
        with(json!({"redirect_pool_id": id(7), "redirect_url": "http://a/"}))
            .unwrap_err()
            .to_string(),
        "Invalid L7 Policy arguments: Cannot specify redirect_pool_id and redirect_url or \
         redirect_prefix at the same time"
    );
}

#[test]
fn a_rule_is_judged_as_it_becomes() {
    let create: l7_rule::Create = decode(&json!({"rule": {
        "type": "HEADER", "compare_type": "EQUAL_TO", "key": "k", "value": "v", "invert": null,
    }}))
    .unwrap();
    let policy = L7PolicyId::new(id(1));
    let stored = create.into_l7_rule(L7RuleId::new(id(2)), policy, &defaults()).unwrap();
    let with = |it: Value| -> Result<L7Rule, Violation> {
        let update: l7_rule::Update = decode(&json!({"rule": it})).unwrap();
        update.apply(&stored, &defaults())
    };
    assert_eq!(with(json!({"type": "PATH"})).unwrap().condition.key(), None);
    assert!(with(json!({"key": null})).is_err());
    assert!(with(json!({"value": null})).is_err());
    assert!(with(json!({"type": "FILE_TYPE", "compare_type": "CONTAINS"})).is_err());
}

#[test]
fn a_load_balancer_refuses_null_where_the_contract_does() {
    let decoded = |with: Value| -> load_balancer::Create {
        let mut body = json!({"vip_subnet_id": id(3)});
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        decode(&json!({"loadbalancer": body})).unwrap()
    };
    let made = |with: Value| {
        let provider = evenkeel_model::provider::ProviderName::new("haproxy");
        let id = LoadBalancerId::new(id(1));
        decoded(with).into_tree(id, provider, &defaults(), &mut || crate::id(4))
    };
    for (key, text) in
        [("flavor_id", "Invalid flavor_id."), ("availability_zone", "Invalid availability zone.")]
    {
        let refused = made(json!({key: null})).unwrap_err();
        assert_eq!(refused.message(), format!("Validation failure: {text}"));
    }
    let nulls = json!({
        "additional_vips": null, "listeners": null, "pools": null, "vip_sg_ids": null,
        "provider": null, "vip_address": null,
    });
    assert!(made(nulls).unwrap().listeners.is_empty());
    let project = decoded(json!({"project_id": "a", "tenant_id": "b"}));
    assert_eq!(project.project().unwrap().as_str(), "b");
    let unsaid: load_balancer::Create = decode(&json!({"loadbalancer": {}})).unwrap();
    let mut deployment = defaults();
    deployment.allow_vip_port_id = false;
    assert_eq!(
        unsaid.vip_request(&deployment).unwrap_err().to_string(),
        "Validation failure: VIP must contain one of: vip_network_id, vip_subnet_id."
    );
}

#[test]
fn a_quota_without_underscore_counts() {
    let update: quota::Update = decode(&json!({"quota": {
        "load_balancer": 1, "loadbalancer": 2, "pool": null, "member": -1,
    }}))
    .unwrap();
    let stored = quota::OwnLimits { pool: Some(Limit::AtMost(9)), ..Default::default() };
    let limits = update.apply(&stored);
    assert_eq!(limits.load_balancer, Some(Limit::AtMost(2)));
    assert_eq!((limits.pool, limits.member), (None, Some(Limit::Unlimited)));
}

#[test]
fn numbers_and_flags_are_understood_in_many_ways() {
    for port in [json!(81), json!("81"), json!(" 81 "), json!(81.9)] {
        let made = listener("HTTP", json!({"protocol_port": port})).unwrap();
        assert_eq!(made.protocol_port.get(), 81);
    }
    assert_eq!(listener("HTTP", json!({"protocol_port": true})).unwrap().protocol_port.get(), 1);
    for yes in [json!(true), json!("T"), json!("Yes"), json!("ON"), json!(1), json!(7)] {
        assert!(listener("HTTP", json!({"admin_state_up": yes})).unwrap().admin_state_up);
    }
    for no in [json!(false), json!("f"), json!("No"), json!("off"), json!("0"), json!(0)] {
        assert!(!listener("HTTP", json!({"admin_state_up": no})).unwrap().admin_state_up);
    }
    let upper = id(0xabc).simple().to_string().to_uppercase();
    let made = listener("HTTP", json!({"loadbalancer_id": upper})).unwrap();
    assert_eq!(made.load_balancer, LoadBalancerId::new(id(0xabc)));
    let made = listener("HTTP", json!({"allowed_cidrs": ["10.1.2.3", "10.1.2.3/8"]})).unwrap();
    let cidrs: Vec<String> = made.allowed_cidrs.iter().map(ToString::to_string).collect();
    assert_eq!(cidrs, ["10.1.2.3/32", "10.0.0.0/8"]);
}
