//! What goes PENDING with a change, call by call (contract 3.1), and how generations count.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{
    HealthMonitor, HealthMonitorId, L7Policy, L7PolicyId, L7Rule, L7RuleId, Listener, ListenerId,
    LoadBalancer, LoadBalancerId, Member, MemberId, Pool, PoolId,
};
use evenkeel_store::{Edit, Progress, Store, Stored};

use crate::scenario::{Home, scenarios};
use crate::world::{
    listener, load_balancer, member, monitor, policy, pool, report, rule, serve, settled_in, status,
};

scenarios!(
    a_load_balancer_goes_alone,
    a_listener_takes_its_load_balancer_along,
    a_pool_takes_its_listeners_along,
    members_and_monitors_take_pool_and_listeners_along,
    a_policy_takes_its_listener_along,
    a_rule_takes_policy_and_listener_along,
    a_disabled_policy_uses_no_pool,
    every_change_counts_even_one_that_changes_nothing,
    what_was_never_served_stays_created,
    a_change_after_a_failure_has_its_time_anew,
);

use ProvisioningStatus::{Active, PendingCreate, PendingDelete, PendingUpdate};

/// A pool that two listeners use, one by default and one by a policy; a third uses nothing.
struct World {
    store: Store,
    lb: LoadBalancerId,
    by_default: ListenerId,
    by_policy: ListenerId,
    aside: ListenerId,
    pool: PoolId,
    member: MemberId,
    monitor: HealthMonitorId,
    policy: L7PolicyId,
    rule: L7RuleId,
}

impl World {
    async fn open(home: &Home) -> Self {
        let store = home.open().await;
        settled_in(&store).await;
        let lb = load_balancer(&store).await;
        let mut ports = Vec::new();
        for port in [80, 81, 82] {
            ports.push(store.create_listener(listener(lb, port)).await.unwrap().value.id);
        }
        let pool = store.create_pool(pool(lb), Some(ports[0])).await.unwrap().value.id;
        let member = store.create_member(member(pool, "10.0.0.1")).await.unwrap().value.id;
        let monitor = store.create_health_monitor(monitor(pool)).await.unwrap().value.id;
        let to_pool = policy(ports[1], 1, Action::RedirectToPool { pool });
        let policy = store.create_l7_policy(to_pool).await.unwrap().value.id;
        let rule = store.create_l7_rule(rule(policy)).await.unwrap().value.id;
        serve(&store).await;
        let [by_default, by_policy, aside] = ports[..] else { unreachable!("three ports") };
        Self { store, lb, by_default, by_policy, aside, pool, member, monitor, policy, rule }
    }

    /// How load balancer, the three listeners, and the pool are; then all is served again.
    async fn after(&self) -> [ProvisioningStatus; 5] {
        let store = &self.store;
        let statuses = [
            status::<LoadBalancer>(store, self.lb).await,
            status::<Listener>(store, self.by_default).await,
            status::<Listener>(store, self.by_policy).await,
            status::<Listener>(store, self.aside).await,
            status::<Pool>(store, self.pool).await,
        ];
        serve(store).await;
        statuses
    }

    async fn is<T: Stored>(&self, id: T::Id) -> ProvisioningStatus {
        status::<T>(&self.store, id).await
    }
}

fn same<T: Clone + 'static>() -> Edit<T> {
    Box::new(|it: &T| Ok(it.clone()))
}

/// What a change within the pool touches.
const WITHIN_POOL: [ProvisioningStatus; 5] =
    [PendingUpdate, PendingUpdate, PendingUpdate, Active, PendingUpdate];

async fn a_load_balancer_goes_alone(home: Home) {
    let world = World::open(&home).await;
    let alone = [PendingUpdate, Active, Active, Active, Active];
    world.store.update::<LoadBalancer>(world.lb, same()).await.unwrap();
    assert_eq!(world.after().await, alone);
    world.store.failover(world.lb).await.unwrap();
    assert_eq!(world.after().await, alone);
    world.store.delete_load_balancer(world.lb, true).await.unwrap();
    assert_eq!(world.after().await, [PendingDelete, Active, Active, Active, Active]);
}

async fn a_listener_takes_its_load_balancer_along(home: Home) {
    let world = World::open(&home).await;
    let made = world.store.create_listener(listener(world.lb, 90)).await.unwrap().value.id;
    assert_eq!(world.is::<Listener>(made).await, PendingCreate);
    assert_eq!(world.after().await, [PendingUpdate, Active, Active, Active, Active]);
    world.store.update::<Listener>(world.aside, same()).await.unwrap();
    assert_eq!(world.after().await, [PendingUpdate, Active, Active, PendingUpdate, Active]);
    world.store.delete::<Listener>(world.by_default).await.unwrap();
    assert_eq!(world.is::<Listener>(world.by_default).await, PendingDelete);
    assert_eq!(world.is::<Pool>(world.pool).await, Active);
}

async fn a_pool_takes_its_listeners_along(home: Home) {
    let world = World::open(&home).await;
    let store = &world.store;
    let alone = store.create_pool(pool(world.lb), None).await.unwrap().value.id;
    assert_eq!(world.is::<Pool>(alone).await, PendingCreate);
    assert_eq!(world.after().await, [PendingUpdate, Active, Active, Active, Active]);
    store.create_pool(pool(world.lb), Some(world.aside)).await.unwrap();
    assert_eq!(world.after().await, [PendingUpdate, Active, Active, PendingUpdate, Active]);
    store.update::<Pool>(world.pool, same()).await.unwrap();
    assert_eq!(world.after().await, WITHIN_POOL);
    let default = store.get::<Listener>(world.aside).await.unwrap().value.default_pool.unwrap();
    store.delete::<Pool>(default).await.unwrap();
    assert_eq!(world.is::<Pool>(default).await, PendingDelete);
    assert_eq!(world.after().await, [PendingUpdate, Active, Active, PendingUpdate, Active]);
    assert_eq!(store.get::<Listener>(world.aside).await.unwrap().value.default_pool, None);
}

async fn members_and_monitors_take_pool_and_listeners_along(home: Home) {
    let world = World::open(&home).await;
    let store = &world.store;
    let made = store.create_member(member(world.pool, "10.0.0.2")).await.unwrap().value.id;
    assert_eq!(world.is::<Member>(made).await, PendingCreate);
    assert_eq!(world.is::<Member>(world.member).await, Active);
    assert_eq!(world.after().await, WITHIN_POOL);
    store.update::<Member>(world.member, same()).await.unwrap();
    assert_eq!(world.is::<Member>(world.member).await, PendingUpdate);
    assert_eq!(world.after().await, WITHIN_POOL);
    store.delete::<Member>(world.member).await.unwrap();
    assert_eq!(world.is::<Member>(world.member).await, PendingDelete);
    assert_eq!(world.after().await, WITHIN_POOL);
    store.replace_members(world.pool, Vec::new(), false).await.unwrap();
    assert_eq!(world.after().await, WITHIN_POOL);

    store.update::<HealthMonitor>(world.monitor, same()).await.unwrap();
    assert_eq!(world.is::<HealthMonitor>(world.monitor).await, PendingUpdate);
    assert_eq!(world.after().await, WITHIN_POOL);
    store.delete::<HealthMonitor>(world.monitor).await.unwrap();
    assert_eq!(world.after().await, WITHIN_POOL);
    store.create_health_monitor(monitor(world.pool)).await.unwrap();
    assert_eq!(world.after().await, WITHIN_POOL);
}

async fn a_policy_takes_its_listener_along(home: Home) {
    let world = World::open(&home).await;
    let along = [PendingUpdate, Active, PendingUpdate, Active, Active];
    let made = policy(world.by_policy, 1, Action::RedirectToPool { pool: world.pool });
    world.store.create_l7_policy(made).await.unwrap();
    assert_eq!(world.after().await, along);
    world.store.update::<L7Policy>(world.policy, same()).await.unwrap();
    assert_eq!(world.is::<L7Policy>(world.policy).await, PendingUpdate);
    assert_eq!(world.after().await, along);
    world.store.delete::<L7Policy>(world.policy).await.unwrap();
    assert_eq!(world.is::<L7Policy>(world.policy).await, PendingDelete);
    assert_eq!(world.after().await, along);
}

async fn a_rule_takes_policy_and_listener_along(home: Home) {
    let world = World::open(&home).await;
    let store = &world.store;
    let along = [PendingUpdate, Active, PendingUpdate, Active, Active];
    let made = store.create_l7_rule(rule(world.policy)).await.unwrap().value.id;
    assert_eq!(world.is::<L7Rule>(made).await, PendingCreate);
    assert_eq!(world.is::<L7Policy>(world.policy).await, PendingUpdate);
    assert_eq!(world.is::<L7Rule>(world.rule).await, Active);
    assert_eq!(world.after().await, along);
    store.update::<L7Rule>(world.rule, same()).await.unwrap();
    assert_eq!(world.after().await, along);
    store.delete::<L7Rule>(world.rule).await.unwrap();
    assert_eq!(world.is::<L7Policy>(world.policy).await, PendingUpdate);
    assert_eq!(world.after().await, along);
}

async fn a_disabled_policy_uses_no_pool(home: Home) {
    let world = World::open(&home).await;
    let disabled: Edit<L7Policy> =
        Box::new(|it: &L7Policy| Ok(L7Policy { admin_state_up: false, ..it.clone() }));
    world.store.update::<L7Policy>(world.policy, disabled).await.unwrap();
    serve(&world.store).await;
    let users = world.store.get::<Pool>(world.pool).await.unwrap().related.listeners;
    assert_eq!(users, [world.by_default]);
    world.store.update::<Pool>(world.pool, same()).await.unwrap();
    assert_eq!(world.after().await, [PendingUpdate, PendingUpdate, Active, Active, PendingUpdate]);
}

async fn every_change_counts_even_one_that_changes_nothing(home: Home) {
    let world = World::open(&home).await;
    let generation = async || world.store.generation(world.lb).await.unwrap().get();
    let before = generation().await;
    world.store.update::<Listener>(world.aside, same()).await.unwrap();
    assert_eq!(generation().await, before + 1);
    let refused: Edit<Listener> =
        Box::new(|_: &Listener| Err(evenkeel_model::Violation::rule("never")));
    world.store.update::<Listener>(world.aside, refused).await.unwrap_err();
    world.store.create_listener(listener(world.lb, 80)).await.unwrap_err();
    assert_eq!(generation().await, before + 1, "what is refused does not count");
    serve(&world.store).await;
    assert_eq!(generation().await, before + 1, "nor does serving");
}

async fn what_was_never_served_stays_created(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    store.update::<LoadBalancer>(lb, same()).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingCreate);
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    store.update::<Listener>(front, same()).await.unwrap();
    assert_eq!(status::<Listener>(&store, front).await, PendingCreate);
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingCreate);
    serve(&store).await;
    store.update::<Listener>(front, same()).await.unwrap();
    assert_eq!(status::<Listener>(&store, front).await, PendingUpdate);
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingUpdate);
}

async fn a_change_after_a_failure_has_its_time_anew(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let bound = std::time::Duration::from_mins(1);
    let soon = |generation| Progress::Retrying { generation, reason: "soon".to_owned() };
    report(&store, soon).await;
    home.wait(bound * 2);
    store.expire_pending(bound).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, ProvisioningStatus::Error);
    store.update::<LoadBalancer>(lb, same()).await.unwrap();
    store.expire_pending(bound).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingCreate);
    // One that was on its way already is not younger for another.
    home.wait(bound / 2);
    store.update::<LoadBalancer>(lb, same()).await.unwrap();
    home.wait(bound / 2 + std::time::Duration::from_secs(1));
    store.expire_pending(bound).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, ProvisioningStatus::Error);
}
