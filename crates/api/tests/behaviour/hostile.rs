//! Whatever comes, the answer is a body or a 4xx.

use evenkeel_api::decode::{Body, from_bytes};
use evenkeel_api::list::{Fields, ListRequest};
use evenkeel_api::{
    Fault, health_monitor, l7_policy, l7_rule, listener, load_balancer, member, pool, quota,
};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{
    HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{defaults, id, record};

fn refused_well(fault: &Fault) {
    assert!((400..500).contains(&fault.status()), "{fault:?}");
    assert!(fault.message().len() < 20_000, "{}", fault.message().len());
    assert!(fault.body().is_object());
}

/// What can stand anywhere.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        prop::sample::select(NUMBERS).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..4).prop_map(object),
        ]
    })
}

/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "HTTP",
    "TCP",
    "UDP",
    "SCTP",
    "PROMETHEUS",
    "TERMINATED_HTTPS",
    "ROUND_ROBIN",
    "SOURCE_IP",
    "APP_COOKIE",
    "REJECT",
    "REDIRECT_TO_POOL",
    "REDIRECT_TO_URL",
    "HEADER",
    "PATH",
    "EQUAL_TO",
    "REGEX",
    "PING",
    "UDP-CONNECT",
    "00000000-0000-0000-0000-000000000001",
    "10.0.0.1",
    "::1",
    "::ffff:169.254.169.254",
    "10.0.0.0/8",
    "http://a/",
    "/",
    "200",
    "200-204",
    "1.1",
    "true",
    "X-Forwarded-For",
    "a\r\nb",
    "\u{0}",
    "80",
    "99999999999999999999",
    "-1",
    "",
];

const NUMBERS: &[i64] = &[-1, 0, 1, 2, 80, 200, 256, 302, 65_535, 65_536, 2_147_483_648];

const KEYS: &[&str] = &[
    "name",
    "description",
    "admin_state_up",
    "protocol",
    "protocol_port",
    "loadbalancer_id",
    "listener_id",
    "pool_id",
    "lb_algorithm",
    "session_persistence",
    "type",
    "cookie_name",
    "persistence_timeout",
    "tls_enabled",
    "tls_versions",
    "tags",
    "address",
    "weight",
    "backup",
    "monitor_address",
    "monitor_port",
    "delay",
    "timeout",
    "max_retries",
    "max_retries_down",
    "http_method",
    "url_path",
    "expected_codes",
    "http_version",
    "domain_name",
    "action",
    "redirect_url",
    "redirect_pool_id",
    "redirect_http_code",
    "position",
    "compare_type",
    "key",
    "value",
    "invert",
    "vip_subnet_id",
    "vip_address",
    "additional_vips",
    "subnet_id",
    "listeners",
    "pools",
    "members",
    "healthmonitor",
    "l7policies",
    "rules",
    "default_pool",
    "redirect_pool",
    "insert_headers",
    "allowed_cidrs",
    "connection_limit",
    "flavor_id",
    "provider",
    "pool",
    "loadbalancer",
    "unknown",
    "X-Forwarded-For",
];

fn object(pairs: Vec<(&'static str, Value)>) -> Value {
    Value::Object(
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
    )
}

/// A good body of which some fields are replaced by anything.
fn disturbed(good: Value) -> impl Strategy<Value = Value> {
    let more = prop::collection::vec((prop::sample::select(KEYS), anything()), 0..4);
    let known: Vec<String> = good.as_object().unwrap().keys().cloned().collect();
    let replaced = prop::collection::vec((prop::sample::select(known), anything()), 0..3);
    (more, replaced, any::<bool>()).prop_map(move |(more, replaced, only_known)| {
        let mut body = good.clone();
        for (key, value) in replaced {
            body[key] = value;
        }
        if !only_known {
            for (key, value) in more {
                body[key] = value;
            }
        }
        body
    })
}

/// Decodes, and hands what came of it to `then`.
fn try_body<T: Body>(body: &Value, then: impl FnOnce(T) -> Result<(), Fault>) {
    let bytes = json!({T::ROOT: body}).to_string();
    let done = from_bytes::<T>(bytes.as_bytes(), Some("application/json")).and_then(then);
    if let Err(fault) = done {
        refused_well(&fault);
    }
}

fn listener_body() -> Value {
    json!({"loadbalancer_id": id(1), "protocol": "HTTP", "protocol_port": 80, "name": "n"})
}

fn pool_body() -> Value {
    json!({"loadbalancer_id": id(1), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"})
}

fn tree_body() -> Value {
    json!({
        "vip_subnet_id": id(1),
        "pools": [{"name": "a", "protocol": "HTTP", "lb_algorithm": "SOURCE_IP"}],
        "listeners": [{"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "a"}}],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in prop::option::of(".{0,30}")) {
        for kind in [kind.as_deref(), Some("application/json")] {
            refused_well(&from_bytes::<listener::Create>(&bytes, kind).unwrap_err());
        }
    }

    #[test]
    fn whole_bodies(body in anything()) {
        let text = body.to_string();
        let json = Some("application/json");
        for fault in [
            from_bytes::<load_balancer::Create>(text.as_bytes(), json).err(),
            from_bytes::<member::Batch>(text.as_bytes(), json).err(),
            from_bytes::<quota::Update>(text.as_bytes(), json).err(),
        ].into_iter().flatten() {
            refused_well(&fault);
        }
    }

    #[test]
    fn load_balancers(body in disturbed(tree_body())) {
        try_body::<load_balancer::Create>(&body, |create| {
            let root = LoadBalancerId::new(id(1));
            let mut next = 1;
            let tree = create.into_tree(root, ProviderName::new("p"), &defaults(), &mut || {
                next += 1;
                id(next)
            })?;
            load_balancer::view(&record(tree.load_balancer));
            Ok(())
        });
        try_body::<load_balancer::Update>(&body, |_| Ok(()));
    }

    #[test]
    fn listeners(body in disturbed(listener_body())) {
        let stored = || {
            let body = json!({"listener": listener_body()});
            let create: listener::Create = crate::decode(&body).unwrap();
            create.into_listener(ListenerId::new(id(2)), &defaults()).unwrap()
        };
        try_body::<listener::Create>(&body, |create| {
            let made = create.into_listener(ListenerId::new(id(2)), &defaults())?;
            listener::view(&record(made));
            Ok(())
        });
        try_body::<listener::Update>(&body, |update| {
            update.apply(&stored(), &defaults())?;
            Ok(())
        });
    }

    #[test]
    fn pools(body in disturbed(pool_body())) {
        let (pool, root) = (PoolId::new(id(2)), LoadBalancerId::new(id(1)));
        let create: pool::Create = crate::decode(&json!({"pool": pool_body()})).unwrap();
        let stored = create.into_pool(pool, root, &defaults()).unwrap();
        try_body::<pool::Create>(&body, |create| {
            create.parent()?;
            pool::view(&record(create.into_pool(pool, root, &defaults())?));
            Ok(())
        });
        try_body::<pool::Update>(&body, |update| {
            pool::view(&record(update.apply(&stored, &defaults())?));
            Ok(())
        });
    }

    #[test]
    fn members(body in disturbed(json!({"address": "10.0.0.1", "protocol_port": 80}))) {
        let make = |create: member::Create| {
            let made = create.into_member(MemberId::new(id(2)), PoolId::new(id(1)), &defaults())?;
            member::view(&record(made));
            Ok(())
        };
        try_body::<member::Create>(&body, make);
        try_body::<member::Batch>(&json!([body]), |batch| {
            batch.members.into_iter().try_for_each(make)
        });
        try_body::<member::Update>(&body, |_| Ok(()));
    }

    #[test]
    fn health_monitors(body in disturbed(json!({
        "pool_id": id(1), "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1,
    }))) {
        try_body::<health_monitor::Create>(&body, |create| {
            let id = HealthMonitorId::new(id(2));
            let made = create.into_health_monitor(id, &defaults())?;
            health_monitor::view(&record(made));
            Ok(())
        });
        try_body::<health_monitor::Update>(&body, |_| Ok(()));
    }

    #[test]
    fn l7_policies(body in disturbed(json!({"listener_id": id(1), "action": "REJECT"}))) {
        try_body::<l7_policy::Create>(&body, |create| {
            let made = create.into_l7_policy(L7PolicyId::new(id(2)), &defaults())?;
            l7_policy::view(&record(made));
            Ok(())
        });
        try_body::<l7_policy::Update>(&body, |_| Ok(()));
    }

    #[test]
    fn l7_rules(body in disturbed(json!({
        "type": "PATH", "compare_type": "EQUAL_TO", "value": "/",
    }))) {
        try_body::<l7_rule::Create>(&body, |create| {
            let policy = L7PolicyId::new(id(1));
            let made = create.into_l7_rule(L7RuleId::new(id(2)), policy, &defaults())?;
            l7_rule::view(&record(made));
            Ok(())
        });
        try_body::<l7_rule::Update>(&body, |_| Ok(()));
    }

    #[test]
    fn queries(query in "(([a-z_-]{0,12}|limit|sort|marker|fields)=?.{0,12}&?){0,6}") {
        match ListRequest::parse(&query, &|name| name.len() < 5, &defaults()) {
            Err(fault) => refused_well(&fault),
            Ok(request) => {
                request.links("c", ["1", "2"].into_iter());
                if let Err(fault) = request.marker_id::<PoolId>() {
                    refused_well(&fault);
                }
            }
        }
        Fields::parse(&query, &defaults());
    }
}
