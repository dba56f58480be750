//! Who may do what: every call, as everybody.

use axum::http::Method;
use evenkeel_control::config::{AuthStrategy, RoleStyle};
use serde_json::{Value, json};

use crate::lab::{Client, Lab, OTHER, OWN, SUBNET, id};

/// One of everything, in the project [`OWN`].
struct World {
    load_balancer: String,
    listener: String,
    pool: String,
    member: String,
    monitor: String,
    policy: String,
    rule: String,
}

impl World {
    async fn of(client: Client<'_>) -> Self {
        let load_balancer = client.load_balancer().await;
        let listener = client.listener(&load_balancer, 80).await;
        let pool = client.pool(&load_balancer).await;
        let member = client.member(&pool, "10.0.0.9").await;
        let monitor = json!({"healthmonitor": {
            "pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2,
        }});
        let monitor = id(&client.create("/healthmonitors", monitor).await);
        let policy = json!({"l7policy": {"listener_id": listener, "action": "REJECT"}});
        let policy = id(&client.create("/l7policies", policy).await);
        let rule = json!({"rule": {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}});
        let rule = id(&client.create(&format!("/l7policies/{policy}/rules"), rule).await);
        Self { load_balancer, listener, pool, member, monitor, policy, rule }
    }

    /// Every call on it that must not be open to everybody: method, path, body, and who may.
    fn calls(&self) -> Vec<(Method, String, Value, May)> {
        let Self { load_balancer, listener, pool, member, monitor, policy, rule } = self;
        let items = [
            (format!("/loadbalancers/{load_balancer}"), "loadbalancer"),
            (format!("/listeners/{listener}"), "listener"),
            (format!("/pools/{pool}"), "pool"),
            (format!("/pools/{pool}/members/{member}"), "member"),
            (format!("/healthmonitors/{monitor}"), "healthmonitor"),
            (format!("/l7policies/{policy}/rules/{rule}"), "rule"),
        ];
        let mut calls = Vec::new();
        let mut call = |method, path: String, body, may| calls.push((method, path, body, may));
        for (path, root) in items {
            call(Method::GET, path.clone(), Value::Null, May::Readers);
            call(Method::PUT, path, json!({root: {}}), May::Members);
        }
        let name = json!({"l7policy": {"name": "x"}});
        call(Method::GET, format!("/l7policies/{policy}"), Value::Null, May::Readers);
        call(Method::PUT, format!("/l7policies/{policy}"), name, May::Members);
        for path in [
            format!("/loadbalancers/{load_balancer}/stats"),
            format!("/loadbalancers/{load_balancer}/status"),
            format!("/loadbalancers/{load_balancer}/statuses"),
            format!("/listeners/{listener}/stats"),
            format!("/pools/{pool}/members"),
            format!("/l7policies/{policy}/rules"),
            format!("/quotas/{OWN}"),
            format!("/loadbalancers?project_id={OWN}"),
            format!("/listeners?project_id={OWN}"),
            format!("/pools?project_id={OWN}"),
            format!("/healthmonitors?project_id={OWN}"),
            format!("/l7policies?project_id={OWN}"),
        ] {
            call(Method::GET, path, Value::Null, May::Readers);
        }
        let members = json!({"members": [{"address": "10.0.0.9", "protocol_port": 80}]});
        call(Method::PUT, format!("/pools/{pool}/members"), members, May::Members);
        self.creations(&mut calls);
        let mut call = |method, path: String, body, may| calls.push((method, path, body, may));
        let failover = format!("/loadbalancers/{load_balancer}/failover");
        call(Method::PUT, failover, Value::Null, May::Admins);
        let limit = json!({"quota": {"pool": 100}});
        call(Method::PUT, format!("/quotas/{OWN}"), limit, May::Admins);
        call(Method::DELETE, format!("/quotas/{OWN}"), Value::Null, May::Admins);
        self.deletions(&mut calls);
        calls
    }

    fn creations(&self, calls: &mut Vec<(Method, String, Value, May)>) {
        let Self { load_balancer, listener, pool, policy, .. } = self;
        let rule = json!({"type": "PATH", "compare_type": "EQUAL_TO", "value": "/x"});
        for (path, body) in [
            (
                "/loadbalancers".to_owned(),
                json!({"loadbalancer": {"vip_subnet_id": SUBNET, "project_id": OWN}}),
            ),
            (
                "/listeners".to_owned(),
                json!({"listener": {
                "loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 81}}),
            ),
            (
                "/pools".to_owned(),
                json!({"pool": {
                "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "SOURCE_IP"}}),
            ),
            (
                format!("/pools/{pool}/members"),
                json!({"member": {
                "address": "10.0.0.10", "protocol_port": 80}}),
            ),
            (
                "/l7policies".to_owned(),
                json!({"l7policy": {
                "listener_id": listener, "action": "REJECT"}}),
            ),
            (format!("/l7policies/{policy}/rules"), json!({"rule": rule})),
        ] {
            calls.push((Method::POST, path, body, May::Members));
        }
    }

    fn deletions(&self, calls: &mut Vec<(Method, String, Value, May)>) {
        let Self { load_balancer, listener, pool, member, monitor, policy, rule } = self;
        for path in [
            format!("/l7policies/{policy}/rules/{rule}"),
            format!("/l7policies/{policy}"),
            format!("/healthmonitors/{monitor}"),
            format!("/pools/{pool}/members/{member}"),
            format!("/pools/{pool}"),
            format!("/listeners/{listener}"),
            format!("/loadbalancers/{load_balancer}?cascade=true"),
        ] {
            calls.push((Method::DELETE, path, Value::Null, May::Members));
        }
    }
}

/// Who may make a call, in the default roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum May {
    Readers,
    Members,
    Admins,
}

async fn make(
    client: Client<'_>,
    (method, path, body): (&Method, &str, &Value),
) -> crate::lab::Answer {
    match *method {
        Method::GET => client.get(path).await,
        Method::DELETE => client.delete(path).await,
        Method::POST => client.post(path, body.clone()).await,
        _ => client.put(path, body.clone()).await,
    }
}

const DENIED: &str = "Policy does not allow this request to be performed.";

#[tokio::test]
async fn only_those_who_may_get_through_and_the_others_change_nothing() {
    let lab = Lab::new().await;
    let world = World::of(lab.member()).await;
    let store = lab.control.store();
    let key = world.load_balancer.parse().unwrap();
    let strangers = [
        (lab.caller(OWN, ""), None),
        (lab.caller(OWN, "load-balancer_member"), None),
        (lab.caller(OWN, "reader"), Some(May::Readers)),
        (lab.caller(OTHER, "reader"), None),
        (lab.caller(OTHER, "member,reader"), None),
        (lab.caller("", "member,reader"), None),
    ];
    let generation = store.generation(key).await.unwrap();
    for (method, path, body, may) in world.calls() {
        for (client, most) in strangers {
            let answer = make(client, (&method, &path, &body)).await;
            if most.is_some_and(|most| may <= most) {
                assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.fault().as_str()),
                    (403, DENIED),
                    "{method} {path} as {client:?}"
                );
            }
        }
        if may == May::Admins {
            let answer = make(lab.member(), (&method, &path, &body)).await;
            assert_eq!((answer.status.as_u16(), answer.fault().as_str()), (403, DENIED), "{path}");
        }
    }
    assert_eq!(store.generation(key).await.unwrap(), generation, "a refused call changes nothing");
}

#[tokio::test]
async fn members_do_all_of_it_in_their_project_and_admins_everywhere() {
    let lab = Lab::new().await;
    for (client, most) in [(lab.member(), May::Members), (lab.admin(), May::Admins)] {
        let world = World::of(lab.member()).await;
        for (method, path, body, may) in world.calls() {
            if may <= most {
                let answer = make(client, (&method, &path, &body)).await;
                assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_before_who_may_see_it() {
    let lab = Lab::new().await;
    let nobody = lab.caller(OTHER, "");
    let nothing = "00000000-0000-4000-8000-000000000000";
    for (path, text) in [
        (format!("/loadbalancers/{nothing}"), format!("Load Balancer {nothing} not found.")),
        (format!("/listeners/{nothing}"), format!("Listener {nothing} not found.")),
        (format!("/pools/{nothing}"), format!("Pool {nothing} not found.")),
        (format!("/pools/{nothing}/members"), format!("Pool {nothing} not found.")),
        (format!("/healthmonitors/{nothing}"), format!("Health Monitor {nothing} not found.")),
        (format!("/l7policies/{nothing}"), format!("L7 Policy {nothing} not found.")),
        (format!("/l7policies/{nothing}/rules"), format!("L7Policy {nothing} not found.")),
    ] {
        nobody.get(&path).await.refused(404, &text);
    }
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_see() {
    let lab = Lab::new().await;
    lab.member().load_balancer().await;
    lab.caller(OTHER, "member").load_balancer().await;
    let count = async |client: Client<'_>, path: &str| {
        client.get(path).await.is(200).json()["loadbalancers"].as_array().unwrap().len()
    };
    assert_eq!(count(lab.member(), "/loadbalancers").await, 1);
    assert_eq!(count(lab.admin(), "/loadbalancers").await, 2);
    assert_eq!(count(lab.admin(), &format!("/loadbalancers?project_id={OTHER}")).await, 1);
    assert_eq!(count(lab.member(), &format!("/loadbalancers?project_id={OWN}")).await, 1);
    lab.member().get(&format!("/loadbalancers?project_id={OTHER}")).await.refused(403, DENIED);
    lab.member().get("/loadbalancers?tenant_id=own").await.is(400);
}

#[tokio::test]
async fn only_an_admin_creates_for_another_project() {
    let lab = Lab::new().await;
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "project_id": OTHER}});
    lab.member().post("/loadbalancers", body.clone()).await.refused(403, DENIED);
    let made = lab.admin().create("/loadbalancers", body).await;
    assert_eq!((&made["project_id"], &made["tenant_id"]), (&json!(OTHER), &json!(OTHER)));
    // A child belongs to the project of its load balancer, whatever it says.
    let listener = json!({"listener": {
        "loadbalancer_id": made["id"], "protocol": "HTTP", "protocol_port": 80, "project_id": "x",
    }});
    assert_eq!(lab.admin().create("/listeners", listener).await["project_id"], OTHER);
}

#[tokio::test]
async fn a_member_cannot_build_on_what_belongs_to_others() {
    let lab = Lab::new().await;
    let world = World::of(lab.caller(OTHER, "member")).await;
    let pool = json!({"pool": {
        "listener_id": world.listener, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
    }});
    lab.member().post("/pools", pool).await.refused(403, DENIED);
    let monitor = json!({"healthmonitor": {
        "pool_id": world.pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2,
    }});
    lab.member().post("/healthmonitors", monitor).await.refused(403, DENIED);
    // A pool of one's own listener must be of the same load balancer.
    let own = lab.member().load_balancer().await;
    let listener = json!({"listener": {
        "loadbalancer_id": own, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": world.pool,
    }});
    let text = format!("Pool {} not found.", world.pool);
    lab.member().post("/listeners", listener).await.refused(404, &text);
}

#[tokio::test]
async fn the_advanced_roles_count_where_they_are_chosen() {
    let lab = Lab::with(|config, _| config.policy.style = RoleStyle::Advanced).await;
    let member = lab.caller(OWN, "load-balancer_member");
    let load_balancer = format!("/loadbalancers/{}", member.load_balancer().await);
    lab.caller(OWN, "load-balancer_observer").get(&load_balancer).await.is(200);
    lab.caller(OTHER, "load-balancer_global_observer").get(&load_balancer).await.is(200);
    lab.caller(OTHER, "load-balancer_admin").get(&load_balancer).await.is(200);
    lab.caller(OWN, "member,reader").get(&load_balancer).await.refused(403, DENIED);
    lab.caller(OWN, "load-balancer_observer").delete(&load_balancer).await.refused(403, DENIED);
    let quotas = lab.caller(OTHER, "load-balancer_quota_admin");
    quotas.put(&format!("/quotas/{OWN}"), json!({"quota": {"pool": 1}})).await.is(202);
}

#[tokio::test]
async fn without_authentication_everybody_is_admin_and_needs_a_project() {
    let lab = Lab::with(|config, _| config.auth_strategy = AuthStrategy::NoAuth).await;
    let nobody = lab.caller("", "");
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
    nobody.post("/loadbalancers", body).await.refused(
        400,
        "Validation failure: Missing project ID in request where one is required. An \
         administrator should check the keystone settings in the Octavia configuration.",
    );
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "tenant_id": OWN}});
    nobody.create("/loadbalancers", body).await;
    nobody.get("/loadbalancers").await.is(200);
    nobody.get("/v2/evenkeel/nodes").await.is(200);
}
