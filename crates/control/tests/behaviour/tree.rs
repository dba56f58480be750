//! A load balancer with all that is in it, in one call (contract 3.10).

use serde_json::{Value, json};

use crate::lab::{Lab, SUBNET, id};

fn tree() -> Value {
    let policy = json!({
        "action": "REDIRECT_TO_POOL",
        "redirect_pool": {"name": "img", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
        "rules": [{"type": "PATH", "compare_type": "STARTS_WITH", "value": "/img"}],
    });
    json!({"loadbalancer": {
        "name": "web", "vip_subnet_id": SUBNET,
        "pools": [{
            "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "healthmonitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 3},
            "members": [{"address": "10.0.0.5", "protocol_port": 8080}],
        }],
        "listeners": [{
            "name": "http", "protocol": "HTTP", "protocol_port": 80,
            "default_pool": {"name": "app"}, "l7policies": [policy],
        }],
    }})
}

#[tokio::test]
async fn everything_comes_back_whole_and_turns_active() {
    let lab = Lab::new().await;
    let client = lab.member();
    let whole = client.create("/loadbalancers", tree()).await;
    let (listener, pools) = (&whole["listeners"][0], whole["pools"].as_array().unwrap());
    assert_eq!(listener["l7policies"][0]["rules"][0]["value"], "/img");
    assert_eq!(listener.get("loadbalancers"), None);
    assert_eq!(pools.len(), 2);
    assert_eq!(pools[0]["healthmonitor"]["type"], "HTTP");
    assert_eq!(pools[0]["members"][0]["address"], "10.0.0.5");
    assert_eq!(pools[1]["healthmonitor"], Value::Null);
    assert_eq!(listener["default_pool_id"], pools[0]["id"]);
    assert_eq!(listener["l7policies"][0]["redirect_pool_id"], pools[1]["id"]);
    for object in [&whole, listener, &pools[0], &pools[0]["members"][0], &listener["l7policies"][0]]
    {
        assert_eq!(object["provisioning_status"], "PENDING_CREATE");
    }
    let root = format!("/loadbalancers/{}", id(&whole));
    let shown = client.until_active(&root).await;
    assert_eq!(shown["listeners"], json!([{"id": listener["id"]}]));
    client.until_active(&format!("/pools/{}", id(&pools[0]))).await;
}

#[tokio::test]
async fn one_wrong_part_and_nothing_is_there() {
    let lab = Lab::new().await;
    let client = lab.member();
    let refused = async |change: &dyn Fn(&mut Value), status: u16| {
        let mut body = tree();
        change(&mut body["loadbalancer"]);
        let answer = client.post("/loadbalancers", body).await;
        answer.is(status);
        let list = client.get("/loadbalancers").await.json();
        assert_eq!(list["loadbalancers"], json!([]), "{}", answer.text);
        assert_eq!(client.get("/pools").await.json()["pools"], json!([]));
        answer.fault()
    };
    let text =
        refused(&|it| it["listeners"][0]["default_pool"] = json!({"name": "nobody"}), 400).await;
    assert_eq!(
        text,
        "Validation failure: Pool 'nobody' was referenced but no full definition was found."
    );
    refused(&|it| it["pools"][0]["protocol"] = json!("TCP"), 400).await;
    refused(
        &|it| {
            let member = json!({"address": "10.0.0.5", "protocol_port": 1});
            it["pools"][0]["members"] = json!([member, member]);
        },
        409,
    )
    .await;
    refused(
        &|it| it["listeners"][0]["l7policies"][0]["rules"][0]["compare_type"] = json!("X"),
        400,
    )
    .await;
    refused(
        &|it| {
            it["listeners"][0]["l7policies"][0]["rules"][0]["compare_type"] = json!("REGEX");
            it["listeners"][0]["l7policies"][0]["rules"][0]["value"] = json!("[");
        },
        400,
    )
    .await;
    refused(&|it| it["listeners"][0]["allowed_cidrs"] = json!(["2001:db8::/32"]), 400).await;
    refused(&|it| it["listeners"][0]["loadbalancer_id"] = json!(SUBNET), 400).await;
    refused(&|it| it["provider"] = json!("small"), 501).await;
    // The address that was nearly leased is free.
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "vip_address": "10.0.0.2"}});
    client.post("/loadbalancers", body).await.is(201);
}

#[tokio::test]
async fn all_of_it_goes_at_once() {
    let lab = Lab::new().await;
    let client = lab.member();
    let whole = client.create("/loadbalancers", tree()).await;
    let root = format!("/loadbalancers/{}", id(&whole));
    client.until_active(&root).await;
    client.delete(&format!("{root}?cascade=true")).await.is(204);
    client.until_gone(&root).await;
    for kind in ["listeners", "pools", "healthmonitors", "l7policies"] {
        assert_eq!(client.get(&format!("/{kind}")).await.json()[kind], json!([]), "{kind}");
    }
}
