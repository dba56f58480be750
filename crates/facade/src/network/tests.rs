//! The network service as clients meet it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;
use evenkeel_store::{Backend, Store, StoreConfig, SystemClock};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::directory::{self, Directory};
use crate::front_door::localhost;

struct Lab {
    router: Router,
    directory: Directory,
}

struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn refused(self, status: u16, text: &str) {
        let body = self.is(status);
        let said = body["NeutronError"]["message"].as_str().unwrap();
        assert!(said.contains(text), "{said}");
    }
}

impl Lab {
    async fn new() -> Self {
        let store = Store::open(StoreConfig {
            backend: Backend::Memory,
            inline: false,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules::default(),
            clock: Arc::new(SystemClock),
        });
        let directory = Directory::default();
        let router = super::router(directory.clone(), store.await.unwrap(), localhost());
        Self { router, directory }
    }

    async fn send(&self, user: &str, method: Method, path: &str, body: String) -> Answer {
        let user = directory::user(user).unwrap();
        let (token, _) = self.directory.issue(user, directory::project(user.home).unwrap());
        let request = Request::builder()
            .method(method)
            .uri(format!("/network/v2.0/{path}"))
            .header("x-auth-token", token)
            .body(Body::from(body));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.send(user, Method::GET, path, String::new()).await
    }

    async fn post(&self, user: &str, path: &str, body: Value) -> Answer {
        self.send(user, Method::POST, path, body.to_string()).await
    }

    async fn put(&self, user: &str, path: &str, body: Value) -> Answer {
        self.send(user, Method::PUT, path, body.to_string()).await
    }

    async fn delete(&self, user: &str, path: &str) -> Answer {
        self.send(user, Method::DELETE, path, String::new()).await
    }

    /// Makes something, and gives it.
    async fn make(&self, user: &str, root: &str, body: Value) -> Value {
        self.post(user, &format!("{root}s"), json!({root: body})).await.is(201)[root].take()
    }

    /// A network of a user's with 10.7.0.0/24, and a port on it: their ids.
    async fn home(&self, user: &str) -> (Value, Value) {
        let network = self.make(user, "network", json!({"name": "home"})).await["id"].take();
        let subnet = json!({"network_id": network, "cidr": "10.7.0.0/24", "ip_version": 4});
        self.make(user, "subnet", subnet).await;
        let port = self.make(user, "port", json!({"network_id": network})).await["id"].take();
        (network, port)
    }

    /// An external network with 203.0.113.0/29: its id.
    async fn outside(&self) -> Value {
        let body = json!({"name": "outside", "router:external": true});
        let network = self.make("admin", "network", body).await["id"].take();
        let subnet = json!({"network_id": network, "cidr": "203.0.113.0/29"});
        self.make("admin", "subnet", subnet).await;
        network
    }
}

fn path(collection: &str, id: &Value) -> String {
    format!("{collection}/{}", id.as_str().unwrap())
}

#[tokio::test]
async fn a_tenant_has_networks_of_his_own_that_others_do_not_see() {
    let lab = Lab::new().await;
    let (network, port) = lab.home("demo").await;
    let shown = lab.get("demo", &path("networks", &network)).await.is(200);
    assert_eq!(shown["network"]["provider:segmentation_id"], 2);
    assert_eq!(shown["network"]["router:external"], false);
    for (user, count) in [("demo", 1), ("admin", 1), ("alt", 0)] {
        for collection in ["networks", "subnets", "ports"] {
            let list = lab.get(user, collection).await.is(200);
            assert_eq!(list[collection].as_array().unwrap().len(), count, "{user} {collection}");
        }
    }
    for path in [path("networks", &network), path("ports", &port)] {
        lab.get("alt", &path).await.refused(404, "could not be found");
        lab.delete("alt", &path).await.refused(404, "could not be found");
        lab.delete("reader", &path).await.refused(403, "not allowed");
    }
    let body = json!({"subnet": {"network_id": network, "cidr": "10.8.0.0/24"}});
    lab.post("alt", "subnets", body).await.refused(404, "could not be found");
    let body = json!({"port": {"network_id": network}});
    lab.post("alt", "ports", body).await.refused(404, "could not be found");
}

#[tokio::test]
async fn numbers_may_be_texts_as_the_command_line_sends_them() {
    let lab = Lab::new().await;
    let body = json!({"provider:segmentation_id": "77", "mtu": "1400"});
    let made = lab.make("admin", "network", body).await;
    assert_eq!((&made["provider:segmentation_id"], &made["mtu"]), (&json!(77), &json!(1400)));
    let body = json!({"network": {"mtu": "many"}});
    lab.post("admin", "networks", body).await.refused(400, "expected a number");
}

#[tokio::test]
async fn what_is_of_operators_is_not_for_tenants() {
    let lab = Lab::new().await;
    for body in [
        json!({"shared": true}),
        json!({"router:external": true}),
        json!({"provider:segmentation_id": 7}),
        json!({"project_id": "somebody"}),
    ] {
        let refused = lab.post("demo", "networks", json!({"network": body})).await;
        refused.refused(403, "ask an administrator");
    }
    let network = lab.outside().await;
    let change = json!({"network": {"name": "mine"}});
    lab.put("demo", &path("networks", &network), change).await.refused(403, "another project");
    let body = json!({"port": {"network_id": network}});
    lab.post("demo", "ports", body).await.refused(404, "could not be found");
}

#[tokio::test]
async fn a_subnet_keeps_what_was_said_of_it() {
    let lab = Lab::new().await;
    let network = lab.make("demo", "network", json!({})).await["id"].take();
    let said = json!({
        "network_id": network, "cidr": "10.7.0.0/24", "ip_version": 4, "gateway_ip": null,
        "host_routes": [{"destination": "10.8.0.0/16", "nexthop": "10.7.0.2"}],
        "allocation_pools": [{"start": "10.7.0.100", "end": "10.7.0.110"}],
        "enable_dhcp": true, "dns_nameservers": ["9.9.9.9"],
    });
    let made = lab.make("demo", "subnet", said.clone()).await;
    for key in ["network_id", "cidr", "ip_version", "gateway_ip", "host_routes", "allocation_pools"]
    {
        assert_eq!(made[key], said[key], "{key}");
    }
    let port = lab.make("demo", "port", json!({"network_id": network})).await;
    assert_eq!(port["fixed_ips"][0]["ip_address"], "10.7.0.100");
    let subnet = path("subnets", &made["id"]);
    let change = json!({"subnet": {"gateway_ip": "10.7.0.1", "host_routes": []}});
    let changed = lab.put("demo", &subnet, change).await.is(200);
    assert_eq!(changed["subnet"]["gateway_ip"], "10.7.0.1");
    assert_eq!(changed["subnet"]["allocation_pools"], said["allocation_pools"]);
    lab.delete("demo", &subnet).await.refused(409, "delete the load balancers");
    lab.delete("demo", &path("ports", &port["id"])).await.is(204);
    lab.delete("demo", &subnet).await.is(204);
    lab.delete("demo", &path("networks", &network)).await.is(204);
}

#[tokio::test]
async fn a_port_can_have_the_hardware_address_that_it_names() {
    let lab = Lab::new().await;
    let (network, _) = lab.home("demo").await;
    let body = json!({"network_id": network, "mac_address": "fa:16:3e:0a:0b:0c", "device_id": "x"});
    let made = lab.make("demo", "port", body.clone()).await;
    assert_eq!((&made["mac_address"], &made["status"]), (&body["mac_address"], &json!("ACTIVE")));
    let list = lab.get("demo", "ports?device_id=x").await.is(200);
    assert_eq!(list["ports"].as_array().unwrap().len(), 1);
    let address = made["fixed_ips"][0]["ip_address"].as_str().unwrap();
    let list = lab.get("demo", &format!("ports?fixed_ips=ip_address%3D{address}")).await.is(200);
    assert_eq!(list["ports"][0]["id"], made["id"]);
    lab.post("demo", "ports", json!({"port": body})).await.refused(409, "hardware address");
    assert_eq!(lab.get("demo", "ports").await.is(200)["ports"].as_array().unwrap().len(), 2);
    let group = json!({"port": {"network_id": network, "mac_address": "01:00:5e:00:00:01"}});
    lab.post("demo", "ports", group).await.refused(400, "single device");
}

#[tokio::test]
async fn a_floating_ip_is_bound_by_whoever_owns_the_port() {
    let lab = Lab::new().await;
    let outside = lab.outside().await;
    let (_, port) = lab.home("demo").await;
    let (_, theirs) = lab.home("alt").await;
    let body = |port: &Value| json!({"floating_network_id": outside, "port_id": port});
    let made = lab.make("demo", "floatingip", body(&port)).await;
    assert_eq!(
        (&made["status"], &made["fixed_ip_address"]),
        (&json!("ACTIVE"), &json!("10.7.0.2"))
    );
    lab.post("demo", "floatingips", json!({"floatingip": body(&theirs)}))
        .await
        .refused(404, "Port");
    let this = path("floatingips", &made["id"]);
    lab.get("alt", &this).await.refused(404, "FloatingIP");
    lab.put("alt", &this, json!({"floatingip": {"port_id": theirs}}))
        .await
        .refused(404, "FloatingIP");
    lab.put("demo", &this, json!({"floatingip": {"port_id": theirs}})).await.refused(404, "Port");
    let free = lab.put("demo", &this, json!({"floatingip": {"port_id": null}})).await.is(200);
    assert_eq!(
        (&free["floatingip"]["status"], &free["floatingip"]["port_id"]),
        (&json!("DOWN"), &Value::Null)
    );
    let by_admin = lab.make("admin", "floatingip", body(&port)).await;
    assert_eq!(by_admin["project_id"], made["project_id"], "it belongs to the port's owner");
    lab.delete("demo", &path("networks", &outside)).await.refused(403, "another project");
    lab.delete("admin", &path("networks", &outside)).await.refused(409, "floating addresses");
    for id in [&made["id"], &by_admin["id"]] {
        lab.delete("demo", &path("floatingips", id)).await.is(204);
    }
    lab.delete("admin", &path("networks", &outside)).await.is(204);
}

#[tokio::test]
async fn nonsense_is_refused_and_never_a_failure() {
    let lab = Lab::new().await;
    let (network, _) = lab.home("demo").await;
    for root in ["network", "subnet", "port", "floatingip"] {
        for body in [
            json!(null),
            json!([]),
            json!({}),
            json!({root: null}),
            json!({root: []}),
            json!({root: {"name": 7}}),
            json!({root: {"name": "x".repeat(256), "network_id": network, "cidr": "10.9.0.0/24"}}),
            json!({root: {"name": "\u{0}", "network_id": network, "cidr": "10.9.0.0/24"}}),
            json!({root: {"network_id": "x", "floating_network_id": "x"}}),
            json!({root: {"network_id": network, "cidr": "0.0.0.0/0", "mac_address": "x", "mtu": -1}}),
            json!({root: {"floating_network_id": network, "mtu": 67, "cidr": "x"}}),
        ] {
            for path in
                [format!("{root}s"), format!("{root}s/x"), path(&format!("{root}s"), &network)]
            {
                for method in [Method::POST, Method::PUT] {
                    let answer = lab.send("demo", method.clone(), &path, body.to_string()).await;
                    assert!(answer.status < 500, "{method} {path} {body}: {}", answer.body);
                }
            }
        }
    }
}
