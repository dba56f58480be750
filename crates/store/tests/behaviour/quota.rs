//! How much a project may have.

use evenkeel_model::quota::{Limit, Limits};
use evenkeel_model::{Listener, LoadBalancer, Pool, ProjectId, ResourceKind};
use evenkeel_store::{LimitsChange, MemberWish, StoreError};

use crate::node::{World, draft, listener, member, on_subnet, pool, project};
use crate::scenario::{Home, scenarios};

scenarios! {
    a_limit_holds_and_what_is_gone_is_free_again,
    a_whole_tree_is_counted,
    a_batch_counts_its_growth,
    limits_can_be_changed_and_reset,
    a_counted_project_is_listed,
    a_limit_holds_between_two_stores_at_once,
    without_counting_nothing_is_counted,
}

fn at_most(count: u32) -> Limits {
    let limit = Limit::AtMost(count);
    Limits {
        load_balancer: limit,
        listener: limit,
        pool: limit,
        member: limit,
        health_monitor: limit,
        l7_policy: limit,
        l7_rule: limit,
    }
}

async fn counting(home: &Home, count: u32) -> World {
    World::open_with(home, |config| {
        config.count_quotas = true;
        config.default_limits = at_most(count);
    })
    .await
}

fn is_met<T>(outcome: &Result<T, StoreError>, kind: ResourceKind) -> bool {
    matches!(outcome, Err(StoreError::QuotaMet(met)) if *met == kind)
}

async fn a_limit_holds_and_what_is_gone_is_free_again(home: Home) {
    let world = counting(&home, 1).await;
    let load_balancer = world.load_balancer().await;
    let refused = world.create(draft(), on_subnet()).await;
    let text = refused.as_ref().expect_err("one is enough").to_string();
    assert_eq!(text, "Quota has been met for resources: Load Balancer");

    let first = listener(load_balancer, 80);
    world.store.create_listener(first.clone()).await.unwrap();
    let generation = world.generation(load_balancer).await;
    let second = world.store.create_listener(listener(load_balancer, 81)).await;
    assert!(is_met(&second, ResourceKind::Listener));
    assert_eq!(world.generation(load_balancer).await, generation, "nothing has changed");

    world.store.delete::<Listener>(first.id).await.unwrap();
    let early = world.store.create_listener(listener(load_balancer, 81)).await;
    assert!(is_met(&early, ResourceKind::Listener), "until it is gone, it counts");
    world.converge(load_balancer).await;
    world.store.create_listener(listener(load_balancer, 81)).await.unwrap();

    world.store.delete_load_balancer(load_balancer, true).await.unwrap();
    world.settle(Vec::new()).await;
    assert!(!world.has::<LoadBalancer>(load_balancer).await);
    let again = world.load_balancer().await;
    world.store.create_listener(listener(again, 80)).await.unwrap();
}

async fn a_whole_tree_is_counted(home: Home) {
    let world = counting(&home, 2).await;
    let mut tree = draft();
    let load_balancer = tree.load_balancer.id;
    tree.pools = vec![pool(load_balancer), pool(load_balancer), pool(load_balancer)];
    assert!(is_met(&world.create(tree.clone(), on_subnet()).await, ResourceKind::Pool));
    assert!(!world.has::<LoadBalancer>(load_balancer).await);
    assert_eq!(world.store.ports().await.unwrap(), []);
    tree.pools.pop();
    world.create(tree, on_subnet()).await.unwrap();
}

async fn a_batch_counts_its_growth(home: Home) {
    let world = counting(&home, 2).await;
    let load_balancer = world.load_balancer().await;
    let pool = pool(load_balancer);
    world.store.create_pool(pool.clone(), None).await.unwrap();
    let wishes = |bytes: &[u8]| -> Vec<MemberWish> {
        let wish = |byte| MemberWish {
            new: member(pool.id, byte),
            change: std::sync::Arc::new(Clone::clone),
        };
        bytes.iter().copied().map(wish).collect()
    };
    let three = world.store.replace_members(pool.id, wishes(&[1, 2, 3]), false).await;
    assert!(is_met(&three, ResourceKind::Member));
    world.store.replace_members(pool.id, wishes(&[1, 2]), false).await.unwrap();
    world.store.replace_members(pool.id, wishes(&[3, 4]), false).await.unwrap();
    let more = world.store.replace_members(pool.id, wishes(&[5]), true).await;
    assert!(is_met(&more, ResourceKind::Member));
    assert!(world.has::<Pool>(pool.id).await);
}

async fn limits_can_be_changed_and_reset(home: Home) {
    let world = counting(&home, 1).await;
    let other = || ProjectId::new("other").expect("a short name");
    assert_eq!(world.store.limits(other()).await.unwrap(), at_most(1));
    let missing = world.store.reset_limits(other()).await.expect_err("it has none");
    assert_eq!(missing.to_string(), "Quotas other not found.");

    let more = LimitsChange::default()
        .with(ResourceKind::LoadBalancer, Some(Some(Limit::AtMost(2))))
        .with(ResourceKind::Pool, Some(Some(Limit::Unlimited)));
    let changed = world.store.set_limits(other(), more).await.unwrap();
    let expected = Limits { load_balancer: Limit::AtMost(2), pool: Limit::Unlimited, ..at_most(1) };
    assert_eq!(changed, expected);
    assert_eq!(world.store.all_limits().await.unwrap(), [(other(), expected)]);

    let default_again = LimitsChange::default().with(ResourceKind::Pool, Some(None));
    let changed = world.store.set_limits(other(), default_again).await.unwrap();
    assert_eq!(changed, Limits { load_balancer: Limit::AtMost(2), ..at_most(1) });

    world.store.reset_limits(other()).await.unwrap();
    assert_eq!(world.store.limits(other()).await.unwrap(), at_most(1));
    assert_eq!(world.store.all_limits().await.unwrap(), []);
}

async fn a_counted_project_is_listed(home: Home) {
    let world = counting(&home, 3).await;
    assert_eq!(world.store.all_limits().await.unwrap(), []);
    world.load_balancer().await;
    assert_eq!(world.store.all_limits().await.unwrap(), [(project(), at_most(3))]);
    world.store.reset_limits(project()).await.unwrap();
}

/// Two processes on one database, where it allows them; the limit is that of both together.
async fn a_limit_holds_between_two_stores_at_once(home: Home) {
    let one = counting(&home, 5).await;
    let other = counting(&home, 5).await;
    let mut racing = tokio::task::JoinSet::new();
    for turn in 0..16 {
        let store = if turn % 2 == 0 { one.store.clone() } else { other.store.clone() };
        racing.spawn(async move {
            // Whoever is told to try again does so.
            loop {
                match store.create_tree(draft(), on_subnet(), project()).await {
                    Err(StoreError::Busy) => tokio::task::yield_now().await,
                    outcome => return outcome.map(drop),
                }
            }
        });
    }
    let outcomes = racing.join_all().await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(made, 5, "{outcomes:?}");
    let mut refused = outcomes.iter().filter(|outcome| outcome.is_err());
    assert!(refused.all(|outcome| is_met(outcome, ResourceKind::LoadBalancer)));
    let ports = one.store.ports().await.unwrap();
    let addresses: std::collections::BTreeSet<_> =
        ports.iter().map(|port| port.addresses[0].address).collect();
    assert_eq!(addresses.len(), 5, "no address twice, and no port too many");
}

async fn without_counting_nothing_is_counted(home: Home) {
    let world = World::open_with(&home, |config| config.default_limits = at_most(0)).await;
    world.load_balancer().await;
}
