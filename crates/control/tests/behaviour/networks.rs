//! Networks of our own, as operators make and change them.

use serde_json::{Value, json};

use crate::lab::{Lab, NETWORK, OWN, SUBNET, id};

const NETWORKS: &str = "/v2/evenkeel/networks";
const SUBNETS: &str = "/v2/evenkeel/subnets";
const FLOATING: &str = "/v2/evenkeel/floating-addresses";

async fn external(lab: &Lab) -> String {
    let admin = lab.admin();
    let body = json!({"network": {"name": "outside", "external": true}});
    let network = id(&admin.create(NETWORKS, body).await);
    let body = json!({"subnet": {"network_id": network, "cidr": "203.0.113.0/29"}});
    admin.create(SUBNETS, body).await;
    network
}

/// Which graph of the only load balancer is the latest.
async fn generation(lab: &Lab) -> u64 {
    let list = lab.admin().get("/v2/evenkeel/placements").await.is(200).json();
    list["placements"][0]["generation"].as_u64().unwrap()
}

#[tokio::test]
async fn a_network_is_made_changed_and_deleted() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let made = admin.create(NETWORKS, json!({"network": {"name": "web"}})).await;
    let network = format!("{NETWORKS}/{}", id(&made));
    let expected = json!({
        "id": made["id"], "name": "web", "project_id": "admins", "shared": false,
        "external": false, "mtu": 1500, "vlan": 2, "allowed_projects": [], "subnets": [],
    });
    assert_eq!(made, expected);
    let body = json!({"subnet": {
        "network_id": made["id"], "cidr": "10.7.0.9/24", "name": "a",
        "host_routes": [{"destination": "10.8.0.0/16", "nexthop": "10.7.0.2"}],
        "allocation_pools": [{"start": "10.7.0.10", "end": "10.7.0.20"}],
    }});
    let subnet = admin.create(SUBNETS, body).await;
    assert_eq!(
        (&subnet["cidr"], &subnet["gateway_ip"]),
        (&json!("10.7.0.0/24"), &json!("10.7.0.1"))
    );
    assert_eq!(admin.get(&network).await.only()["subnets"], json!([subnet["id"]]));
    let change = json!({"network": {"vlan": null, "mtu": 9000, "allowed_projects": [OWN]}});
    let changed = admin.put(&network, change).await.is(200).only();
    assert_eq!((&changed["vlan"], &changed["mtu"]), (&Value::Null, &json!(9000)));
    assert_eq!((&changed["name"], &changed["allowed_projects"]), (&json!("web"), &json!([OWN])));
    let of_subnet = format!("{SUBNETS}/{}", id(&subnet));
    let change = json!({"subnet": {"gateway_ip": null, "host_routes": null}});
    let changed = admin.put(&of_subnet, change).await.is(200).only();
    assert_eq!((&changed["gateway_ip"], &changed["host_routes"]), (&Value::Null, &json!([])));
    assert_eq!(changed["allocation_pools"], subnet["allocation_pools"]);
    let list = admin.get(&format!("{NETWORKS}?name=web&fields=name")).await.is(200).json();
    assert_eq!(list["networks"], json!([{"name": "web"}]));
    admin.delete(&network).await.is(204);
    admin.get(&network).await.is(404);
    admin.get(&of_subnet).await.is(404);
}

#[tokio::test]
async fn what_uses_a_network_is_named_with_what_to_do() {
    let lab = Lab::new().await;
    lab.member().load_balancer().await;
    let admin = lab.admin();
    for (path, cure) in [
        (format!("{NETWORKS}/{NETWORK}"), "delete the load balancers"),
        (format!("{SUBNETS}/{SUBNET}"), "delete the load balancers"),
    ] {
        let answer = admin.delete(&path).await;
        assert!(answer.is(409).fault().contains(cure), "{}", answer.text);
    }
}

#[tokio::test]
async fn load_balancers_follow_their_network() {
    let lab = Lab::new().await;
    let root = format!("/loadbalancers/{}", lab.member().load_balancer().await);
    lab.member().until_active(&root).await;
    let admin = lab.admin();
    let before = generation(&lab).await;
    let route = json!([{"destination": "10.9.0.0/16", "nexthop": "10.0.0.200"}]);
    let change = json!({"subnet": {"host_routes": route}});
    admin.put(&format!("{SUBNETS}/{SUBNET}"), change).await.is(200);
    assert!(generation(&lab).await > before);
    lab.member().until_active(&root).await;
    let between = generation(&lab).await;
    let change = json!({"network": {"name": "renamed"}});
    admin.put(&format!("{NETWORKS}/{NETWORK}"), change).await.is(200);
    assert_eq!(generation(&lab).await, between, "a name concerns no node");
}

#[tokio::test]
async fn a_floating_address_moves_from_vip_to_vip() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let outside = external(&lab).await;
    let mut ports = Vec::new();
    for _ in 0..2 {
        let root = format!("/loadbalancers/{}", lab.member().load_balancer().await);
        let made = lab.member().until_active(&root).await;
        ports.push(made["vip_port_id"].clone());
    }
    let body = json!({"floating_address": {"network_id": outside, "port_id": ports[0]}});
    let made = admin.create(FLOATING, body.clone()).await;
    assert_eq!((&made["port_id"], &made["fixed_address"]), (&ports[0], &json!("10.0.0.1")));
    assert_eq!((&made["address"], &made["project_id"]), (&json!("203.0.113.2"), &json!(OWN)));
    let again = admin.post(FLOATING, body).await;
    assert!(again.is(409).fault().contains("release that first"), "{}", again.text);
    let path = format!("{FLOATING}/{}", id(&made));
    let moved = admin.put(&path, json!({"floating_address": {"port_id": ports[1]}})).await;
    assert_eq!(moved.is(200).only()["fixed_address"], "10.0.0.2");
    let free = admin.put(&path, json!({"floating_address": {"port_id": null}})).await;
    assert_eq!(free.is(200).only()["port_id"], Value::Null);
    admin.delete(&path).await.is(204);
    admin.get(&path).await.is(404);
}

#[tokio::test]
async fn networks_that_cannot_be_are_refused() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    for body in [
        json!({"vlan": 0}),
        json!({"vlan": 4095}),
        json!({"vlan": 70_000}),
        json!({"mtu": 67}),
        json!({"mtu": 65_536}),
        json!({"allowed_projects": [""]}),
    ] {
        admin.post(NETWORKS, json!({"network": body})).await.is(400);
    }
    for body in [
        json!({"cidr": "127.0.0.0/8"}),
        json!({"cidr": "10.0.0.128/25"}),
        json!({"cidr": "10.7.0.0/24", "gateway_ip": "10.8.0.1"}),
        json!({"cidr": "10.7.0.0/24", "allocation_pools": [{"start": "10.7.0.9", "end": "10.7.0.8"}]}),
        json!({"cidr": "10.7.0.0/24", "host_routes": [{"destination": "::/0", "nexthop": "10.7.0.8"}]}),
        json!({"cidr": "10.7.0.0/24", "network_id": "00000000-0000-4000-8000-000000000000"}),
    ] {
        let mut subnet = json!({"network_id": NETWORK});
        subnet.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        admin.post(SUBNETS, json!({"subnet": subnet})).await.is(400);
    }
}
