//! Places of load balancers in Octavia's words (contract 2.12).

use std::collections::BTreeMap;

use evenkeel_model::observed::{Observation, Traffic};
use serde_json::{Value, json};

use crate::agent::Temper;
use crate::lab::{Client, Lab, OTHER, OWN};

const PATH: &str = "/v2/octavia/amphorae";

async fn epoch(admin: Client<'_>) -> u64 {
    let list = admin.get("/v2/evenkeel/placements").await.is(200).json();
    list["placements"][0]["epoch"].as_u64().unwrap()
}

/// The amphora of a load balancer.
async fn of(admin: Client<'_>, load_balancer: &str) -> String {
    let list = admin.get(&format!("{PATH}?loadbalancer_id={load_balancer}")).await.is(200).json();
    let [amphora] = list["amphorae"].as_array().unwrap().as_slice() else {
        panic!("{list} has not one amphora")
    };
    amphora["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_placed_load_balancer_is_an_amphora() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let empty = admin.get(PATH).await.is(200).json();
    assert_eq!(empty, json!({"amphorae": [], "amphorae_links": []}));
    let id = lab.member().load_balancer().await;
    let made = lab.member().until_active(&format!("/loadbalancers/{id}")).await;
    let path = format!("{PATH}/{}", of(admin, &id).await);
    let shown = admin.get(&path).await.is(200).json();
    let amphora = &shown["amphora"];
    for (field, value) in [
        ("loadbalancer_id", json!(id)),
        ("ha_ip", made["vip_address"].clone()),
        ("ha_port_id", made["vip_port_id"].clone()),
        ("vrrp_ip", made["vip_address"].clone()),
        ("vrrp_port_id", made["vip_port_id"].clone()),
        ("created_at", made["created_at"].clone()),
        ("role", json!("STANDALONE")),
        ("status", json!("ALLOCATED")),
        ("cert_busy", json!(false)),
        ("image_id", Value::Null),
        ("compute_flavor", Value::Null),
    ] {
        assert_eq!(amphora[field], value, "{field}");
    }
    assert_eq!(amphora.as_object().unwrap().len(), 20);
    let only = admin.get(&format!("{path}?fields=role")).await.is(200).only();
    assert_eq!(only, json!({"role": "STANDALONE"}));
    admin.get(&format!("{PATH}/x")).await.refused(404, "Amphora x not found.");
    lab.member().get(PATH).await.is(403);
    lab.member().get(&path).await.is(403);
    admin.get("/v2/lbaas/amphorae").await.is(404);
}

#[tokio::test]
async fn the_list_is_narrowed_sorted_and_paged() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let mut ids = Vec::new();
    for client in [lab.member(), lab.member(), lab.caller(OTHER, "member")] {
        let id = client.load_balancer().await;
        client.until_active(&format!("/loadbalancers/{id}")).await;
        ids.push(id);
    }
    let list = async |query: &str| {
        let whole = admin.get(&format!("{PATH}?{query}")).await.is(200).json();
        let found = whole["amphorae"].as_array().unwrap().clone();
        let found: Vec<String> =
            found.iter().map(|it| it["loadbalancer_id"].as_str().unwrap().to_owned()).collect();
        (found, whole["amphorae_links"].clone())
    };
    assert_eq!(list("").await.0, ids);
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.reverse();
    assert_eq!(list("sort=loadbalancer_id:desc").await.0, sorted);
    assert_eq!(list(&format!("project_id={OTHER}")).await.0, ids[2..]);
    assert_eq!(list(&format!("project_id={OWN}&role=STANDALONE")).await.0, ids[..2]);
    assert_eq!(list(&format!("id={}", of(admin, &ids[1]).await)).await.0, ids[1..2]);
    for name in ["loadbalancer_id", "load_balancer_id"] {
        assert_eq!(list(&format!("{name}={}", ids[1])).await.0, ids[1..2]);
    }
    assert_eq!(list("status=ERROR").await.0.len(), 0);
    assert_eq!(list("cert_busy=no").await.0.len(), 3);
    let (page, links) = list("limit=2").await;
    assert_eq!(page, ids[..2]);
    let href = links[0]["href"].as_str().unwrap();
    let query = href.split_once('?').unwrap().1;
    assert_eq!(list(query).await.0, ids[2..]);
    for query in ["color=red", "tags=x", "sort=color", "marker=x"] {
        admin.get(&format!("{PATH}?{query}")).await.is(400);
    }
}

#[tokio::test]
async fn statistics_are_those_of_each_listener() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let id = lab.member().load_balancer().await;
    let listener = lab.member().listener(&id, 80).await;
    lab.member().until_active(&format!("/loadbalancers/{id}")).await;
    let amphora = of(admin, &id).await;
    let path = format!("{PATH}/{amphora}/stats");
    admin.get(&path).await.refused(404, &format!("Amphora stats for {amphora} not found."));
    admin.get(&format!("{PATH}/x/stats")).await.refused(404, "Amphora x not found.");
    let traffic = Traffic {
        bytes_in: 1,
        bytes_out: 2,
        active_connections: 3,
        total_connections: 4,
        request_errors: 5,
    };
    let seen = Observation {
        traffic: BTreeMap::from([(listener.parse().unwrap(), traffic)]),
        ..Observation::default()
    };
    let agent = lab.agent.as_ref().unwrap().id;
    let store = lab.control.store();
    let placed = store.index(agent).await.unwrap()[0];
    store.observe(agent, placed.load_balancer, placed.epoch, seen).await.unwrap();
    let expected = json!({"amphora_stats": [{
        "id": amphora, "listener_id": listener, "loadbalancer_id": id, "bytes_in": 1, "bytes_out": 2,
        "active_connections": 3, "total_connections": 4, "request_errors": 5,
    }]});
    assert_eq!(admin.get(&path).await.is(200).json(), expected);
    let fields = admin.get(&format!("{path}?fields=bytes_in")).await.json();
    assert_eq!(fields, json!({"amphora_stats": [{"bytes_in": 1}]}));
    lab.member().get(&path).await.is(403);
}

#[tokio::test]
async fn one_that_serves_fails_over_and_one_in_error_is_deleted() {
    let mut lab = Lab::new().await;
    let agent = lab.agent.take().unwrap();
    let id = lab.member().load_balancer().await;
    let root = format!("/loadbalancers/{id}");
    lab.member().until_active(&root).await;
    let admin = lab.admin();
    let (first, before) = (of(admin, &id).await, epoch(admin).await);
    let item = format!("{PATH}/{first}");
    let immutable = |amphora| format!("amphora {amphora} is immutable and cannot be updated.");
    admin.delete(&item).await.refused(409, &immutable(&first));
    assert_eq!(admin.put(&format!("{item}/config"), json!({})).await.is(202).text, "");
    assert_eq!(epoch(admin).await, before, "nothing was changed so far");

    agent.turn(Temper::Silent);
    assert_eq!(admin.put(&format!("{item}/failover"), json!({})).await.is(202).text, "");
    assert_eq!(epoch(admin).await, before + 1);
    let second = of(admin, &id).await;
    assert_ne!(second, first, "it is another one now");
    // Whoever asked for the failover may still ask after the one he named.
    let replaced = admin.get(&item).await.only();
    assert_eq!((&replaced["id"], &replaced["status"]), (&json!(first), &json!("DELETED")));
    admin
        .put(&format!("{item}/failover"), json!({}))
        .await
        .refused(404, &format!("Amphora {first} not found."));
    admin.delete(&item).await.refused(404, &format!("Amphora {first} not found."));
    let item = format!("{PATH}/{second}");
    let failover = format!("{item}/failover");
    let pending = lab.member().get(&root).await.only();
    assert_eq!(pending["provisioning_status"], "PENDING_UPDATE");
    let locked = format!("Load Balancer {id} is immutable and cannot be updated.");
    admin.put(&failover, json!({})).await.refused(409, &locked);
    admin.delete(&item).await.refused(409, &immutable(&second));

    agent.turn(Temper::Refusing("no"));
    lab.member().until(&root, "provisioning_status", "ERROR").await;
    assert_eq!(admin.get(&item).await.only()["status"], "ERROR");
    admin.put(&failover, json!({})).await.refused(409, &locked);
    agent.turn(Temper::Willing);
    lab.member().until_active(&root).await;
    agent.turn(Temper::Refusing("no"));
    lab.member().put(&root, json!({"loadbalancer": {"name": "x"}})).await.is(200);
    lab.member().until(&root, "provisioning_status", "ERROR").await;
    // One that is not willing would be in ERROR again before it is seen.
    agent.turn(Temper::Silent);
    assert_eq!(admin.delete(&item).await.is(204).text, "");
    assert_eq!(epoch(admin).await, before + 2);
    agent.turn(Temper::Willing);
    lab.member().until_active(&root).await;
    for method in ["", "/failover", "/config"] {
        let path = format!("{PATH}/x{method}");
        let answer = if method.is_empty() {
            admin.delete(&path).await
        } else {
            admin.put(&path, json!({})).await
        };
        answer.refused(404, "Amphora x not found.");
    }
    lab.member().delete(&item).await.is(403);
    lab.member().put(&failover, json!({})).await.is(403);
}
