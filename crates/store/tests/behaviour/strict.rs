//! The 409s of Octavia, for those who ask for them.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::{L7Policy, Listener, LoadBalancer, Member, Pool};
use evenkeel_store::{Edit, Progress, Store, StoreError};

use crate::scenario::{Home, scenarios};
use crate::world::{
    listener, load_balancer, member, monitor, policy, pool, report, rule, serve, settled_in,
};

scenarios!(
    while_a_change_is_on_its_way_nothing_else_begins,
    in_error_only_deletion_and_failover_are_left,
    what_goes_takes_no_change_even_if_nobody_is_strict,
);

fn same<T: Clone + 'static>() -> Edit<T> {
    Box::new(|it: &T| Ok(it.clone()))
}

async fn strict(home: &Home) -> Store {
    let store = home.open_with(|config| config.strict_immutable = true).await;
    settled_in(&store).await;
    store
}

fn says<T>(outcome: Result<T, StoreError>) -> String {
    outcome.err().expect("it is refused").to_string()
}

fn immutable(what: &str, id: impl std::fmt::Display) -> String {
    format!("{what} {id} is immutable and cannot be updated.")
}

async fn while_a_change_is_on_its_way_nothing_else_begins(home: Home) {
    let store = strict(&home).await;
    let lb = load_balancer(&store).await;
    serve(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    serve(&store).await;
    let back = store.create_pool(pool(lb), Some(front)).await.unwrap().value.id;
    serve(&store).await;
    let one = store.create_member(member(back, "10.0.0.1")).await.unwrap().value.id;

    let invalid = format!("Invalid state PENDING_UPDATE of loadbalancer resource {lb}");
    assert_eq!(says(store.update::<LoadBalancer>(lb, same()).await), invalid);
    assert_eq!(says(store.delete_load_balancer(lb, true).await), invalid);
    assert_eq!(says(store.failover(lb).await), invalid);
    let held = immutable("Load Balancer", lb);
    assert_eq!(says(store.create_listener(listener(lb, 81)).await), held);
    assert_eq!(says(store.update::<Listener>(front, same()).await), held);
    assert_eq!(says(store.delete::<Listener>(front).await), held);
    assert_eq!(says(store.update::<Pool>(back, same()).await), held);
    assert_eq!(says(store.delete::<Pool>(back).await), held);
    let reject = policy(front, 1, Action::Reject);
    assert_eq!(says(store.create_l7_policy(reject.clone()).await), held);
    let pool_held = immutable("Pool", back);
    assert_eq!(says(store.create_member(member(back, "10.0.0.2")).await), pool_held);
    assert_eq!(says(store.update::<Member>(one, same()).await), pool_held);
    assert_eq!(says(store.delete::<Member>(one).await), pool_held);
    assert_eq!(says(store.create_health_monitor(monitor(back)).await), pool_held);
    assert_eq!(says(store.replace_members(back, Vec::new(), false).await), pool_held);

    serve(&store).await;
    let chosen = store.create_l7_policy(reject).await.unwrap().value.id;
    assert_eq!(says(store.create_l7_rule(rule(chosen)).await), immutable("L7Policy", chosen));
    serve(&store).await;
    store.create_l7_rule(rule(chosen)).await.unwrap();
    serve(&store).await;
    store.delete::<L7Policy>(chosen).await.unwrap();
    assert_eq!(says(store.delete::<L7Policy>(chosen).await), held, "it is not said twice");
}

async fn in_error_only_deletion_and_failover_are_left(home: Home) {
    let store = strict(&home).await;
    let lb = load_balancer(&store).await;
    serve(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let no = |generation| Progress::Refused { generation, reason: "no".to_owned() };
    report(&store, no).await;
    assert_eq!(says(store.delete::<Listener>(front).await), immutable("Load Balancer", lb));
    let invalid = format!("Invalid state ERROR of loadbalancer resource {lb}");
    assert_eq!(says(store.update::<LoadBalancer>(lb, same()).await), invalid);
    store.failover(lb).await.unwrap();
    report(&store, no).await;
    store.delete_load_balancer(lb, true).await.unwrap();
}

async fn what_goes_takes_no_change_even_if_nobody_is_strict(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let back = store.create_pool(pool(lb), None).await.unwrap().value.id;
    serve(&store).await;
    store.delete::<Listener>(front).await.unwrap();
    store.delete::<Listener>(front).await.expect("said twice, it is said once");
    let held = immutable("Listener", front);
    assert_eq!(says(store.update::<Listener>(front, same()).await), held);
    assert_eq!(says(store.create_pool(pool(lb), Some(front)).await), held);
    assert_eq!(says(store.create_l7_policy(policy(front, 1, Action::Reject)).await), held);
    // Its port is free for the next.
    store.create_listener(listener(lb, 80)).await.unwrap();

    store.delete_load_balancer(lb, true).await.unwrap();
    let held = immutable("Load Balancer", lb);
    assert_eq!(says(store.create_listener(listener(lb, 82)).await), held);
    assert_eq!(says(store.create_member(member(back, "10.0.0.1")).await), held);
    assert_eq!(says(store.delete::<Pool>(back).await), held);
    let invalid = format!("Invalid state PENDING_DELETE of loadbalancer resource {lb}");
    assert_eq!(says(store.update::<LoadBalancer>(lb, same()).await), invalid);
    store.delete_load_balancer(lb, true).await.expect("said twice, it is said once");
}
