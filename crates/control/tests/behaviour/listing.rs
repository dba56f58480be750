//! Lists over HTTP (contract 4); what a database does with them is tried where the database is.

use serde_json::{Value, json};

use crate::lab::{Client, Lab, SUBNET};

async fn named(client: Client<'_>, names: &[&str]) {
    for (at, name) in names.iter().enumerate() {
        let body = json!({"loadbalancer": {
            "name": name, "vip_subnet_id": SUBNET, "admin_state_up": at % 2 == 0,
            "tags": [format!("t{at}"), "all"],
        }});
        client.create("/loadbalancers", body).await;
    }
}

async fn names(client: Client<'_>, query: &str) -> Vec<String> {
    let list = client.get(&format!("/loadbalancers{query}")).await.is(200).json();
    let list = list["loadbalancers"].as_array().unwrap().clone();
    list.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_are_narrowed_and_sorted() {
    let lab = Lab::new().await;
    let client = lab.member();
    named(client, &["c", "a", "b"]).await;
    assert_eq!(names(client, "").await, ["c", "a", "b"]);
    assert_eq!(names(client, "?name=a").await, ["a"]);
    assert_eq!(names(client, "?admin_state_up=True&sort=name").await, ["b", "c"]);
    assert_eq!(names(client, "?sort=name:desc").await, ["c", "b", "a"]);
    assert_eq!(names(client, "?sort_key=name&sort_dir=asc").await, ["a", "b", "c"]);
    assert_eq!(names(client, "?tags=t1,all").await, ["a"]);
    assert_eq!(names(client, "?tags-any=t1,t2").await, ["a", "b"]);
    assert_eq!(names(client, "?not-tags-any=t1&not-tags=t2,all").await, ["c"]);
    assert_eq!(names(client, "?provisioning_status=NONSENSE").await, [""; 0]);
    assert_eq!(names(client, "?provider=haproxy").await.len(), 3);
}

/// By the names that openstacksdk sends (contract 9).
#[tokio::test]
async fn rules_are_narrowed_by_policy_and_value() {
    let lab = Lab::new().await;
    let client = lab.member();
    let listener = client.listener(&client.load_balancer().await, 80).await;
    let body = json!({"l7policy": {"listener_id": listener, "action": "REJECT"}});
    let policy = client.create("/l7policies", body).await["id"].as_str().unwrap().to_owned();
    let path = format!("/l7policies/{policy}/rules");
    for value in ["/a", "/b"] {
        let rule = json!({"type": "PATH", "compare_type": "STARTS_WITH", "value": value});
        client.create(&path, json!({"rule": rule})).await;
    }
    let count = async |query: &str| {
        let list = client.get(&format!("{path}?{query}")).await.is(200).json();
        list["rules"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("l7policy_id={policy}")).await, 2);
    assert_eq!(count("l7policy_id=00000000-0000-4000-8000-000000000000").await, 0);
    assert_eq!(count("rule_value=/b").await, 1);
    client.get("/pools?health_monitor_id=x").await.is(200);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let lab = Lab::new().await;
    let client = lab.member();
    let unknown = "One or more arguments are either duplicate or invalid";
    for query in ["x=1", "name=a&name=b", "listeners=x", "tenant_id=own"] {
        client.get(&format!("/loadbalancers?{query}")).await.refused(400, unknown);
    }
    client
        .get("/pools?sort=nonsense")
        .await
        .refused(400, "Supplied sort key 'nonsense' is not valid.");
    client.get("/pools?marker=00000000-0000-4000-8000-000000000000").await.refused(
        400,
        "Supplied pagination marker '00000000-0000-4000-8000-000000000000' is not valid.",
    );
    for query in ["limit=x", "sort=name:sideways", "sort=a:b:c"] {
        let answer = client.get(&format!("/pools?{query}")).await;
        assert_eq!(answer.is(400).json()["code"], 400, "shape B");
    }
}

#[tokio::test]
async fn pages_follow_their_links_to_the_end() {
    let lab = Lab::new().await;
    let client = lab.member();
    named(client, &["a", "b", "c", "d", "e"]).await;
    let mut path = "/v2.0/lbaas/loadbalancers?limit=2&sort=name:desc&provider=haproxy".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = client.get(&path).await.is(200).json();
        let items = page["loadbalancers"].as_array().unwrap();
        seen.extend(items.iter().map(|it| it["name"].as_str().unwrap().to_owned()));
        let links = page["loadbalancers_links"].as_array().unwrap();
        let next = links.iter().find(|it| it["rel"] == "next");
        let Some(next) = next else { break };
        path = next["href"].as_str().unwrap().strip_prefix("http://localhost").unwrap().to_owned();
        assert!(seen.len() <= 6, "{seen:?}");
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
}

#[tokio::test]
async fn fields_are_those_that_were_asked_for() {
    let lab = Lab::new().await;
    let client = lab.member();
    named(client, &["a"]).await;
    let list = client.get("/loadbalancers?fields=name&fields=project_id&fields=x").await.json();
    assert_eq!(list["loadbalancers"][0], json!({"name": "a", "project_id": "own"}));
    let list = client.get("/loadbalancers?fields=tenant_id").await.json();
    assert_eq!(list["loadbalancers"][0], json!({}));
    let id = client.get("/loadbalancers").await.json()["loadbalancers"][0]["id"].clone();
    let one = client.get(&format!("/loadbalancers/{}?fields=name&x=1", id.as_str().unwrap())).await;
    assert_eq!(one.is(200).only(), json!({"name": "a"}));
}

#[tokio::test]
async fn children_are_listed_within_their_parents() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let (one, other) = (client.pool(&load_balancer).await, client.pool(&load_balancer).await);
    client.member(&one, "10.0.0.8").await;
    client.member(&other, "10.0.0.9").await;
    let list = client.get(&format!("/pools/{one}/members?fields=address")).await.is(200).json();
    assert_eq!(list["members"], json!([{"address": "10.0.0.8"}]));
    assert_eq!(list["members_links"], json!([]));
    for name in ["loadbalancer_id", "load_balancer_id"] {
        let list = client.get(&format!("/pools?{name}={load_balancer}")).await.is(200).json();
        assert_eq!(list["pools"].as_array().map(Vec::len), Some(2));
    }
    let none: Value = client.get("/listeners").await.json();
    assert_eq!(none, json!({"listeners": [], "listeners_links": []}));
}
