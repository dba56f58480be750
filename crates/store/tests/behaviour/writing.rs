//! What is acknowledged stays; what is refused takes nobody with it; races have one winner.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::{Limit, Limits};
use evenkeel_model::text::Label;
use evenkeel_model::{Generation, Listener, LoadBalancer, LoadBalancerId};
use evenkeel_store::{
    Backend, Filter, ListQuery, Scope, Store, StoreConfig, StoreError, SystemClock,
};
use tokio::task::JoinSet;

use crate::scenario::{Home, scenarios};
use crate::world::{any_vip, draft, empty, listener, load_balancer, project, settled_in};

scenarios!(
    a_quota_of_ten_lets_ten_of_fifty_in,
    a_refused_write_leaves_its_neighbours_alone,
    two_servers_change_one_graph_and_lose_no_change,
    of_two_servers_one_gets_a_port,
    age_is_an_order_though_the_clock_stands_still,
    whoever_watches_wakes_when_what_shall_be_has_changed,
    a_text_that_no_database_keeps_is_refused,
    the_same_id_twice_is_a_duplicate,
);

/// Two control planes that share a database.
async fn two_servers(home: &Home, change: impl Fn(&mut StoreConfig)) -> [Store; 2] {
    let one = home.open_with(&change).await;
    settled_in(&one).await;
    [one, home.open_with(&change).await]
}

async fn a_quota_of_ten_lets_ten_of_fifty_in(home: Home) {
    let limits = Limits { load_balancer: Limit::AtMost(10), ..Limits::default() };
    let stores = two_servers(&home, |config| {
        config.count_quotas = true;
        config.default_limits = limits;
    })
    .await;
    let mut creates = JoinSet::new();
    for number in 0..50 {
        let store = stores[number % 2].clone();
        creates.spawn(async move { empty(&store, &number.to_string()).await });
    }
    let (mut made, mut refused) = (0, 0);
    for outcome in creates.join_all().await {
        match outcome {
            Ok(_) => made += 1,
            Err(StoreError::QuotaMet(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((made, refused), (10, 40));
    let all = stores[0].list::<LoadBalancer>(Scope::All, ListQuery::default()).await.unwrap();
    assert_eq!(all.items.len(), 10);
    assert_eq!(stores[1].ports().await.unwrap().len(), 10, "a refused one keeps no address");
}

async fn a_refused_write_leaves_its_neighbours_alone(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    store.create_listener(listener(lb, 80)).await.unwrap();
    let mut creates = JoinSet::new();
    for number in 0..90 {
        let store = store.clone();
        let port = if number % 3 == 0 { 80 } else { 1000 + number };
        creates.spawn(async move { (port, store.create_listener(listener(lb, port)).await) });
    }
    for (port, outcome) in creates.join_all().await {
        match outcome {
            Ok(_) => assert_ne!(port, 80),
            Err(error) => {
                assert!(matches!(error, StoreError::PortTaken { .. }), "{error:?}");
                assert_eq!(port, 80);
            }
        }
    }
    // Each accepted change has raised the generation, and no refused one has.
    assert_eq!(store.generation(lb).await.unwrap(), Generation::new(1 + 1 + 60));
}

async fn two_servers_change_one_graph_and_lose_no_change(home: Home) {
    let stores = two_servers(&home, |_| ()).await;
    let lb = load_balancer(&stores[0]).await;
    let front = stores[0].create_listener(listener(lb, 80)).await.unwrap().value.id;
    let mut updates = JoinSet::new();
    for number in 0..40 {
        let store = stores[number % 2].clone();
        updates.spawn(async move {
            let longer = |it: &Listener| {
                let name = Label::try_from(format!("{}x", it.name)).unwrap();
                Ok(Listener { name, ..it.clone() })
            };
            store.update::<Listener>(front, Box::new(longer)).await
        });
    }
    updates.join_all().await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    let value = stores[0].get::<Listener>(front).await.unwrap().value;
    assert_eq!(value.name.as_str(), "x".repeat(40));
    assert_eq!(stores[1].generation(lb).await.unwrap(), Generation::new(42));
}

async fn of_two_servers_one_gets_a_port(home: Home) {
    let stores = two_servers(&home, |_| ()).await;
    let lb = load_balancer(&stores[0]).await;
    let mut creates = JoinSet::new();
    for number in 0..20 {
        let (store, port) = (stores[number % 2].clone(), 80 + i64::try_from(number / 2).unwrap());
        creates.spawn(async move { (port, store.create_listener(listener(lb, port)).await) });
    }
    let mut won = BTreeSet::new();
    for (port, outcome) in creates.join_all().await {
        match outcome {
            Ok(_) => assert!(won.insert(port), "{port} was given twice"),
            Err(error) => assert!(matches!(error, StoreError::PortTaken { .. }), "{error:?}"),
        }
    }
    assert_eq!(won.len(), 10);
}

async fn age_is_an_order_though_the_clock_stands_still(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(load_balancer(&store).await);
    }
    let page = store.list::<LoadBalancer>(Scope::All, ListQuery::default()).await.unwrap();
    let listed: Vec<LoadBalancerId> = page.items.iter().map(|it| it.value.id).collect();
    assert_eq!(listed, made);
}

async fn whoever_watches_wakes_when_what_shall_be_has_changed(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut changed = store.changed();
    let before = *changed.borrow_and_update();
    let lb = load_balancer(&store).await;
    changed.wait_for(|count| *count > before).await.unwrap();
    store.create_listener(listener(lb, 80)).await.unwrap();
    store.create_listener(listener(lb, 80)).await.unwrap_err();
    store.get::<LoadBalancer>(lb).await.unwrap();
    store.create_listener(listener(lb, 81)).await.unwrap();
    // The agent's hello, the load balancer and two listeners; not what was refused.
    changed.wait_for(|count| *count >= 4).await.unwrap();
    assert_eq!(*changed.borrow(), 4);
}

async fn a_text_that_no_database_keeps_is_refused(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let said = "Validation failure: A text cannot have the character U+0000.";
    let refused = empty(&store, "a\0b").await.unwrap_err();
    assert_eq!(refused.to_string(), said);
    let filter = Filter { column: "name".to_owned(), value: "a\0b".to_owned() };
    let query = ListQuery { filters: vec![filter], ..ListQuery::default() };
    let refused = store.list::<LoadBalancer>(Scope::All, query).await.unwrap_err();
    assert_eq!(refused.to_string(), said);
    let strange = "\u{1}\u{7f}'; DROP TABLE tags; -- \u{202e}\u{10ffff}\r\n";
    let kept = empty(&store, strange).await.unwrap().load_balancer.value;
    assert_eq!(kept.name.as_str(), strange);
    let shown = store.get::<LoadBalancer>(kept.id).await.unwrap().value;
    assert_eq!(shown.name.as_str(), strange);
}

async fn the_same_id_twice_is_a_duplicate(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let first = listener(lb, 80);
    store.create_listener(first.clone()).await.unwrap();
    let second = Listener { protocol_port: 81.try_into().unwrap(), ..first };
    let refused = store.create_listener(second).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate), "{refused:?}");
    let again = draft("again");
    store.create_tree(again.clone(), any_vip(), project()).await.unwrap();
    let refused = store.create_tree(again, any_vip(), project()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate), "{refused:?}");
}

/// A process that is killed leaves its files as they are at that moment.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let config = |name: &str| StoreConfig {
        backend: Backend::Sqlite { path: directory.path().join(name) },
        inline: false,
        strict_immutable: false,
        count_quotas: false,
        default_limits: Limits::default(),
        address_rules: AddressRules::default(),
        clock: Arc::new(SystemClock),
    };
    let store = Store::open(config("alive")).await.unwrap();
    settled_in(&store).await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        let mut creates = JoinSet::new();
        for _ in 0..10 {
            let store = store.clone();
            creates.spawn(async move { load_balancer(&store).await });
        }
        acknowledged.extend(creates.join_all().await);
        for file in ["", "-wal"] {
            let path = |name: &str| directory.path().join(format!("{name}{file}"));
            fs::copy(path("alive"), path(&format!("killed{round}"))).unwrap();
        }
        let revived = Store::open(config(&format!("killed{round}"))).await.unwrap();
        let page = revived.list::<LoadBalancer>(Scope::All, ListQuery::default()).await.unwrap();
        let there: BTreeSet<_> = page.items.iter().map(|it| it.value.id).collect();
        assert_eq!(there, acknowledged);
    }
}
