//! A control plane on a store in memory, and clients of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use evenkeel_control::config::{AuthStrategy, ProviderEntry};
use evenkeel_control::{Config, ControlPlane, KeyStore, Services};
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::provider::{Capabilities, ProviderName};
use evenkeel_model::{NetworkId, ProjectId, SubnetId};
use evenkeel_store::{Backend, Store, StoreConfig, SystemClock};
use evenkeel_vault::{Keyring, MasterKeys};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};
use tower::ServiceExt;
use uuid::Uuid;

use crate::agent::{FakeAgent, Temper};
use crate::shelf::Shelf;

/// How long anything may take until it shows.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks.
const ROUND: Duration = Duration::from_millis(2);

/// The network that VIPs come from.
pub(crate) const NETWORK: Uuid = Uuid::from_u128(0x10);
/// Its subnet, 10.0.0.0/24.
pub(crate) const SUBNET: Uuid = Uuid::from_u128(0x11);
/// The project of most callers.
pub(crate) const OWN: &str = "own";
/// Another one.
pub(crate) const OTHER: &str = "other";

/// A control plane, with or without an agent.
pub(crate) struct Lab {
    pub(crate) control: ControlPlane,
    pub(crate) app: Router,
    pub(crate) agent: Option<FakeAgent>,
    pub(crate) keyring: Keyring,
    /// What the tenants keep.
    pub(crate) shelf: Arc<Shelf>,
}

/// Somebody who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    app: &'a Router,
    project: &'a str,
    roles: &'a str,
}

/// What a client got.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Lab {
    /// A lab with an agent that serves whatever it is told to.
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| ()).await
    }

    /// The same, with what `change` makes of the configurations.
    pub(crate) async fn with(change: impl FnOnce(&mut Config, &mut StoreConfig)) -> Self {
        let mut lab = Self::without_agent(change).await;
        lab.agent = Some(FakeAgent::connect(&lab.control, 1, Temper::Willing));
        lab
    }

    pub(crate) async fn without_agent(change: impl FnOnce(&mut Config, &mut StoreConfig)) -> Self {
        let mut config = Config { auth_strategy: AuthStrategy::Testing, ..Config::default() };
        config.bounds.heartbeat = Duration::from_millis(200);
        config.providers.push(ProviderEntry {
            name: ProviderName::new("small"),
            description: "Does hardly anything.".to_owned(),
            capabilities: small(),
        });
        let mut remembers = StoreConfig {
            backend: Backend::Memory,
            inline: false,
            strict_immutable: false,
            count_quotas: true,
            default_limits: config.limits,
            address_rules: config.deployment.address_rules.clone(),
            clock: Arc::new(SystemClock),
        };
        change(&mut config, &mut remembers);
        remembers.default_limits = config.limits;
        let store = Store::open(remembers).await.unwrap();
        seed(&store).await;
        let keyring = Keyring::new(MasterKeys::generate());
        let key_store = Arc::new(Shelf::default());
        let services = Services {
            identity: None,
            key_store: Some(Arc::clone(&key_store) as Arc<dyn KeyStore>),
            keyring: keyring.clone(),
        };
        let control = ControlPlane::start(config, store, services).unwrap();
        Self { app: control.router(), control, agent: None, keyring, shelf: key_store }
    }

    /// A member of the project [`OWN`].
    pub(crate) fn member(&self) -> Client<'_> {
        self.caller(OWN, "member,reader")
    }

    /// An administrator.
    pub(crate) fn admin(&self) -> Client<'_> {
        self.caller("admins", "admin,member,reader")
    }

    pub(crate) fn caller<'a>(&'a self, project: &'a str, roles: &'a str) -> Client<'a> {
        Client { app: &self.app, project, roles }
    }
}

async fn seed(store: &Store) {
    let network = Network {
        id: NetworkId::new(NETWORK),
        name: "vips".to_owned(),
        project: ProjectId::new(OWN).unwrap(),
        shared: true,
        mtu: 1500,
        vlan: None,
        is_external: false,
        allowed: Vec::new(),
    };
    let subnet = Subnet {
        id: SubnetId::new(SUBNET),
        network: network.id,
        name: "vips".to_owned(),
        cidr: "10.0.0.0/24".parse().unwrap(),
        gateway: None::<IpAddr>,
        host_routes: Vec::new(),
        pools: Vec::new(),
    };
    store.seed_network(network, vec![subnet]).await.unwrap();
}

/// A driver that knows little.
fn small() -> Capabilities {
    use evenkeel_model::health_monitor::ProbeKind;
    use evenkeel_model::pool::Algorithm;
    use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
    Capabilities {
        listeners: &[ListenerProtocol::Tcp],
        pools: &[PoolProtocol::Tcp],
        algorithms: &[Algorithm::RoundRobin],
        probes: &[ProbeKind::Tcp],
        persistence: &[],
        l7: &[ListenerProtocol::Http],
        pool_tls: false,
        allowed_cidrs: false,
        additional_vips: false,
        probe_host: false,
        flavor: &[],
        availability_zone: &[],
    }
}

impl Client<'_> {
    /// Sends a request with any head.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// The head of a request of this caller.
    pub(crate) fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("x-project-id", self.project)
            .header("x-user-id", "somebody")
            .header("x-roles", self.roles)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let path = if path.starts_with("/v2") || path == "/" {
            path.to_owned()
        } else {
            format!("/v2.0/lbaas{path}")
        };
        let request = self.request(method, &path);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Creates something and gives it, out of its root.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let root = body.as_object().unwrap().keys().next().unwrap().clone();
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {}", answer.text);
        answer.json()[&root].take()
    }

    /// Creates a load balancer with nothing in it; gives its id.
    pub(crate) async fn load_balancer(&self) -> String {
        let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
        id(&self.create("/loadbalancers", body).await)
    }

    /// Creates an HTTP listener; gives its id.
    pub(crate) async fn listener(&self, load_balancer: &str, port: u16) -> String {
        let body = json!({"listener": {
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": port,
        }});
        id(&self.create("/listeners", body).await)
    }

    /// Creates an HTTP pool; gives its id.
    pub(crate) async fn pool(&self, load_balancer: &str) -> String {
        let body = json!({"pool": {
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        }});
        id(&self.create("/pools", body).await)
    }

    /// Creates a member; gives its id.
    pub(crate) async fn member(&self, pool: &str, address: &str) -> String {
        let body = json!({"member": {"address": address, "protocol_port": 80}});
        id(&self.create(&format!("/pools/{pool}/members"), body).await)
    }

    /// Waits until a field of an object has a value; gives the object.
    pub(crate) async fn until(&self, path: &str, field: &str, wanted: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(ROUND);
        loop {
            rounds.tick().await;
            let answer = self.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
            let object = answer.only();
            if object[field] == wanted {
                return object;
            }
            assert!(Instant::now() < deadline, "{path} is not {wanted} in time: {object}");
        }
    }

    /// Waits until the object is as it was asked for.
    pub(crate) async fn until_active(&self, path: &str) -> Value {
        self.until(path, "provisioning_status", "ACTIVE").await
    }

    /// Waits until the object is gone.
    pub(crate) async fn until_gone(&self, path: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(ROUND);
        while self.get(path).await.status != StatusCode::NOT_FOUND {
            assert!(Instant::now() < deadline, "{path} is still there");
            rounds.tick().await;
        }
    }
}

impl Answer {
    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// What stands under the only root.
    pub(crate) fn only(&self) -> Value {
        let whole = self.json();
        let map = whole.as_object().unwrap();
        assert_eq!(map.len(), 1, "{whole}");
        map.values().next().unwrap().clone()
    }

    /// The text of a fault, whatever its shape.
    pub(crate) fn fault(&self) -> String {
        let body = self.json();
        let text = body["faultstring"].as_str().or(body["description"].as_str());
        text.unwrap_or_else(|| panic!("no fault: {body}")).to_owned()
    }

    /// Expects a refusal in these words.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, text: &str) {
        assert_eq!((self.status.as_u16(), self.fault().as_str()), (status, text));
    }

    /// Expects a status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// The id of an object.
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
