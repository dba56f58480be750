//! Whatever anybody sends: a refusal of the client's fault, and nothing has changed.

use axum::body::Body;
use axum::http::Method;
use evenkeel_api::route;
use evenkeel_model::offering::OfferingKind;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerId, Member, Pool,
};
use evenkeel_store::{ListQuery, Scope, Store, Stored};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::lab::{Answer, Client, Lab, SUBNET, id};

const NETWORKS: &str = "/v2/evenkeel/networks";

/// How often anything is sent.
const CASES: u32 = 600;

/// What makes trouble in files, shells, queries and people.
const NASTY: [&str; 14] = [
    "",
    "\u{0}",
    "\r\nglobal\r\n  daemon",
    "'; DROP TABLE pools; --",
    "../../etc/passwd",
    "%[env(HOME)]",
    "${jndi:ldap://x}",
    "\u{202e}\u{feff}\u{fffd}",
    "00000000-0000-4000-8000-000000000000",
    "999999999999999999999999999999",
    "-1",
    "1e309",
    "NaN",
    "<script>alert(1)</script>",
];

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&NASTY[..]).prop_map(str::to_owned),
        any::<String>(),
        (1_usize..5000).prop_map(|length| "x".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..70_000).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        nasty().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((nasty(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// What is done to a body that would be good.
#[derive(Clone, Debug)]
enum Twist {
    /// Something else entirely.
    Other(Value),
    /// The right root, with something else below.
    Below(Value),
    /// One of its fields, counted from the first, is something else.
    Field(usize, Value),
    /// A field that nobody knows.
    Extra(String, Value),
    /// No JSON at all.
    Bytes(Vec<u8>),
    /// Brackets all the way down.
    Deep(usize),
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        2 => value().prop_map(Twist::Other),
        3 => value().prop_map(Twist::Below),
        8 => (any::<usize>(), value()).prop_map(|(at, value)| Twist::Field(at, value)),
        2 => (nasty(), value()).prop_map(|(name, value)| Twist::Extra(name, value)),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Twist::Bytes),
        1 => (1_usize..100_000).prop_map(Twist::Deep),
    ]
}

impl Twist {
    fn apply(self, good: &Value) -> Vec<u8> {
        let mut body = good.clone();
        let map = body.as_object_mut().unwrap();
        let below = map.values_mut().next().unwrap();
        match self {
            Self::Other(value) => return value.to_string().into_bytes(),
            Self::Bytes(bytes) => return bytes,
            Self::Deep(depth) => return "[".repeat(depth).into_bytes(),
            Self::Below(value) => *below = value,
            Self::Field(at, value) => replace(below, at, value),
            Self::Extra(name, value) => match below.as_object_mut() {
                Some(fields) => drop(fields.insert(name, value)),
                None => *below = value,
            },
        }
        body.to_string().into_bytes()
    }
}

fn replace(below: &mut Value, at: usize, value: Value) {
    let count = below.as_object().map_or(0, Map::len).max(1);
    let field = below.as_object_mut().and_then(|fields| fields.values_mut().nth(at % count));
    match field {
        Some(field) => *field = value,
        None => *below = value,
    }
}

/// One of everything, and the calls that could change it.
struct World {
    load_balancer: LoadBalancerId,
    calls: Vec<(Method, String, Value)>,
}

impl World {
    async fn of(client: Client<'_>) -> Self {
        let load_balancer = client.load_balancer().await;
        let listener = client.listener(&load_balancer, 80).await;
        let pool = client.pool(&load_balancer).await;
        let member = client.member(&pool, "10.0.0.9").await;
        let monitor = full("healthmonitor", &load_balancer, &listener, &pool);
        let monitor = id(&client.create("/healthmonitors", monitor).await);
        let policy = full("l7policy", &load_balancer, &listener, &pool);
        let policy = id(&client.create("/l7policies", policy).await);
        let rule = full("rule", &load_balancer, &listener, &pool);
        let rule = id(&client.create(&format!("/l7policies/{policy}/rules"), rule).await);
        let flavor_profile = full("flavorprofile", &load_balancer, &listener, &pool);
        let flavor_profile = id(&client.create("/flavorprofiles", flavor_profile).await);
        let flavor = id(&client.create("/flavors", offer("flavor", "x", &flavor_profile)).await);
        let zone_profile = full("availability_zone_profile", &load_balancer, &listener, &pool);
        let zone_profile = id(&client.create("/availabilityzoneprofiles", zone_profile).await);
        let zone = offer("availability_zone", "x", &zone_profile);
        client.create("/availabilityzones", zone).await;
        let network = id(&client.create(NETWORKS, own("network", "")).await);
        let first = json!({"subnet": {"network_id": network, "cidr": "203.0.113.0/24"}});
        let subnet = id(&client.create("/v2/evenkeel/subnets", first).await);
        let floating = own("floating_address", &network);
        let floating = id(&client.create("/v2/evenkeel/floating-addresses", floating).await);
        let names = [
            ("network_id", network.as_str()),
            ("subnet_id", &subnet),
            ("floating_address_id", &floating),
            ("loadbalancer_id", load_balancer.as_str()),
            ("listener_id", &listener),
            ("pool_id", &pool),
            ("member_id", &member),
            ("healthmonitor_id", &monitor),
            ("l7policy_id", &policy),
            ("rule_id", &rule),
            ("project_id", "own"),
            ("flavor_id", &flavor),
            ("flavorprofile_id", &flavor_profile),
            ("availability_zone_name", "x"),
            ("availability_zone_profile_id", &zone_profile),
        ];
        let calls = route::ROUTES
            .iter()
            .filter_map(|route| {
                let method = match route.method {
                    route::Method::Post => Method::POST,
                    route::Method::Put => Method::PUT,
                    route::Method::Get | route::Method::Delete => return None,
                };
                // Where there is no agent, there are no amphorae.
                if route.path.contains("amphorae") {
                    return None;
                }
                let path = names.iter().fold(route.path.to_owned(), |path, (name, value)| {
                    path.replace(&format!("{{{name}}}"), value)
                });
                let root = route.request.map_or("x", |request| request.root);
                let good = match (&method, root) {
                    (&Method::POST, "flavor") => offer(root, "y", &flavor_profile),
                    (&Method::POST, "availability_zone") => offer(root, "y", &zone_profile),
                    (&Method::POST, "network" | "subnet" | "floating_address") => {
                        own(root, &network)
                    }
                    (&Method::POST, _) => full(root, &load_balancer, &listener, &pool),
                    _ => change(root),
                };
                Some((method, path, good))
            })
            .collect();
        Self { load_balancer: load_balancer.parse().unwrap(), calls }
    }
}

/// A good body to create something of our own networks.
fn own(root: &str, network: &str) -> Value {
    json!({root: match root {
        "network" => json!({
            "name": "x", "shared": false, "external": true, "mtu": 1450, "vlan": null,
            "allowed_projects": ["own", "admins"],
        }),
        "subnet" => json!({
            "network_id": network, "name": "x", "cidr": "198.51.100.0/24", "gateway_ip": null,
            "host_routes": [{"destination": "10.0.0.0/8", "nexthop": "198.51.100.2"}],
            "allocation_pools": [{"start": "198.51.100.3", "end": "198.51.100.9"}],
        }),
        _ => json!({
            "network_id": network, "subnet_id": null, "address": null, "project_id": "own",
            "description": "x", "port_id": null, "fixed_address": null,
        }),
    }})
}

/// A good body to offer something.
fn offer(root: &str, name: &str, profile: &str) -> Value {
    let key = format!("{root}_profile_id");
    json!({root: {"name": name, "description": "x", "enabled": true, key: profile}})
}

/// A good body to create something, with most of its fields.
fn full(root: &str, load_balancer: &str, listener: &str, pool: &str) -> Value {
    json!({root: match root {
        "loadbalancer" => json!({
            "name": "x", "description": "x", "admin_state_up": true, "vip_subnet_id": SUBNET,
            "vip_address": null, "vip_port_id": null, "vip_network_id": null,
            "vip_qos_policy_id": null, "vip_sg_ids": [], "additional_vips": [], "provider": "haproxy",
            "tags": ["x"], "pools": [], "listeners": [{"protocol": "HTTP", "protocol_port": 80}],
        }),
        "listener" => json!({
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 1,
            "connection_limit": 1, "default_pool_id": null, "insert_headers": {},
            "timeout_client_data": 1, "sni_container_refs": [], "allowed_cidrs": ["10.0.0.0/8"],
            "client_authentication": "NONE", "tls_versions": null, "hsts_max_age": null, "tags": [],
        }),
        "pool" => json!({
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "session_persistence": {"type": "HTTP_COOKIE"}, "tls_enabled": false, "tags": [],
        }),
        "member" => json!({
            "address": "10.0.0.9", "protocol_port": 80, "weight": 1, "backup": false,
            "subnet_id": SUBNET, "monitor_address": null, "monitor_port": 80, "tags": [],
        }),
        "healthmonitor" => json!({
            "pool_id": pool, "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2,
            "max_retries_down": 2, "http_method": "GET", "url_path": "/", "expected_codes": "200",
            "http_version": 1.1, "domain_name": "example.com", "tags": [],
        }),
        "l7policy" => json!({
            "listener_id": listener, "action": "REJECT", "redirect_pool_id": null,
            "redirect_url": null, "redirect_prefix": null, "redirect_http_code": null,
            "position": 1, "tags": [],
        }),
        "flavorprofile" => json!({
            "name": "x", "provider_name": "haproxy", "flavor_data": "{\"nbthread\": 2}",
        }),
        "availability_zone_profile" => json!({
            "name": "x", "provider_name": "haproxy", "availability_zone_data": "{}",
        }),
        _ => json!({
            "type": "HEADER", "compare_type": "EQUAL_TO", "key": "x", "value": "y",
            "invert": false, "tags": [],
        }),
    }})
}

/// A good body to change something.
fn change(root: &str) -> Value {
    json!({root: match root {
        "members" => json!([{"address": "10.0.0.9", "protocol_port": 80, "weight": 2}]),
        "quota" => json!({"pool": 100, "load_balancer": 100}),
        "listener" => json!({"name": "x", "allowed_cidrs": null, "insert_headers": {}}),
        "pool" => json!({"name": "x", "session_persistence": null, "lb_algorithm": "SOURCE_IP"}),
        "member" => json!({"name": "x", "weight": 3, "monitor_address": null}),
        "healthmonitor" => json!({"name": "x", "url_path": "/", "expected_codes": "200"}),
        "l7policy" => json!({"name": "x", "action": "REJECT", "position": 1}),
        "rule" => json!({"key": "x", "value": "y", "compare_type": "REGEX"}),
        "flavor" | "flavorprofile" | "availability_zone_profile" => json!({"name": "x"}),
        "availability_zone" => json!({"description": null, "enabled": true}),
        "network" => json!({"name": "x", "mtu": 1400, "vlan": 77, "shared": true}),
        "subnet" => json!({"gateway_ip": "203.0.113.1", "host_routes": [], "allocation_pools": null}),
        "floating_address" => json!({"port_id": null, "fixed_address": null}),
        _ => json!({"name": "x", "vip_sg_ids": [], "tags": []}),
    }})
}

async fn count<T: Stored>(store: &Store) -> usize {
    store.list::<T>(Scope::All, ListQuery::default()).await.unwrap().items.len()
}

/// What must be the same after a refusal.
async fn snapshot(store: &Store, world: &World) -> (u64, [usize; 15]) {
    let generation = store.generation(world.load_balancer).await.unwrap();
    let counts = [
        count::<LoadBalancer>(store).await,
        count::<Listener>(store).await,
        count::<Pool>(store).await,
        count::<Member>(store).await,
        count::<HealthMonitor>(store).await,
        count::<L7Policy>(store).await,
        count::<L7Rule>(store).await,
        store.offerings(OfferingKind::Flavor).await.unwrap().len(),
        store.offerings(OfferingKind::AvailabilityZone).await.unwrap().len(),
        store.profiles(OfferingKind::Flavor).await.unwrap().len(),
        store.profiles(OfferingKind::AvailabilityZone).await.unwrap().len(),
        store.networks().await.unwrap().len(),
        store.subnets().await.unwrap().len(),
        store.ports().await.unwrap().len(),
        store.floating_addresses().await.unwrap().len(),
    ];
    (generation.get(), counts)
}

async fn send(client: Client<'_>, method: &Method, path: &str, body: Vec<u8>) -> Answer {
    let request = client.request(method.clone(), path).header("content-type", "application/json");
    client.send(request.body(Body::from(body)).unwrap()).await
}

/// A refusal that is the client's fault, in one of the contract's shapes, and not too long.
fn is_refusal(answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    (400..500).contains(&status) && !answer.fault().is_empty() && answer.text.len() < 20_000
        || status == 501
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn hostile_bodies_are_refused_everywhere_and_change_nothing() {
    let runtime = runtime();
    let lab = runtime.block_on(Lab::without_agent(|_, _| ()));
    let world = runtime.block_on(World::of(lab.admin()));
    assert!(world.calls.len() >= 15, "every call that is told something");
    let store = lab.control.store();
    let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
    let cases = (0..world.calls.len(), twist());
    runner
        .run(&cases, |(at, twist)| {
            let (method, path, good) = &world.calls[at];
            let body = twist.apply(good);
            runtime.block_on(async {
                let before = snapshot(store, &world).await;
                let answer = send(lab.admin(), method, path, body).await;
                if answer.status.is_success() {
                    return Ok(());
                }
                prop_assert!(
                    is_refusal(&answer),
                    "{method} {path}: {} {}",
                    answer.status,
                    answer.text
                );
                prop_assert_eq!(snapshot(store, &world).await, before, "{} {}", method, path);
                Ok(())
            })
        })
        .unwrap();
}

#[test]
fn bodies_that_are_good_are_taken_as_they_are() {
    // Otherwise the test above would try nothing.
    let runtime = runtime();
    let lab = runtime.block_on(Lab::without_agent(|_, _| ()));
    runtime.block_on(async {
        let world = World::of(lab.admin()).await;
        for (method, path, good) in &world.calls {
            let answer = send(lab.admin(), method, path, good.to_string().into_bytes()).await;
            let taken = ["healthmonitors", "members"].iter().any(|it| path.ends_with(it));
            assert!(
                answer.status.is_success() || (taken && answer.status == 409),
                "{path}: {}",
                answer.text
            );
        }
    });
}

#[test]
fn hostile_queries_and_ids_are_refused_everywhere() {
    let runtime = runtime();
    let lab = runtime.block_on(Lab::without_agent(|_, _| ()));
    let world = runtime.block_on(World::of(lab.admin()));
    let paths: Vec<&str> = route::ROUTES.iter().map(|route| route.path).collect();
    let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
    let text = prop_oneof![nasty(), "[a-z_]{1,12}"];
    let cases = (prop::sample::select(paths), text, nasty(), nasty());
    runner
        .run(&cases, |(path, name, wanted, hostile)| {
            let encoded = |text: &str| -> String {
                text.bytes().take(600).fold(String::new(), |it, byte| format!("{it}%{byte:02X}"))
            };
            let mut path = path.to_owned();
            while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
                let text = format!("x{}", encoded(&hostile));
                path.replace_range(open..=close, &text);
            }
            let path = format!("{path}?{}={}", encoded(&name), encoded(&wanted));
            runtime.block_on(async {
                let before = snapshot(lab.control.store(), &world).await;
                for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
                    let answer = send(lab.admin(), &method, &path, b"{\"x\":1}".to_vec()).await;
                    let is_fine = answer.status.is_success() || is_refusal(&answer);
                    prop_assert!(is_fine, "{method} {path}: {} {}", answer.status, answer.text);
                }
                prop_assert_eq!(snapshot(lab.control.store(), &world).await, before, "{}", path);
                Ok(())
            })
        })
        .unwrap();
}

#[tokio::test]
async fn a_body_of_many_names_and_one_of_many_members_are_answered() {
    let lab = Lab::without_agent(|_, _| ()).await;
    let client = lab.member();
    let many: Map<String, Value> = (0..20_000).map(|it| (format!("k{it}"), Value::Null)).collect();
    client.post("/pools", json!({"pool": many})).await.is(400);
    let pool = client.pool(&client.load_balancer().await).await;
    let member = |at: u32| json!({"address": format!("10.{}.{}.9", at / 200, at % 200), "protocol_port": 80});
    let members: Vec<Value> = (0..2_000).map(member).collect();
    client.put(&format!("/pools/{pool}/members"), json!({"members": members})).await.is(202);
    let list = client.get(&format!("/pools/{pool}/members?limit=0&fields=address")).await;
    assert_eq!(list.is(200).json()["members"].as_array().map(Vec::len), Some(2_000));
}
