//! The life of a graph: created, served, changed, refused, gone.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_model::l7_policy::Action;
use evenkeel_model::observed::{
    ListenerHealth, MemberHealth, Observation, PoolHealth, Served, Traffic,
};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::status::{OperatingStatus, ProvisioningStatus};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, Resource,
};
use evenkeel_store::{Progress, StoreError};

use crate::scenario::{Home, scenarios};
use crate::world::{
    agent, draft, empty, id, listener, load_balancer, member, monitor, place_all, policy, pool,
    project, report, rule, serve, settled_in, status,
};

scenarios!(
    a_change_is_pending_until_its_generation_serves,
    what_a_change_touches_goes_with_it,
    a_whole_tree_is_there_or_nothing_of_it,
    a_refused_change_says_why_and_another_cures_it,
    what_is_late_is_in_error_and_heals,
    what_is_deleted_goes_when_a_graph_without_it_serves,
    a_load_balancer_is_gone_when_its_node_has_nothing_of_it,
    an_unplaced_load_balancer_is_gone_at_once,
    rules_between_objects_are_kept,
    policies_keep_dense_positions,
    an_older_epoch_says_nothing,
    what_is_seen_is_worded_and_counted,
    strictly_a_pending_load_balancer_takes_no_change,
);

use ProvisioningStatus::{Active, PendingCreate, PendingDelete, PendingUpdate};

async fn a_change_is_pending_until_its_generation_serves(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let created = store.get::<LoadBalancer>(lb).await.unwrap();
    assert_eq!(created.provisioning_status, PendingCreate);
    assert_eq!(created.updated_at, None);
    serve(&store).await;
    let served = store.get::<LoadBalancer>(lb).await.unwrap();
    assert_eq!(served.provisioning_status, Active);
    assert!(served.updated_at.is_some());

    let port = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    assert_eq!(status::<Listener>(&store, port).await, PendingCreate);
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingUpdate);
    serve(&store).await;
    assert_eq!(status::<Listener>(&store, port).await, Active);

    let renamed = Box::new(|it: &Listener| {
        Ok(Listener { name: "x".to_owned().try_into().unwrap(), ..it.clone() })
    });
    let updated = store.update::<Listener>(port, renamed).await.unwrap();
    assert_eq!(updated.provisioning_status, PendingUpdate);
    assert_eq!(updated.value.name.as_str(), "x");
    serve(&store).await;
    assert_eq!(status::<LoadBalancer>(&store, lb).await, Active);
}

async fn what_a_change_touches_goes_with_it(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let other = store.create_listener(listener(lb, 81)).await.unwrap().value.id;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let back = store.create_pool(pool(lb), Some(front)).await.unwrap().value.id;
    serve(&store).await;
    let shown = store.get::<Pool>(back).await.unwrap();
    assert_eq!(shown.related.listeners, [front]);
    assert_eq!(store.get::<Listener>(front).await.unwrap().value.default_pool, Some(back));

    let one = store.create_member(member(back, "10.0.0.1")).await.unwrap();
    assert_eq!(one.operating_status, OperatingStatus::NoMonitor);
    assert_eq!(status::<Pool>(&store, back).await, PendingUpdate);
    assert_eq!(status::<Listener>(&store, front).await, PendingUpdate);
    assert_eq!(status::<Listener>(&store, other).await, Active);
    serve(&store).await;

    // A policy with a rule makes a listener a user of its pool; without one it does not.
    let to_pool = Action::RedirectToPool { pool: back };
    let chosen = store.create_l7_policy(policy(other, 1, to_pool)).await.unwrap().value.id;
    assert_eq!(store.get::<Pool>(back).await.unwrap().related.listeners, [front]);
    store.create_l7_rule(rule(chosen)).await.unwrap();
    assert_eq!(store.get::<Pool>(back).await.unwrap().related.listeners, [other, front]);
    serve(&store).await;
    store.create_health_monitor(monitor(back)).await.unwrap();
    assert_eq!(status::<Listener>(&store, other).await, PendingUpdate);
}

async fn a_whole_tree_is_there_or_nothing_of_it(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut whole = draft("tree");
    let lb = whole.load_balancer.id;
    whole.pools = vec![pool(lb)];
    whole.members =
        vec![member(whole.pools[0].id, "10.0.0.1"), member(whole.pools[0].id, "10.0.0.2")];
    whole.health_monitors = vec![monitor(whole.pools[0].id)];
    whole.listeners = vec![Listener { default_pool: Some(whole.pools[0].id), ..listener(lb, 80) }];
    let mut broken = whole.clone();
    broken.listeners.push(listener(lb, 80));
    let refused = store.create_tree(broken, crate::world::any_vip(), project()).await.unwrap_err();
    assert!(matches!(refused, StoreError::PortTaken { .. }), "{refused:?}");
    let gone = store.get::<LoadBalancer>(lb).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { .. }));
    assert!(store.ports().await.unwrap().is_empty());

    let tree = store.create_tree(whole, crate::world::any_vip(), project()).await.unwrap();
    assert_eq!((tree.listeners.len(), tree.pools.len(), tree.members.len()), (1, 1, 2));
    assert_eq!(tree.members[0].operating_status, OperatingStatus::Offline);
    assert_eq!(tree.load_balancer.related.pools.len(), 1);
    assert_eq!(tree.load_balancer.value.vip.address.to_string(), "10.1.0.2");
    assert_eq!(store.ports().await.unwrap()[0].device, format!("lb-{lb}"));
}

async fn a_refused_change_says_why_and_another_cures_it(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    serve(&store).await;
    let bad = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let no = |generation| Progress::Refused { generation, reason: "no, because".to_owned() };
    report(&store, no).await;
    let refused = store.get::<Listener>(bad).await.unwrap();
    assert_eq!(refused.provisioning_status, ProvisioningStatus::Error);
    assert_eq!(refused.status_reason.as_deref(), Some("no, because"));
    store.delete::<Listener>(bad).await.unwrap();
    assert_eq!(status::<Listener>(&store, bad).await, PendingDelete);
    serve(&store).await;
    assert!(store.get::<Listener>(bad).await.is_err());
    let cured = store.get::<LoadBalancer>(lb).await.unwrap();
    assert_eq!((cured.provisioning_status, cured.status_reason), (Active, None));
}

async fn what_is_late_is_in_error_and_heals(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    place_all(&store).await;
    let soon = |generation| Progress::Retrying { generation, reason: "soon".to_owned() };
    report(&store, soon).await;
    let bound = Duration::from_mins(1);
    store.expire_pending(bound).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingCreate);
    home.wait(bound + Duration::from_secs(1));
    store.expire_pending(bound).await.unwrap();
    let late = store.get::<LoadBalancer>(lb).await.unwrap();
    assert_eq!(late.provisioning_status, ProvisioningStatus::Error);
    assert_eq!(late.status_reason.as_deref(), Some("soon"));
    serve(&store).await;
    assert_eq!(status::<LoadBalancer>(&store, lb).await, Active);
}

async fn what_is_deleted_goes_when_a_graph_without_it_serves(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let back = store.create_pool(pool(lb), Some(front)).await.unwrap().value.id;
    let one = store.create_member(member(back, "10.0.0.1")).await.unwrap().value.id;
    let checked = store.create_health_monitor(monitor(back)).await.unwrap().value.id;
    serve(&store).await;
    store.delete::<Pool>(back).await.unwrap();
    assert_eq!(status::<Pool>(&store, back).await, PendingDelete);
    let graph = store.graph(agent(), lb).await.unwrap().1.unwrap();
    assert!(graph.pools.is_empty() && graph.members.is_empty());
    assert_eq!(graph.listeners[0].default_pool, None);
    // The port of a listener that goes is free, and so is a member's address.
    let refused = store.create_member(member(back, "10.0.0.2")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Immutable { what: "Pool", .. }), "{refused:?}");
    serve(&store).await;
    assert!(store.get::<Member>(one).await.is_err());
    assert!(store.get::<HealthMonitor>(checked).await.is_err());
    assert_eq!(store.get::<Listener>(front).await.unwrap().value.default_pool, None);
}

async fn a_load_balancer_is_gone_when_its_node_has_nothing_of_it(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    store.create_listener(listener(lb, 80)).await.unwrap();
    serve(&store).await;
    let refused = store.delete_load_balancer(lb, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::HasChildren(_)));
    store.delete_load_balancer(lb, true).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingDelete);
    assert!(store.index(agent()).await.unwrap().is_empty());
    // Its agent answers an index that still named it, and then one that does not.
    store.settle(agent(), Vec::new(), BTreeSet::from([lb])).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingDelete);
    store.settle(agent(), Vec::new(), BTreeSet::new()).await.unwrap();
    assert!(store.get::<LoadBalancer>(lb).await.is_err());
    assert!(store.ports().await.unwrap().is_empty());
    assert!(store.placements().await.unwrap().is_empty());
}

async fn an_unplaced_load_balancer_is_gone_at_once(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    store.delete_load_balancer(lb, false).await.unwrap();
    assert!(store.get::<LoadBalancer>(lb).await.is_err());
}

async fn rules_between_objects_are_kept(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let (lb, foreign) = (load_balancer(&store).await, load_balancer(&store).await);
    store.create_listener(listener(lb, 80)).await.unwrap();
    let taken = store
        .create_listener(Listener { protocol: ListenerProtocol::Tcp, ..listener(lb, 80) })
        .await
        .unwrap_err();
    assert_eq!(
        taken.to_string(),
        "Another Listener on this Load Balancer is already using protocol HTTP and \
         protocol_port 80"
    );
    let udp = Listener { protocol: ListenerProtocol::Udp, ..listener(lb, 80) };
    store.create_listener(udp).await.unwrap();

    let elsewhere = store.create_pool(pool(foreign), None).await.unwrap().value.id;
    let crossed = Listener { default_pool: Some(elsewhere), ..listener(lb, 81) };
    let refused = store.create_listener(crossed).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("Pool {elsewhere} not found."));

    store.create_member(member(elsewhere, "10.0.0.1")).await.unwrap();
    let twice = store.create_member(member(elsewhere, "10.0.0.1")).await.unwrap_err();
    assert!(matches!(twice, StoreError::MemberTaken { .. }));
    store.create_health_monitor(monitor(elsewhere)).await.unwrap();
    let second = store.create_health_monitor(monitor(elsewhere)).await.unwrap_err();
    assert!(matches!(second, StoreError::MonitorTaken));
    assert!(matches!(
        store.get::<Pool>(id::<<Pool as Resource>::Id>()).await.unwrap_err(),
        StoreError::NotFound { .. }
    ));
}

async fn policies_keep_dense_positions(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let mut made = Vec::new();
    for position in [9, 1, 2] {
        let value = policy(front, position, Action::Reject);
        made.push(store.create_l7_policy(value).await.unwrap().value.id);
    }
    let order = async || store.get::<Listener>(front).await.unwrap().related.l7_policies;
    assert_eq!(order().await, [made[1], made[2], made[0]]);
    let last =
        Box::new(|it: &L7Policy| Ok(L7Policy { position: 7.try_into().unwrap(), ..it.clone() }));
    let moved = store.update::<L7Policy>(made[1], last).await.unwrap();
    assert_eq!(moved.value.position.get(), 3);
    assert_eq!(order().await, [made[2], made[0], made[1]]);
    serve(&store).await;
    store.create_l7_rule(rule(made[2])).await.unwrap();
    store.delete::<L7Policy>(made[2]).await.unwrap();
    serve(&store).await;
    assert_eq!(order().await, [made[0], made[1]]);
    assert_eq!(store.get::<L7Policy>(made[0]).await.unwrap().value.position.get(), 1);
    let none =
        store.list::<L7Rule>(evenkeel_store::Scope::All, evenkeel_store::ListQuery::default());
    assert!(none.await.unwrap().items.is_empty());
}

async fn an_older_epoch_says_nothing(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    serve(&store).await;
    store.failover(lb).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingUpdate);
    let index = store.index(agent()).await.unwrap();
    let stale = evenkeel_store::Held {
        load_balancer: lb,
        epoch: evenkeel_model::Epoch::new(index[0].epoch.get() - 1),
        progress: Progress::Converged(index[0].generation),
    };
    store.settle(agent(), vec![stale], BTreeSet::from([lb])).await.unwrap();
    assert_eq!(status::<LoadBalancer>(&store, lb).await, PendingUpdate);
    serve(&store).await;
    assert_eq!(status::<LoadBalancer>(&store, lb).await, Active);
}

async fn what_is_seen_is_worded_and_counted(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let back = store.create_pool(pool(lb), Some(front)).await.unwrap().value.id;
    let one = store.create_member(member(back, "10.0.0.1")).await.unwrap().value.id;
    let two = store.create_member(member(back, "10.0.0.2")).await.unwrap().value.id;
    store.create_health_monitor(monitor(back)).await.unwrap();
    serve(&store).await;
    let entry = store.index(agent()).await.unwrap()[0];
    let traffic = Traffic { bytes_in: 7, total_connections: 3, ..Traffic::default() };
    let seen = Observation {
        served: Served::Serving(entry.generation),
        listeners: [(front, ListenerHealth::Open)].into(),
        pools: [(back, PoolHealth::Up)].into(),
        members: [(one, MemberHealth::Up), (two, MemberHealth::Down)].into(),
        traffic: [(front, traffic)].into(),
        series: None,
        sockets: [(front, "127.0.0.1:8080".parse().unwrap())].into(),
    };
    store.observe(agent(), lb, entry.epoch, seen).await.unwrap();
    let operating = async |id| store.get::<Member>(id).await.unwrap().operating_status;
    assert_eq!(operating(one).await, OperatingStatus::Online);
    assert_eq!(operating(two).await, OperatingStatus::Error);
    let pool = store.get::<Pool>(back).await.unwrap();
    assert_eq!(pool.operating_status, OperatingStatus::Degraded);
    assert_eq!(pool.provisioning_status, Active, "health is not desire");
    assert_eq!(store.traffic(lb).await.unwrap(), traffic);
    assert_eq!(store.traffic_of(front).await.unwrap(), traffic);
    assert_eq!(store.placements().await.unwrap()[0].sockets.len(), 1);
}

async fn strictly_a_pending_load_balancer_takes_no_change(home: Home) {
    let store = home.open_with(|config| config.strict_immutable = true).await;
    settled_in(&store).await;
    let lb = empty(&store, "web").await.unwrap().load_balancer.value.id;
    let refused = store.create_listener(listener(lb, 80)).await.unwrap_err();
    let text = format!("Load Balancer {lb} is immutable and cannot be updated.");
    assert_eq!(refused.to_string(), text);
    let refused = store.delete_load_balancer(lb, false).await.unwrap_err();
    let text = format!("Invalid state PENDING_CREATE of loadbalancer resource {lb}");
    assert_eq!(refused.to_string(), text);
    serve(&store).await;
    store.create_listener(listener(lb, 80)).await.unwrap();
}
