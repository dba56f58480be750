//! What shall go is there until it is gone, and in nobody's way.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7PolicyId, L7Rule, Listener, LoadBalancer, Member, Pool,
};
use evenkeel_store::{Filter, ListQuery, Progress, Scope, Store, StoreError};

use crate::scenario::{Home, scenarios};
use crate::world::{
    agent, id, listener, load_balancer, member, monitor, policy, pool, report, rule, serve,
    settled_in, status,
};

scenarios!(
    a_pool_with_a_policy_stays,
    a_policy_of_a_listener_that_goes_holds_no_pool,
    an_emptied_load_balancer_goes_before_its_parts_are_gone,
    a_monitor_makes_room_for_the_next,
    a_deletion_that_fails_is_still_one,
    a_default_pool_makes_room_for_the_next,
    a_policy_has_at_most_fifty_rules,
    a_listener_has_at_most_fifty_expressions_whoever_comes_first,
    a_policy_only_leads_where_its_listener_can_go,
    policies_of_one_listener_move_apart_from_those_of_another,
    metrics_have_no_children,
    nothing_is_created_in_nothing,
);

async fn front(store: &Store) -> Listener {
    let lb = load_balancer(store).await;
    store.create_listener(listener(lb, 80)).await.unwrap().value
}

async fn a_pool_with_a_policy_stays(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let back = store.create_pool(pool(front.load_balancer), None).await.unwrap().value.id;
    let to_pool = L7Policy {
        admin_state_up: false,
        ..policy(front.id, 1, Action::RedirectToPool { pool: back })
    };
    let leads = store.create_l7_policy(to_pool).await.unwrap().value.id;
    let refused = store.delete::<Pool>(back).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("Pool {back} is in use by L7 policy {leads}"));
    store.delete::<L7Policy>(leads).await.unwrap();
    store.delete::<Pool>(back).await.unwrap();
    serve(&store).await;
    assert!(store.get::<Pool>(back).await.is_err());
    assert!(store.get::<L7Policy>(leads).await.is_err());
}

async fn a_policy_of_a_listener_that_goes_holds_no_pool(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let back = store.create_pool(pool(front.load_balancer), None).await.unwrap().value.id;
    let to_pool = policy(front.id, 1, Action::RedirectToPool { pool: back });
    let leads = store.create_l7_policy(to_pool).await.unwrap().value.id;
    store.create_l7_rule(rule(leads)).await.unwrap();
    serve(&store).await;
    store.delete::<Listener>(front.id).await.unwrap();
    store.delete::<Pool>(back).await.unwrap();
    let graph = store.graph(agent(), front.load_balancer).await.unwrap().1.unwrap();
    assert!(graph.listeners.is_empty() && graph.pools.is_empty());
    assert!(graph.l7_policies.is_empty() && graph.l7_rules.is_empty());
    serve(&store).await;
    let lb = store.get::<LoadBalancer>(front.load_balancer).await.unwrap();
    assert_eq!(lb.provisioning_status, ProvisioningStatus::Active);
    assert!(lb.related.listeners.is_empty() && lb.related.pools.is_empty());
}

async fn an_emptied_load_balancer_goes_before_its_parts_are_gone(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    serve(&store).await;
    let refused = store.delete_load_balancer(front.load_balancer, false).await.unwrap_err();
    let text = format!(
        "Validation failure: Cannot delete Load Balancer {} - it has children",
        front.load_balancer
    );
    assert_eq!(refused.to_string(), text);
    store.delete::<Listener>(front.id).await.unwrap();
    store.delete_load_balancer(front.load_balancer, false).await.unwrap();
    serve(&store).await;
    assert!(store.get::<LoadBalancer>(front.load_balancer).await.is_err());
    assert!(store.get::<Listener>(front.id).await.is_err());
}

async fn a_monitor_makes_room_for_the_next(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let back = store.create_pool(pool(lb), None).await.unwrap().value.id;
    let first = store.create_health_monitor(monitor(back)).await.unwrap().value.id;
    serve(&store).await;
    store.delete::<HealthMonitor>(first).await.unwrap();
    let second = store.create_health_monitor(monitor(back)).await.unwrap().value.id;
    assert_eq!(store.get::<Pool>(back).await.unwrap().related.health_monitor, Some(second));
    let filter = Filter { column: "healthmonitor_id".to_owned(), value: second.to_string() };
    let query = ListQuery { filters: vec![filter], ..ListQuery::default() };
    assert_eq!(store.list::<Pool>(Scope::All, query).await.unwrap().items.len(), 1);
    serve(&store).await;
    assert!(store.get::<HealthMonitor>(first).await.is_err());
    assert_eq!(status::<HealthMonitor>(&store, second).await, ProvisioningStatus::Active);
}

async fn a_deletion_that_fails_is_still_one(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let back = store.create_pool(pool(lb), None).await.unwrap().value.id;
    let one = store.create_member(member(back, "10.0.0.1")).await.unwrap().value.id;
    serve(&store).await;
    store.delete::<Member>(one).await.unwrap();
    report(&store, |generation| Progress::Refused { generation, reason: "no".to_owned() }).await;
    assert_eq!(status::<Member>(&store, one).await, ProvisioningStatus::Error);
    // Another batch neither finds nor keeps it.
    store.replace_members(back, Vec::new(), false).await.unwrap();
    let again = store.create_member(member(back, "10.0.0.1")).await.unwrap().value.id;
    serve(&store).await;
    assert_eq!(store.get::<Pool>(back).await.unwrap().related.members, [again]);
}

async fn a_default_pool_makes_room_for_the_next(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let lb = front.load_balancer;
    let first = store.create_pool(pool(lb), Some(front.id)).await.unwrap().value.id;
    let refused = store.create_pool(pool(lb), Some(front.id)).await.unwrap_err();
    assert_eq!(refused.to_string(), "This listener already has a default pool");
    serve(&store).await;
    store.delete::<Pool>(first).await.unwrap();
    let onto_it = Listener { default_pool: Some(first), ..listener(lb, 81) };
    let refused = store.create_listener(onto_it).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
    let second = store.create_pool(pool(lb), Some(front.id)).await.unwrap().value.id;
    serve(&store).await;
    assert!(store.get::<Pool>(first).await.is_err());
    assert_eq!(store.get::<Listener>(front.id).await.unwrap().value.default_pool, Some(second));
}

async fn a_listener_has_at_most_fifty_expressions_whoever_comes_first(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let mut policies = Vec::new();
    for position in 1..4 {
        let reject = policy(front.id, position, Action::Reject);
        policies.push(store.create_l7_policy(reject).await.unwrap().value.id);
    }
    let expression = |policy| {
        let (kind, how) = (RuleKind::Path, Comparison::Regex);
        L7Rule {
            condition: Condition::new(kind, how, None, "a".to_owned()).unwrap(),
            ..rule(policy)
        }
    };
    let mut racing = tokio::task::JoinSet::new();
    for at in 0..60 {
        let (store, rule) = (store.clone(), expression(policies[at % 3]));
        racing.spawn(async move {
            // Whoever is told to try again does so.
            loop {
                match store.create_l7_rule(rule.clone()).await {
                    Err(StoreError::Busy) => tokio::task::yield_now().await,
                    outcome => return outcome.map(drop),
                }
            }
        });
    }
    let outcomes = racing.join_all().await;
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 50, "{outcomes:?}");
    let mut refused = outcomes.iter().filter_map(|it| it.as_ref().err());
    assert!(refused.all(|it| matches!(it, StoreError::TooManyRegexes(id) if *id == front.id)));

    let rules = store.get::<L7Policy>(policies[0]).await.unwrap().related.rules;
    store.delete::<L7Rule>(rules[0]).await.unwrap();
    store.create_l7_rule(expression(policies[2])).await.unwrap();
}

async fn a_policy_has_at_most_fifty_rules(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let reject = policy(front.id, 1, Action::Reject);
    let full = store.create_l7_policy(reject).await.unwrap().value.id;
    for _ in 0..50 {
        store.create_l7_rule(rule(full)).await.unwrap();
    }
    let refused = store.create_l7_rule(rule(full)).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("Too many rules on L7 policy {full}"));
    let rules = store.get::<L7Policy>(full).await.unwrap().related.rules;
    assert_eq!(rules.len(), 50);
    store.delete::<evenkeel_model::L7Rule>(rules[7]).await.unwrap();
    store.create_l7_rule(rule(full)).await.unwrap();
}

async fn a_policy_only_leads_where_its_listener_can_go(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let elsewhere = store.create_pool(pool(load_balancer(&store).await), None).await.unwrap();
    let elsewhere = elsewhere.value.id;
    let to = |pool| policy(front.id, 1, Action::RedirectToPool { pool });
    let refused = store.create_l7_policy(to(elsewhere)).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("Pool {elsewhere} not found."));
    let bytes = Pool { protocol: PoolProtocol::Tcp, ..pool(front.load_balancer) };
    let bytes = store.create_pool(bytes, None).await.unwrap().value.id;
    let text = "Validation failure: The pool protocol 'TCP' is invalid while the listener \
                protocol is 'HTTP'.";
    assert_eq!(store.create_l7_policy(to(bytes)).await.unwrap_err().to_string(), text);
    let reject = policy(front.id, 1, Action::Reject);
    let turned = store.create_l7_policy(reject).await.unwrap().value.id;
    let turn = move |pool| {
        let action = Action::RedirectToPool { pool };
        Box::new(move |it: &L7Policy| Ok(L7Policy { action: action.clone(), ..it.clone() }))
    };
    let refused = store.update::<L7Policy>(turned, turn(bytes)).await.unwrap_err();
    assert_eq!(refused.to_string(), text);
    let wrong = Listener { default_pool: Some(bytes), ..front.clone() };
    let onto = Box::new(move |_: &Listener| Ok(wrong.clone()));
    assert_eq!(store.update::<Listener>(front.id, onto).await.unwrap_err().to_string(), text);
    assert_eq!(store.get::<L7Policy>(turned).await.unwrap().value.action, Action::Reject);
}

async fn policies_of_one_listener_move_apart_from_those_of_another(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let front = front(&store).await;
    let other = store.create_listener(listener(front.load_balancer, 81)).await.unwrap().value.id;
    let mut made: Vec<L7PolicyId> = Vec::new();
    for listener in [front.id, other, front.id, other] {
        let reject = policy(listener, 100, Action::Reject);
        made.push(store.create_l7_policy(reject).await.unwrap().value.id);
    }
    let first =
        Box::new(|it: &L7Policy| Ok(L7Policy { position: 1.try_into().unwrap(), ..it.clone() }));
    store.update::<L7Policy>(made[3], first).await.unwrap();
    let order = async |id| store.get::<Listener>(id).await.unwrap().related.l7_policies;
    assert_eq!(order(front.id).await, [made[0], made[2]]);
    assert_eq!(order(other).await, [made[3], made[1]]);
    place_then_check_graph(&store, &front, [made[3], made[1]]).await;
}

/// An agent gets the policies of a listener in their order.
async fn place_then_check_graph(store: &Store, front: &Listener, order: [L7PolicyId; 2]) {
    serve(store).await;
    let graph = store.graph(agent(), front.load_balancer).await.unwrap().1.unwrap();
    let others = graph.l7_policies.iter().filter(|policy| policy.listener != front.id);
    assert_eq!(others.map(|policy| policy.id).collect::<Vec<_>>(), order);
}

async fn metrics_have_no_children(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let metrics = Listener { protocol: ListenerProtocol::Prometheus, ..listener(lb, 9100) };
    let metrics = store.create_listener(metrics).await.unwrap().value.id;
    let text = "Protocol PROMETHEUS listeners cannot have child objects.";
    let refused = store.create_pool(pool(lb), Some(metrics)).await.unwrap_err();
    assert_eq!(refused.to_string(), text);
    let refused = store.create_l7_policy(policy(metrics, 1, Action::Reject)).await.unwrap_err();
    assert_eq!(refused.to_string(), text);
}

async fn nothing_is_created_in_nothing(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let is_missing = |error: StoreError, text: String| assert_eq!(error.to_string(), text);
    let nowhere = listener(id(), 80);
    let text = format!("Load Balancer {} not found.", nowhere.load_balancer);
    is_missing(store.create_listener(nowhere).await.unwrap_err(), text);
    let nobody = member(id(), "10.0.0.1");
    let text = format!("Pool {} not found.", nobody.pool);
    is_missing(store.create_member(nobody).await.unwrap_err(), text);
    let unasked = monitor(id());
    let text = format!("Pool {} not found.", unasked.pool);
    is_missing(store.create_health_monitor(unasked).await.unwrap_err(), text);
    let unheard = policy(id(), 1, Action::Reject);
    let text = format!("Listener {} not found.", unheard.listener);
    is_missing(store.create_l7_policy(unheard).await.unwrap_err(), text);
    let unruly = rule(id());
    let text = format!("L7 Policy {} not found.", unruly.policy);
    is_missing(store.create_l7_rule(unruly).await.unwrap_err(), text);
    let elsewhere = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let foreign = pool(load_balancer(&store).await);
    let text = format!("Listener {elsewhere} not found.");
    is_missing(store.create_pool(foreign, Some(elsewhere)).await.unwrap_err(), text);
}
