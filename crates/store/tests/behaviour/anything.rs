//! Whatever is asked for, in whatever order: the graph is whole, and once it serves nothing is on
//! its way.

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_model::l7_policy::Action;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{
    Generation, HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancerGraph, LoadBalancerId,
    Member, Pool, PoolId, Record, Resource,
};
use evenkeel_store::{Changed, MemberWish, Progress, Store, StoreError, Tree};

use crate::scenario::{Home, scenarios};
use crate::world::{
    agent, listener, load_balancer, member, monitor, place_all, policy, pool, report, rule, serve,
    settled_in,
};

scenarios!(a_graph_is_whole_whatever_happened, strictly_a_graph_is_whole_whatever_happened);

/// How much is asked for.
const REQUESTS: usize = 250;

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one_of<'a, T: Resource>(&mut self, records: &'a [Record<T>]) -> Option<&'a T> {
        let count = records.len();
        (count > 0).then(|| &records[self.below(count)].value)
    }

    fn number(&mut self, first: i64, count: usize) -> i64 {
        first + i64::try_from(self.below(count)).expect("a small number")
    }

    fn address(&mut self) -> String {
        format!("10.0.0.{}", 1 + self.below(4))
    }
}

async fn a_graph_is_whole_whatever_happened(home: Home) {
    let store = home.open().await;
    play(&store, 0x5eed).await;
}

async fn strictly_a_graph_is_whole_whatever_happened(home: Home) {
    let store = home.open_with(|config| config.strict_immutable = true).await;
    play(&store, 0xd1ce).await;
}

async fn play(store: &Store, seed: u64) {
    settled_in(store).await;
    let lb = load_balancer(store).await;
    place_all(store).await;
    let mut dice = Dice(seed);
    let mut last = Generation::new(1);
    for turn in 0..REQUESTS {
        let tree = store.tree(lb).await.unwrap();
        let outcome = ask(store, lb, &tree, &mut dice).await;
        let now = store.generation(lb).await.unwrap();
        match outcome {
            Ok(()) => assert!(now >= last, "turn {turn}: {now} after {last}"),
            Err(error) => {
                assert!(is_an_answer(&error), "turn {turn}: {error:?}");
                assert_eq!(now, last, "turn {turn}: refused, and yet changed: {error}");
            }
        }
        last = now;
        let (_, graph) = store.graph(agent(), lb).await.unwrap();
        assert_whole(&graph.expect("it is placed"), turn);
        if turn % 7 == 0 {
            serve(store).await;
            assert_settled(&store.tree(lb).await.unwrap(), turn);
        }
    }
}

/// Whether it says something of the request rather than of the database.
fn is_an_answer(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::Busy | StoreError::Full | StoreError::Database { .. } | StoreError::Duplicate
    )
}

async fn ask(
    store: &Store,
    lb: LoadBalancerId,
    tree: &Tree,
    dice: &mut Dice,
) -> Result<(), StoreError> {
    match dice.below(4) {
        0 | 1 => create(store, lb, tree, dice).await,
        2 => change(store, tree, dice).await,
        _ => remove(store, tree, dice).await,
    }
}

async fn create(
    store: &Store,
    lb: LoadBalancerId,
    tree: &Tree,
    dice: &mut Dice,
) -> Result<(), StoreError> {
    let some_pool = dice.one_of(&tree.pools).map(|it| it.id);
    let some_listener = dice.one_of(&tree.listeners).map(|it| it.id);
    match (dice.below(6), some_pool, some_listener) {
        (0, default_pool, _) => {
            let protocol = ListenerProtocol::ALL[dice.below(ListenerProtocol::ALL.len())];
            let port = dice.number(80, 4);
            let default_pool = default_pool.filter(|_| dice.flip());
            let value = Listener { protocol, default_pool, ..listener(lb, port) };
            store.create_listener(value).await.map(drop)
        }
        (1, _, listener) => {
            let listener = listener.filter(|_| dice.flip());
            store.create_pool(pool(lb), listener).await.map(drop)
        }
        (2, Some(pool), _) => store.create_member(member(pool, &dice.address())).await.map(drop),
        (3, Some(pool), _) => store.create_health_monitor(monitor(pool)).await.map(drop),
        (4, pool, Some(listener)) => {
            let to_pool = pool.map(|pool| Action::RedirectToPool { pool });
            let action = to_pool.filter(|_| dice.flip()).unwrap_or(Action::Reject);
            let value = policy(listener, dice.number(1, 5), action);
            store.create_l7_policy(value).await.map(drop)
        }
        (5, _, _) => match dice.one_of(&tree.l7_policies) {
            Some(policy) => store.create_l7_rule(rule(policy.id)).await.map(drop),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

async fn change(store: &Store, tree: &Tree, dice: &mut Dice) -> Result<(), StoreError> {
    let some_pool = dice.one_of(&tree.pools).map(|it| it.id);
    let up = dice.flip();
    match dice.below(4) {
        0 => {
            let edit = move |it: &Listener| {
                Ok(Listener { admin_state_up: up, default_pool: some_pool, ..it.clone() })
            };
            update(store, &tree.listeners, dice, edit).await
        }
        1 => {
            let position = dice.number(1, 6).try_into().unwrap();
            let edit =
                move |it: &L7Policy| Ok(L7Policy { admin_state_up: up, position, ..it.clone() });
            update(store, &tree.l7_policies, dice, edit).await
        }
        2 => {
            let edit = move |it: &Member| Ok(Member { admin_state_up: up, ..it.clone() });
            update(store, &tree.members, dice, edit).await
        }
        _ => match some_pool {
            Some(pool) => {
                let wishes = (0..dice.below(3)).map(|_| wish(pool, &dice.address())).collect();
                store.replace_members(pool, wishes, dice.flip()).await
            }
            None => Ok(()),
        },
    }
}

fn wish(pool: PoolId, address: &str) -> MemberWish {
    MemberWish { new: member(pool, address), change: Arc::new(Member::clone) }
}

async fn update<T: Changed>(
    store: &Store,
    records: &[Record<T>],
    dice: &mut Dice,
    edit: impl Fn(&T) -> Result<T, evenkeel_model::Violation> + Send + Sync + 'static,
) -> Result<(), StoreError> {
    match dice.one_of(records) {
        Some(value) => store.update::<T>(value.id(), edit).await.map(drop),
        None => Ok(()),
    }
}

async fn remove(store: &Store, tree: &Tree, dice: &mut Dice) -> Result<(), StoreError> {
    match dice.below(8) {
        0 => delete(store, &tree.listeners, dice).await,
        1 => delete(store, &tree.pools, dice).await,
        2 => delete(store, &tree.members, dice).await,
        3 => delete(store, &tree.health_monitors, dice).await,
        4 => delete(store, &tree.l7_policies, dice).await,
        5 => delete(store, &tree.l7_rules, dice).await,
        6 => store.failover(tree.load_balancer.value.id).await,
        _ => {
            let no = |generation| Progress::Refused { generation, reason: "no".to_owned() };
            report(store, no).await;
            Ok(())
        }
    }
}

async fn delete<T: Changed>(
    store: &Store,
    records: &[Record<T>],
    dice: &mut Dice,
) -> Result<(), StoreError> {
    match dice.one_of(records) {
        Some(value) => store.delete::<T>(value.id()).await,
        None => Ok(()),
    }
}

/// What is named is there, what may be there once is there once.
fn assert_whole(graph: &LoadBalancerGraph, turn: usize) {
    let pools: BTreeSet<PoolId> = graph.pools.iter().map(|it| it.id).collect();
    for listener in &graph.listeners {
        assert!(listener.default_pool.is_none_or(|it| pools.contains(&it)), "turn {turn}");
        let policies = graph.l7_policies.iter().filter(|it| it.listener == listener.id);
        let order: Vec<u32> = policies.map(|it| it.position.get()).collect();
        assert!(order.is_sorted_by(|one, next| one < next), "turn {turn}: {order:?}");
    }
    for policy in &graph.l7_policies {
        assert!(graph.listeners.iter().any(|it| it.id == policy.listener), "turn {turn}");
        assert!(policy.action.pool().is_none_or(|it| pools.contains(&it)), "turn {turn}");
    }
    for rule in &graph.l7_rules {
        assert!(graph.l7_policies.iter().any(|it| it.id == rule.policy), "turn {turn}");
    }
    let ports = graph.listeners.iter().map(|it| (it.protocol.transport(), it.protocol_port));
    assert_once(ports, turn);
    assert!(graph.members.iter().all(|it| pools.contains(&it.pool)), "turn {turn}");
    assert_once(graph.members.iter().map(|it| (it.pool, it.socket())), turn);
    assert!(graph.health_monitors.iter().all(|it| pools.contains(&it.pool)), "turn {turn}");
    assert_once(graph.health_monitors.iter().map(|it| it.pool), turn);
}

fn assert_once<K: Ord>(keys: impl Iterator<Item = K>, turn: usize) {
    let mut seen = BTreeSet::new();
    for key in keys {
        assert!(seen.insert(key), "turn {turn}: something is there twice");
    }
}

/// Nothing is on its way, and positions have no gap.
fn assert_settled(tree: &Tree, turn: usize) {
    fn all_active<T: Resource>(records: &[Record<T>], turn: usize) {
        for record in records {
            let status = record.provisioning_status;
            assert_eq!(status, ProvisioningStatus::Active, "turn {turn}: {:?}", record.value);
        }
    }
    assert_eq!(tree.load_balancer.provisioning_status, ProvisioningStatus::Active, "turn {turn}");
    all_active::<Listener>(&tree.listeners, turn);
    all_active::<Pool>(&tree.pools, turn);
    all_active::<Member>(&tree.members, turn);
    all_active::<HealthMonitor>(&tree.health_monitors, turn);
    all_active::<L7Policy>(&tree.l7_policies, turn);
    all_active::<L7Rule>(&tree.l7_rules, turn);
    for listener in &tree.listeners {
        let of_it = tree.l7_policies.iter().filter(|it| it.value.listener == listener.value.id);
        let positions: BTreeSet<u32> = of_it.map(|it| it.value.position.get()).collect();
        let is_dense = positions.iter().zip(1..).all(|(position, at)| *position == at);
        assert!(is_dense, "turn {turn}: {positions:?}");
        assert_eq!(positions.len(), listener.related.l7_policies.len(), "turn {turn}");
    }
}
