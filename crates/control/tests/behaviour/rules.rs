//! What is refused, and in which words (contract 1.8, 1.9 and 3).

use serde_json::{Value, json};

use crate::lab::{Client, Lab, SUBNET, id};

const NOTHING: &str = "00000000-0000-4000-8000-000000000000";

fn with(mut body: Value, root: &str, field: &str, value: Value) -> Value {
    body[root][field] = value;
    body
}

#[tokio::test]
async fn fields_are_refused_in_the_contracts_words() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let good = json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 80,
    }});
    let refused = async |field: &str, value: Value, text: &str| {
        let body = with(good.clone(), "listener", field, value);
        client.post("/listeners", body).await.refused(400, text);
    };
    let envelope = |field: &str, value: &str, reason: &str| {
        format!("Invalid input for field/attribute {field}. Value: '{value}'. {reason}")
    };
    refused(
        "protocol_port",
        json!(0),
        &envelope("protocol_port", "0", "Value should be greater or equal to 1"),
    )
    .await;
    refused(
        "protocol_port",
        json!(65_536),
        &envelope("protocol_port", "65536", "Value should be lower or equal to 65535"),
    )
    .await;
    refused(
        "name",
        json!("x".repeat(256)),
        &envelope(
            "name",
            &"x".repeat(256),
            "Value should have a maximum character requirement of 255",
        ),
    )
    .await;
    refused("id", json!(NOTHING), "Unknown attribute for argument listener_.listener: id").await;
    refused(
        "provisioning_status",
        json!("ACTIVE"),
        "Unknown attribute for argument listener_.listener: provisioning_status",
    )
    .await;
    let header = json!({"X-Forwarded-For": true});
    let answer =
        client.post("/listeners", with(good.clone(), "listener", "insert_headers", header));
    assert!(answer.await.is(400).fault().ends_with("Value should be string"));
    let answer =
        client.post("/listeners", with(good.clone(), "listener", "protocol", json!("FTP"))).await;
    assert!(
        answer.is(400).fault().starts_with(
            "Invalid input for field/attribute protocol. Value: 'FTP'. Value should be one of: "
        ),
        "{}",
        answer.text
    );
    let missing = client
        .post("/listeners", json!({"listener": {"protocol": "HTTP", "protocol_port": 80}}))
        .await;
    missing.refused(400, &envelope("loadbalancer_id", "None", "Mandatory field missing."));
    let extra = client.post("/listeners", json!({"listener": {}, "x": 1})).await;
    extra.refused(400, "Unknown attribute for argument listener_: x");
}

#[tokio::test]
async fn a_listener_fits_its_load_balancer() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    client.listener(&load_balancer, 80).await;
    let listener = |protocol: &str, port: u16| {
        json!({"listener": {
            "loadbalancer_id": load_balancer, "protocol": protocol, "protocol_port": port,
        }})
    };
    let taken = "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80";
    client.post("/listeners", listener("TCP", 80)).await.refused(409, taken);
    client.create("/listeners", listener("UDP", 80)).await;
    client.create("/listeners", listener("SCTP", 80)).await;
    let unknown = with(listener("TCP", 81), "listener", "loadbalancer_id", json!(NOTHING));
    client
        .post("/listeners", unknown)
        .await
        .refused(404, &format!("Load Balancer {NOTHING} not found."));
    let cidrs = with(
        listener("TCP", 81),
        "listener",
        "allowed_cidrs",
        json!(["10.0.0.0/8", "2001:db8::/32"]),
    );
    let answer = client.post("/listeners", cidrs).await;
    assert!(
        answer
            .is(400)
            .fault()
            .starts_with("Validation failure: CIDR 2001:db8::/32 IP version incompatible"),
        "{}",
        answer.text
    );
    let tls = client.post("/listeners", listener("TERMINATED_HTTPS", 443)).await;
    tls.refused(400, "Validation failure: An SNI or default certificate container reference must be provided for TERMINATED_HTTPS protocol listeners.");
    let made = client.create("/listeners", listener("TCP", 82)).await;
    let change = json!({"listener": {"allowed_cidrs": ["2001:db8::/32"]}});
    client.put(&format!("/listeners/{}", id(&made)), change).await.is(400);
}

#[tokio::test]
async fn a_pool_fits_its_listener() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    let pool = |protocol: &str, parent: Value| {
        let mut body = json!({"pool": {"protocol": protocol, "lb_algorithm": "ROUND_ROBIN"}});
        body["pool"].as_object_mut().unwrap().extend(parent.as_object().unwrap().clone());
        body
    };
    let none = client.post("/pools", pool("HTTP", json!({}))).await;
    none.refused(
        400,
        "Validation failure: Must provide at least one of: loadbalancer_id, listener_id",
    );
    let unknown = client.post("/pools", pool("HTTP", json!({"listener_id": NOTHING}))).await;
    unknown.refused(404, &format!("Listener {NOTHING} not found."));
    let wrong = client.post("/pools", pool("TCP", json!({"listener_id": listener}))).await;
    wrong.refused(400, "Validation failure: The pool protocol 'TCP' is invalid while the listener protocol is 'HTTP'.");
    client.create("/pools", pool("HTTP", json!({"listener_id": listener}))).await;
    let second = client.post("/pools", pool("HTTP", json!({"listener_id": listener}))).await;
    second.refused(409, "This listener already has a default pool");
    let other = client.load_balancer().await;
    let astray = json!({"loadbalancer_id": other, "listener_id": listener});
    client.post("/pools", pool("HTTP", astray)).await.is(404);
    let nested =
        with(pool("HTTP", json!({"loadbalancer_id": other})), "pool", "members", json!([]));
    client
        .post("/pools", nested)
        .await
        .refused(400, "Unknown attribute for argument pool_.pool: members");
}

#[tokio::test]
async fn what_points_to_a_pool_holds_it() {
    let lab = Lab::new().await;
    let client = lab.member();
    let load_balancer = client.load_balancer().await;
    let listener = client.listener(&load_balancer, 80).await;
    let pool = client.pool(&load_balancer).await;
    let policy = json!({"l7policy": {
        "listener_id": listener, "action": "REDIRECT_TO_POOL", "redirect_pool_id": pool,
    }});
    let policy = id(&client.create("/l7policies", policy).await);
    let text = format!("Pool {pool} is in use by L7 policy {policy}");
    client.delete(&format!("/pools/{pool}")).await.refused(409, &text);
    let whole = format!(
        "Validation failure: Cannot delete Load Balancer {load_balancer} - it has children"
    );
    client.delete(&format!("/loadbalancers/{load_balancer}")).await.refused(400, &whole);
    client
        .delete(&format!("/loadbalancers/{load_balancer}?cascade=maybe"))
        .await
        .refused(400, &whole);
    client.delete(&format!("/loadbalancers/{load_balancer}?cascade=true")).await.is(204);
    client.until_gone(&format!("/pools/{pool}")).await;
    client.until_gone(&format!("/loadbalancers/{load_balancer}")).await;
    client.delete(&format!("/loadbalancers/{load_balancer}")).await.is(404);
}

#[tokio::test]
async fn members_and_monitors_are_one_of_a_kind() {
    let lab = Lab::new().await;
    let client = lab.member();
    let pool = client.pool(&client.load_balancer().await).await;
    let members = format!("/pools/{pool}/members");
    client.member(&pool, "10.0.0.9").await;
    let member = |address: &str| json!({"member": {"address": address, "protocol_port": 80}});
    let taken = "Another member on this pool is already using ip 10.0.0.9 on protocol_port 80";
    client.post(&members, member("10.0.0.9")).await.refused(409, taken);
    for hostile in ["169.254.169.254", "127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
    {
        let text = format!("{hostile} is not a valid option for member address");
        client.post(&members, member(hostile)).await.refused(400, &text);
        let probed = with(member("10.0.0.10"), "member", "monitor_address", json!(hostile));
        client.post(&members, probed).await.is(400);
    }
    let astray = with(member("10.0.0.10"), "member", "subnet_id", json!(NOTHING));
    client.post(&members, astray).await.refused(400, &format!("Subnet {NOTHING} not found."));
    let monitor = |kind: &str| {
        json!({"healthmonitor": {
            "pool_id": pool, "type": kind, "delay": 5, "timeout": 3, "max_retries": 2,
        }})
    };
    let udp =
        "Validation failure: The UDP-CONNECT type is only supported for pools of type UDP/SCTP.";
    client.post("/healthmonitors", monitor("UDP-CONNECT")).await.refused(400, udp);
    let path = with(monitor("TCP"), "healthmonitor", "url_path", json!("/"));
    client
        .post("/healthmonitors", path)
        .await
        .refused(400, "url_path is not a valid option for health monitors of type TCP");
    for kind in ["HTTP", "HTTPS", "TCP", "PING"] {
        let made = client.create("/healthmonitors", monitor(kind)).await;
        let second = client.post("/healthmonitors", monitor("TCP")).await;
        second.refused(409, "This pool already has a health monitor");
        let path = format!("/healthmonitors/{}", id(&made));
        client.delete(&path).await.is(204);
        client.until_gone(&path).await;
    }
}

#[tokio::test]
async fn policies_and_rules_keep_to_their_grammar() {
    let lab = Lab::new().await;
    let client = lab.member();
    let listener = client.listener(&client.load_balancer().await, 80).await;
    let policy = |fields: Value| {
        let mut body = json!({"l7policy": {"listener_id": listener}});
        body["l7policy"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let lacking = client.post("/l7policies", policy(json!({"action": "REDIRECT_TO_URL"}))).await;
    lacking.refused(400, "Invalid L7 Policy arguments: redirect_url must not be None");
    let reject = id(&client.create("/l7policies", policy(json!({"action": "REJECT"}))).await);
    let empty = client.put(&format!("/l7policies/{reject}"), json!({"l7policy": {}})).await;
    empty.refused(400, "Invalid L7 Policy arguments: Invalid update options");
    let rules = format!("/l7policies/{reject}/rules");
    let rule = |kind: &str, compare: &str, value: &str| {
        json!({"rule": {
            "type": kind, "compare_type": compare, "value": value,
        }})
    };
    let refused =
        async |body: Value, text: &str| client.post(&rules, body).await.refused(400, text);
    refused(
        rule("HEADER", "EQUAL_TO", "x"),
        "Error parsing L7Rule: Invalid L7 Rule: L7 rule type requires a key",
    )
    .await;
    refused(
        rule("FILE_TYPE", "CONTAINS", "x"),
        "Error parsing L7Rule: Invalid L7 Rule: invalid comparison type for rule type",
    )
    .await;
    let regex = client.post(&rules, rule("PATH", "REGEX", "(a")).await;
    assert!(
        regex
            .is(400)
            .fault()
            .starts_with("Error parsing L7Rule: Unable to parse regular expression: "),
        "{}",
        regex.text
    );
    let made = id(&client.create(&rules, rule("PATH", "REGEX", "^/a+$")).await);
    let change = json!({"rule": {"value": "*"}});
    client.put(&format!("{rules}/{made}"), change).await.is(400);
    for _ in 1..50 {
        client.create(&rules, rule("PATH", "EQUAL_TO", "/x")).await;
    }
    client
        .post(&rules, rule("PATH", "EQUAL_TO", "/x"))
        .await
        .refused(409, &format!("Too many rules on L7 policy {reject}"));
}

#[tokio::test]
async fn a_listener_has_at_most_fifty_regular_expressions() {
    let lab = Lab::new().await;
    let client = lab.member();
    let listener = client.listener(&client.load_balancer().await, 80).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let policy = json!({"l7policy": {"listener_id": listener, "action": "REJECT"}});
        made.push(id(&client.create("/l7policies", policy).await));
    }
    let rule =
        |compare: &str| json!({"rule": {"type": "PATH", "compare_type": compare, "value": "^/a"}});
    let path = |at: usize| format!("/l7policies/{}/rules", made[at % 2]);
    for at in 0..50 {
        client.create(&path(at), rule("REGEX")).await;
    }
    let text =
        format!("Too many rules with regular expressions on Listener {listener}: at most 50");
    client.post(&path(0), rule("REGEX")).await.refused(409, &text);
    let plain = id(&client.create(&path(0), rule("EQUAL_TO")).await);
    let change = json!({"rule": {"compare_type": "REGEX"}});
    client.put(&format!("{}/{plain}", path(0)), change).await.refused(409, &text);

    let rules = vec![rule("REGEX")["rule"].clone(); 26];
    let policy = json!({"action": "REJECT", "rules": rules});
    let whole = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "listeners": [
        {"protocol": "HTTP", "protocol_port": 80, "l7policies": [policy, policy]},
    ]}});
    let answer = client.post("/loadbalancers", whole).await.is(409).fault();
    assert!(answer.starts_with("Too many rules with regular expressions on Listener "), "{answer}");
}

#[tokio::test]
async fn positions_are_dense_and_move() {
    let lab = Lab::new().await;
    let client = lab.member();
    let listener = client.listener(&client.load_balancer().await, 80).await;
    let mut made = Vec::new();
    for position in [None, Some(1), Some(99)] {
        let body = json!({"l7policy": {"listener_id": listener, "action": "REJECT", "position": position}});
        made.push(id(&client.create("/l7policies", body).await));
    }
    let order = async |client: Client<'_>| {
        let shown = client.get(&format!("/listeners/{listener}")).await.only();
        let ids = shown["l7policies"].as_array().unwrap().clone();
        ids.iter().map(|it| made.iter().position(|id| it["id"] == *id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(order(client).await, [1, 0, 2]);
    client
        .put(&format!("/l7policies/{}", made[2]), json!({"l7policy": {"position": 1}}))
        .await
        .is(200);
    assert_eq!(order(client).await, [2, 1, 0]);
}

#[tokio::test]
async fn a_vip_comes_from_somewhere() {
    let lab = Lab::new().await;
    let client = lab.member();
    let create =
        async |fields: Value| client.post("/loadbalancers", json!({"loadbalancer": fields})).await;
    create(json!({})).await.refused(
        400,
        "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.",
    );
    create(json!({"vip_subnet_id": NOTHING}))
        .await
        .refused(400, &format!("Subnet {NOTHING} not found."));
    create(json!({"vip_network_id": NOTHING}))
        .await
        .refused(400, &format!("Network {NOTHING} not found."));
    create(json!({"vip_port_id": NOTHING}))
        .await
        .refused(400, &format!("Port {NOTHING} not found."));
    create(json!({"vip_subnet_id": SUBNET, "vip_address": "10.0.0.77"})).await.is(201);
    create(json!({"vip_subnet_id": SUBNET, "vip_address": "10.0.0.77"})).await.refused(
        409,
        &format!("The VIP IP address is already in use: IP address 10.0.0.77 is already allocated in subnet {SUBNET}"),
    );
    create(json!({"vip_subnet_id": SUBNET, "flavor_id": NOTHING}))
        .await
        .refused(400, "Validation failure: Invalid flavor_id.");
    create(json!({"vip_subnet_id": SUBNET, "flavor_id": null}))
        .await
        .refused(400, "Validation failure: Invalid flavor_id.");
    create(json!({"vip_subnet_id": SUBNET, "availability_zone": "x"}))
        .await
        .refused(400, "Validation failure: Invalid availability zone.");
    create(json!({"vip_subnet_id": SUBNET, "vip_qos_policy_id": NOTHING}))
        .await
        .refused(400, "Validation failure: VIP QoS policy is not allowed in this deployment.");
    create(json!({"vip_subnet_id": SUBNET, "vip_sg_ids": [NOTHING]}))
        .await
        .refused(400, &format!("Security Group {NOTHING} not found."));
    create(json!({"vip_subnet_id": SUBNET, "vip_sg_ids": [], "additional_vips": null}))
        .await
        .is(201);
}

#[tokio::test]
async fn networks_can_be_kept_from_vips() {
    let network = crate::lab::NETWORK.into();
    let lab = Lab::with(|config, _| config.deployment.denylist_vip_networks = vec![network]).await;
    let refused = "Validation failure: Supplied VIP network_id is not allowed by the configuration of this deployment.";
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
    lab.member().post("/loadbalancers", body).await.refused(400, refused);
}

#[tokio::test]
async fn a_provider_is_chosen_by_name_and_says_what_it_cannot_do() {
    let lab = Lab::new().await;
    let client = lab.member();
    let create = async |provider: Value| {
        let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "provider": provider}});
        client.post("/loadbalancers", body).await
    };
    for (asked, echoed) in
        [(json!("amphora"), "amphora"), (json!("octavia"), "octavia"), (Value::Null, "haproxy")]
    {
        assert_eq!(create(asked).await.is(201).json()["loadbalancer"]["provider"], echoed);
    }
    create(json!("nobody")).await.refused(400, "Provider 'nobody' is not enabled.");
    let small = create(json!("small")).await.is(201).json()["loadbalancer"]["id"].clone();
    let listener = |protocol: &str| {
        json!({"listener": {
            "loadbalancer_id": small, "protocol": protocol, "protocol_port": 80,
        }})
    };
    let text = "Provider 'small' does not support a requested option: listener protocol HTTP is not supported by this driver.";
    client.post("/listeners", listener("HTTP")).await.refused(501, text);
    let made = id(&client.create("/listeners", listener("TCP")).await);
    let change = json!({"listener": {"allowed_cidrs": ["10.0.0.0/8"]}});
    client.put(&format!("/listeners/{made}"), change).await.is(501);
    let policy = json!({"l7policy": {"listener_id": made, "action": "REJECT"}});
    let text = "Provider 'small' does not support a requested option: TCP protocol listeners do not support L7 policies";
    client.post("/l7policies", policy).await.refused(501, text);
    let policy = json!({"action": "REJECT"});
    let whole = json!({"loadbalancer": {
        "vip_subnet_id": SUBNET, "provider": "small",
        "listeners": [{"protocol": "TCP", "protocol_port": 80, "l7policies": [policy]}],
    }});
    client.post("/loadbalancers", whole).await.refused(501, text);
    let pool =
        json!({"pool": {"loadbalancer_id": small, "protocol": "TCP", "lb_algorithm": "SOURCE_IP"}});
    client.post("/pools", pool).await.is(501);
    let more = json!({"loadbalancer": {
        "vip_subnet_id": SUBNET, "provider": "small",
        "additional_vips": [{"subnet_id": NOTHING}],
    }});
    client.post("/loadbalancers", more).await.is(501);
}
