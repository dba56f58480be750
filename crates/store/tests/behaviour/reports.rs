//! What agents report, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_model::observed::{ListenerHealth, MemberHealth, Observation, PoolHealth};
use evenkeel_model::status::OperatingStatus::{
    Degraded, Error as Down, NoMonitor, Offline, Online,
};
use evenkeel_model::status::ProvisioningStatus::{
    Active, PendingCreate, PendingDelete, PendingUpdate,
};
use evenkeel_model::{
    Epoch, Generation, HealthMonitor, L7Policy, Listener, LoadBalancer, LoadBalancerId, Member,
    Pool,
};
use evenkeel_store::{Held, Progress};

use crate::node::{AGENT, World, draft, id, listener, monitor, on_subnet, policy, pool};
use crate::scenario::{Home, scenarios};

scenarios! {
    a_load_balancer_with_nothing_to_serve_is_online_once_served,
    what_nobody_measures_is_online_at_the_same_moment,
    a_generation_settles_what_changed_up_to_it_and_no_more,
    an_older_epoch_and_another_agent_say_nothing,
    a_report_that_says_nothing_new_writes_nothing,
    a_load_balancer_that_goes_waits_for_an_index_without_it,
    the_parts_of_what_goes_go_with_it,
    without_its_monitor_a_pool_is_trusted,
    the_worst_is_written_to_the_top_and_only_what_changed_is_touched,
    sockets_are_shown_without_traffic,
    what_goes_is_not_in_the_graph,
    heartbeats_change_nothing,
}

const MINUTE: Duration = Duration::from_mins(1);

async fn a_load_balancer_with_nothing_to_serve_is_online_once_served(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    assert_eq!(world.status::<LoadBalancer>(load_balancer).await, (PendingCreate, Offline));
    world.see(load_balancer, Observation::default()).await;
    assert_eq!(world.status::<LoadBalancer>(load_balancer).await, (PendingCreate, Offline));
    world.converge(load_balancer).await;
    assert_eq!(world.status::<LoadBalancer>(load_balancer).await, (Active, Online));

    let mut disabled = draft();
    disabled.load_balancer.admin_state_up = false;
    let disabled = world.create(disabled, on_subnet()).await.unwrap().id;
    assert!(world.store.place(disabled, world.agent, None).await.unwrap());
    world.converge(disabled).await;
    assert_eq!(world.status::<LoadBalancer>(disabled).await, (Active, Offline));
}

async fn what_nobody_measures_is_online_at_the_same_moment(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    assert_eq!(world.status::<HealthMonitor>(parts.monitor.id).await, (Active, Online));
    let policy = policy(parts.listener.id, 1);
    world.store.create_l7_policy(policy.clone()).await.unwrap();
    assert_eq!(world.status::<L7Policy>(policy.id).await, (PendingCreate, Offline));
    assert_eq!(world.status::<HealthMonitor>(parts.monitor.id).await, (Active, Online));
    world.converge(parts.load_balancer).await;
    assert_eq!(world.status::<L7Policy>(policy.id).await, (Active, Online));
    assert_eq!(world.status::<Listener>(parts.listener.id).await, (Active, Online));
}

async fn a_generation_settles_what_changed_up_to_it_and_no_more(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    world.converge(load_balancer).await;
    let [first, second] = [listener(load_balancer, 80), listener(load_balancer, 81)];
    world.store.create_listener(first.clone()).await.unwrap();
    let served = world.generation(load_balancer).await;
    world.store.create_listener(second.clone()).await.unwrap();
    let created = world.store.get::<Listener>(first.id).await.unwrap();
    assert_eq!(created.updated_at, None);

    world.report(load_balancer, Progress::Converged(served)).await;
    assert_eq!(world.provisioning::<Listener>(first.id).await, Active);
    assert_eq!(world.provisioning::<Listener>(second.id).await, PendingCreate);
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingUpdate);
    let settled = world.store.get::<Listener>(first.id).await.unwrap();
    assert!(settled.updated_at.is_some(), "a new status is a change");

    world.converge(load_balancer).await;
    world.report(load_balancer, Progress::Converged(served)).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Active, "never back");
}

async fn an_older_epoch_and_another_agent_say_nothing(home: Home) {
    let world = World::open(&home).await;
    world.hello(901).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    let old = world.epoch(load_balancer).await;
    let healthy = world.healthy(&parts).await;
    world.store.failover(load_balancer).await.unwrap();
    assert_eq!(world.epoch(load_balancer).await, old.next());
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingUpdate);
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, Active);

    let generation = world.generation(load_balancer).await;
    let progress = Progress::Converged(generation);
    world.settle(vec![Held { load_balancer, epoch: old, progress: progress.clone() }]).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingUpdate);
    let held = vec![Held { load_balancer, epoch: old.next(), progress }];
    world.store.settle(id(901), held.clone(), BTreeSet::from([load_balancer])).await.unwrap();
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingUpdate);

    let mut sick = healthy;
    sick.members.insert(parts.members[0].id, MemberHealth::Down);
    world.store.observe(world.agent, load_balancer, old, sick.clone()).await.unwrap();
    world.store.observe(id(901), load_balancer, old.next(), sick.clone()).await.unwrap();
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, Online);

    world.settle(held).await;
    world.see(load_balancer, sick).await;
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, Active);
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, Down);
}

async fn a_report_that_says_nothing_new_writes_nothing(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let before = world.store.tree(parts.load_balancer).await.unwrap();
    home.wait(MINUTE);
    world.converge(parts.load_balancer).await;
    world.see(parts.load_balancer, world.healthy(&parts).await).await;
    assert_eq!(world.store.tree(parts.load_balancer).await.unwrap(), before);
    world.settle(Vec::new()).await;
    assert_eq!(world.store.tree(parts.load_balancer).await.unwrap(), before, "not held yet");
}

async fn a_load_balancer_that_goes_waits_for_an_index_without_it(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let load_balancer = parts.load_balancer;
    let epoch = world.epoch(load_balancer).await;
    let with_it = world.indexed().await;
    assert!(with_it.contains(&load_balancer));
    world.store.delete_load_balancer(load_balancer, true).await.unwrap();
    assert_eq!(world.provisioning::<LoadBalancer>(load_balancer).await, PendingDelete);
    assert!(!world.indexed().await.contains(&load_balancer));
    let graph = world.store.graph(world.agent, load_balancer).await.unwrap().1;
    assert_eq!(graph, None);

    world.store.settle(world.agent, Vec::new(), with_it).await.unwrap();
    assert!(world.has::<LoadBalancer>(load_balancer).await, "the agent may still fetch it");
    let leaving = vec![Held { load_balancer, epoch, progress: Progress::Leaving }];
    world.settle(leaving).await;
    assert!(world.has::<LoadBalancer>(load_balancer).await, "it is still being taken down");
    world.settle(Vec::new()).await;
    assert!(!world.has::<LoadBalancer>(load_balancer).await);
    assert!(!world.has::<Listener>(parts.listener.id).await);
    assert!(!world.has::<Member>(parts.members[0].id).await);
    assert_eq!(world.store.ports().await.unwrap(), []);
    assert_eq!(world.store.placements().await.unwrap(), []);
}

async fn the_parts_of_what_goes_go_with_it(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let policies = [1, 2, 3].map(|position| policy(parts.listener.id, position));
    for policy in &policies {
        world.store.create_l7_policy(policy.clone()).await.unwrap();
    }
    world.converge(parts.load_balancer).await;

    world.store.delete::<L7Policy>(policies[0].id).await.unwrap();
    world.store.delete::<Pool>(parts.pool.id).await.unwrap();
    assert_eq!(world.provisioning::<Pool>(parts.pool.id).await, PendingDelete);
    assert_eq!(world.provisioning::<Listener>(parts.listener.id).await, PendingUpdate);
    world.converge(parts.load_balancer).await;

    assert!(!world.has::<Pool>(parts.pool.id).await);
    assert!(!world.has::<Member>(parts.members[0].id).await);
    assert!(!world.has::<HealthMonitor>(parts.monitor.id).await);
    let listener = world.store.get::<Listener>(parts.listener.id).await.unwrap();
    assert_eq!(listener.value.default_pool, None);
    assert_eq!(listener.provisioning_status, Active);
    for (policy, position) in policies[1..].iter().zip([1_i64, 2]) {
        let policy = world.store.get::<L7Policy>(policy.id).await.unwrap();
        assert_eq!(i64::from(policy.value.position), position, "positions close up");
    }

    world.store.delete::<Listener>(parts.listener.id).await.unwrap();
    world.converge(parts.load_balancer).await;
    assert!(!world.has::<L7Policy>(policies[1].id).await);
    assert_eq!(world.status::<LoadBalancer>(parts.load_balancer).await, (Active, Online));
}

async fn without_its_monitor_a_pool_is_trusted(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, Online);
    world.store.delete::<HealthMonitor>(parts.monitor.id).await.unwrap();
    world.converge(parts.load_balancer).await;
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, NoMonitor);

    let again = monitor(parts.pool.id);
    world.store.create_health_monitor(again.clone()).await.unwrap();
    world.converge(parts.load_balancer).await;
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, Offline, "not probed yet");
    world.see(parts.load_balancer, world.healthy(&parts).await).await;
    assert_eq!(world.operating::<Member>(parts.members[0].id).await, Online);
}

async fn the_worst_is_written_to_the_top_and_only_what_changed_is_touched(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let before = world.store.tree(parts.load_balancer).await.unwrap();
    home.wait(MINUTE);
    let mut sick = world.healthy(&parts).await;
    sick.members.insert(parts.members[1].id, MemberHealth::Down);
    world.see(parts.load_balancer, sick.clone()).await;
    let after = world.store.tree(parts.load_balancer).await.unwrap();
    assert_eq!(after.load_balancer.operating_status, Degraded);
    assert_eq!(after.load_balancer.provisioning_status, Active, "health is not desire");
    assert_eq!(after.pools[0].operating_status, Degraded);
    assert_eq!(after.members[1].operating_status, Down);
    assert!(after.members[1].updated_at > before.members[1].updated_at);
    assert_eq!(after.members[0], before.members[0]);
    assert_eq!(after.listeners[0], before.listeners[0]);

    sick.members.insert(parts.members[0].id, MemberHealth::Down);
    sick.pools.insert(parts.pool.id, PoolHealth::Down);
    sick.listeners.insert(parts.listener.id, ListenerHealth::Full);
    world.see(parts.load_balancer, sick).await;
    assert_eq!(world.operating::<LoadBalancer>(parts.load_balancer).await, Down);
    assert_eq!(world.operating::<Listener>(parts.listener.id).await, Degraded);
    world.see(parts.load_balancer, world.healthy(&parts).await).await;
    assert_eq!(world.operating::<LoadBalancer>(parts.load_balancer).await, Online);
}

async fn sockets_are_shown_without_traffic(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let mut seen = world.healthy(&parts).await;
    let socket = "127.86.0.1:8080".parse().unwrap();
    seen.sockets.insert(parts.listener.id, socket);
    world.see(parts.load_balancer, seen).await;
    let placements = world.store.placements().await.unwrap();
    assert_eq!(placements[0].sockets, BTreeMap::from([(parts.listener.id, socket)]));
    assert_eq!(placements[0].host, format!("node-{AGENT}"));
}

async fn what_goes_is_not_in_the_graph(home: Home) {
    let world = World::open(&home).await;
    let parts = world.serving().await;
    let spare = pool(parts.load_balancer);
    world.store.create_pool(spare.clone(), None).await.unwrap();
    world.store.create_l7_policy(policy(parts.listener.id, 1)).await.unwrap();
    let (epoch, graph) = world.store.graph(world.agent, parts.load_balancer).await.unwrap();
    let graph = graph.expect("it is placed here");
    assert_eq!(epoch, Epoch::new(1));
    assert_eq!(graph.generation, world.generation(parts.load_balancer).await);
    assert_eq!(graph.listeners, std::slice::from_ref(&parts.listener));
    assert_eq!(graph.pools, [parts.pool.clone(), spare]);
    assert_eq!(graph.members, parts.members);

    world.store.delete::<Pool>(parts.pool.id).await.unwrap();
    let graph = world.store.graph(world.agent, parts.load_balancer).await.unwrap().1.unwrap();
    assert_eq!(graph.listeners[0].default_pool, None);
    assert_eq!((graph.pools.len(), graph.members.len()), (1, 0));
    assert_eq!(graph.health_monitors, []);

    world.store.delete::<Listener>(parts.listener.id).await.unwrap();
    let graph = world.store.graph(world.agent, parts.load_balancer).await.unwrap().1.unwrap();
    assert_eq!((graph.listeners.len(), graph.l7_policies.len()), (0, 0));

    let elsewhere = world.store.graph(id(901), parts.load_balancer).await.unwrap();
    assert_eq!(elsewhere.1, None);
    let unknown = world.store.graph(world.agent, id(1)).await.unwrap();
    assert_eq!(unknown.1, None);
}

async fn heartbeats_change_nothing(home: Home) {
    let world = World::open(&home).await;
    let mut held = Vec::new();
    for _ in 0..80 {
        let load_balancer = world.load_balancer().await;
        let progress = Progress::Converged(Generation::new(1));
        held.push(Held { load_balancer, epoch: Epoch::new(1), progress });
    }
    world.settle(held.clone()).await;
    let indexed: BTreeSet<LoadBalancerId> = world.indexed().await;
    let before = world.store.changed();
    for _ in 0..20 {
        world.store.settle(world.agent, held.clone(), indexed.clone()).await.unwrap();
    }
    assert!(!before.has_changed().unwrap(), "no desire is changed by a report");
    for held in &held {
        assert_eq!(world.provisioning::<LoadBalancer>(held.load_balancer).await, Active);
    }
}
