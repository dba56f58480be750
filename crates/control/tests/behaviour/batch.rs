//! All members of a pool at once (contract 2.4).

use serde_json::{Value, json};

use crate::lab::{Client, Lab, OWN};

async fn members(client: Client<'_>, path: &str) -> Vec<(String, u64)> {
    let list = client.get(path).await.is(200).json()["members"].as_array().unwrap().clone();
    let mut members: Vec<_> = list
        .iter()
        .filter(|it| it["provisioning_status"] != "PENDING_DELETE")
        .map(|it| (it["address"].as_str().unwrap().to_owned(), it["weight"].as_u64().unwrap()))
        .collect();
    members.sort();
    members
}

fn member(address: &str) -> Value {
    json!({"address": address, "protocol_port": 80})
}

#[tokio::test]
async fn the_list_is_what_shall_be() {
    let lab = Lab::new().await;
    let client = lab.member();
    let pool = client.pool(&client.load_balancer().await).await;
    let path = format!("/pools/{pool}/members");
    let heavy = json!({"address": "10.0.0.1", "protocol_port": 80, "weight": 7, "name": "one"});
    let first = client.put(&path, json!({"members": [heavy, member("10.0.0.2")]})).await;
    assert_eq!((first.is(202).text.as_str(), first.headers.get("content-type")), ("", None));
    assert_eq!(
        members(client, &path).await,
        [("10.0.0.1".to_owned(), 7), ("10.0.0.2".to_owned(), 1)]
    );
    // What is not mentioned falls back to its default; the name stays.
    client.put(&path, json!({"members": [member("10.0.0.1"), member("10.0.0.3")]})).await.is(202);
    assert_eq!(
        members(client, &path).await,
        [("10.0.0.1".to_owned(), 1), ("10.0.0.3".to_owned(), 1)]
    );
    let named = client.get(&format!("{path}?address=10.0.0.1")).await.json();
    assert_eq!(named["members"][0]["name"], "one");
    let more = format!("{path}?additive_only=true");
    client.put(&more, json!({"members": [member("10.0.0.4")]})).await.is(202);
    assert_eq!(members(client, &path).await.len(), 3);
    client.put(&path, json!({"members": []})).await.is(202);
    assert_eq!(members(client, &path).await, []);
    client.until_active(&format!("/pools/{pool}")).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_changes_nothing() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let path = format!("/pools/{}/members", client.pool(&load_balancer).await);
    client.put(&path, json!({"members": [member("10.0.0.1")]})).await.is(202);
    let generation =
        async || lab.control.store().generation(load_balancer.parse().unwrap()).await.unwrap();
    let before = generation().await;
    let twice = "Validation failure: Member must be updated only once in the same request.";
    let body = json!({"members": [member("10.0.0.1"), member("10.0.0.1")]});
    client.put(&path, body).await.refused(400, twice);
    let body = json!({"members": [member("10.0.0.2"), member("10.0.0.2")]});
    let taken = "Another member on this pool is already using ip 10.0.0.2 on protocol_port 80";
    client.put(&path, body).await.refused(409, taken);
    client.put(&path, json!({})).await.refused(400, "Missing argument: \"members_\"");
    client.put(&path, json!({"members": [{"address": "10.0.0.1"}]})).await.is(400);
    client.put(&path, json!({"members": [member("127.0.0.1")]})).await.is(400);
    client
        .put(&format!("{path}?x=1"), json!({"members": []}))
        .await
        .refused(400, "Unknown argument: \"x\"");
    assert_eq!(generation().await, before);
    // And what is the same already is no change.
    client.put(&path, json!({"members": [member("10.0.0.1")]})).await.is(202);
}

#[tokio::test]
async fn only_net_growth_counts_for_the_quota() {
    let lab = Lab::new().await;
    let client = lab.member();
    let path = format!("/pools/{}/members", client.pool(&client.load_balancer().await).await);
    lab.admin().put(&format!("/quotas/{OWN}"), json!({"quota": {"member": 2}})).await.is(202);
    client.put(&path, json!({"members": [member("10.0.0.1"), member("10.0.0.2")]})).await.is(202);
    client.put(&path, json!({"members": [member("10.0.0.3"), member("10.0.0.4")]})).await.is(202);
    let three = json!({"members": [member("10.0.0.3"), member("10.0.0.4"), member("10.0.0.5")]});
    client.put(&path, three).await.refused(403, "Quota has been met for resources: Member");
}
