//! A PROXY pool whose members are sent requests and bytes at once.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_model::PoolId;
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::observed::{MemberHealth, PoolHealth};
use evenkeel_model::pool::Persistence;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use tokio::time::{Instant, interval};

use super::node::{Node, PATIENCE, answers, each, get};
use crate::world::Build;

/// Where requests are seen, and where only bytes.
const REQUESTS: u16 = 8080;
const BYTES: u16 = 8081;

/// A node with both listeners in front of an empty PROXY pool.
fn node(vip: &str) -> (Node, PoolId) {
    let mut node = Node::new(vip);
    let pool = Build::pool(&mut node.graph, PoolProtocol::Proxy).id;
    node.graph.listener(ListenerProtocol::Http, REQUESTS.into()).default_pool = Some(pool);
    node.graph.listener(ListenerProtocol::Tcp, BYTES.into()).default_pool = Some(pool);
    (node, pool)
}

/// These and nobody else answer, whichever way one asks.
async fn only(node: &Node, names: &[&str]) {
    for port in [REQUESTS, BYTES] {
        let seen: BTreeSet<String> = answers(node.vip(port), 6).await.into_keys().collect();
        assert!(seen.iter().map(String::as_str).eq(names.iter().copied()), "{port}: {seen:?}");
    }
}

/// How many backends hold the first member dead or alive, as HAProxy says.
async fn held_dead(node: &Node) -> (usize, usize) {
    let id = node.graph.members[0].id.to_string();
    let said = node.ask("show servers state").await;
    let lines = said.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let states: Vec<bool> = lines
        .filter(|fields| fields.get(3) == Some(&id.as_str()))
        .map(|fields| fields[5] == "0")
        .collect();
    (states.iter().filter(|is_dead| **is_dead).count(), states.len())
}

#[tokio::test]
async fn members_are_told_of_clients_either_way() {
    let (mut node, pool) = node("127.77.36.1");
    node.mirror(pool).await;
    node.apply().await.unwrap();
    for port in [REQUESTS, BYTES] {
        let (status, seen) = get(node.vip(port)).await.unwrap();
        assert_eq!(status, 200);
        let header = format!("PROXY TCP4 127.0.0.1 {} ", node.graph.load_balancer.vip.address);
        assert!(seen.starts_with(&header), "{port}: {seen}");
    }
    node.close().await;
}

#[tokio::test]
async fn members_come_and_go_either_way_without_another_process() {
    let (mut node, pool) = node("127.77.36.2");
    node.member(pool, "one").await;
    node.member(pool, "two").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    only(&node, &["one", "two"]).await;

    node.member(pool, "three").await;
    node.apply().await.unwrap();
    only(&node, &["one", "three", "two"]).await;
    node.graph.members[0].weight = 0.try_into().unwrap();
    node.apply().await.unwrap();
    only(&node, &["three", "two"]).await;
    assert_eq!(node.observe().await.members.len(), 3);
    node.graph.members[1].admin_state_up = false;
    node.apply().await.unwrap();
    only(&node, &["three"]).await;
    node.graph.members.drain(..2);
    node.apply().await.unwrap();
    only(&node, &["three"]).await;

    assert_eq!(node.pid().await, pid);
    let said = node.ask("show servers state").await;
    assert_eq!(said.lines().filter(|line| line.contains("127.0.0.1")).count(), 2, "{said}");
    assert_eq!(node.observe().await.members.len(), 1);
    node.close().await;
}

#[tokio::test]
async fn a_dead_member_is_dead_either_way_at_once() {
    let mut node = Node::new("127.77.36.3");
    let pool = Build::pool(&mut node.graph, PoolProtocol::Proxy).id;
    node.graph.member(pool, "127.255.255.254", 1);
    node.member(pool, "one").await;
    let monitor = node.graph.monitor(pool, Probe::Tcp);
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    node.graph.listener(ListenerProtocol::Tcp, BYTES.into()).default_pool = Some(pool);
    node.apply().await.unwrap();
    let dead = node.graph.members[0].id;
    node.eventually("it is dead", |seen| seen.members[&dead] == MemberHealth::Down).await;

    // What comes beside knows it from the beginning.
    node.graph.listener(ListenerProtocol::Http, REQUESTS.into()).default_pool = Some(pool);
    node.apply().await.unwrap();
    assert_eq!(held_dead(&node).await, (2, 2));
    only(&node, &["one"]).await;
    node.graph.listener(ListenerProtocol::Tcp, 8082);
    node.apply().await.unwrap();
    assert_eq!(held_dead(&node).await, (2, 2));
    let seen = node.observe().await;
    assert_eq!(seen.members[&dead], MemberHealth::Down);
    assert_eq!(seen.pools[&pool], PoolHealth::Up);
    node.close().await;
}

#[tokio::test]
async fn a_member_that_dies_is_found_either_way() {
    let (mut node, pool) = node("127.77.36.4");
    node.graph.member(pool, "127.255.255.254", 1);
    node.member(pool, "one").await;
    let monitor = node.graph.monitor(pool, Probe::Tcp);
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    node.apply().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut looks = interval(Duration::from_millis(20));
    while held_dead(&node).await != (2, 2) {
        looks.tick().await;
        assert!(Instant::now() < deadline, "{:?}", held_dead(&node).await);
    }
    only(&node, &["one"]).await;
    node.close().await;
}

#[tokio::test]
async fn who_answers_no_echo_request_is_left_out_either_way() {
    if !evenkeel_plumbing::echo::is_allowed() {
        return;
    }
    let (mut node, pool) = node("127.77.36.5");
    node.member(pool, "one").await;
    node.member(pool, "two").await;
    let nowhere = "127.255.255.255".parse::<std::net::IpAddr>().unwrap();
    node.graph.members[1].monitor_address = Some(nowhere.into());
    let monitor = node.graph.monitor(pool, Probe::Ping);
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    node.apply().await.unwrap();
    let (pid, dead) = (node.pid().await, node.graph.members[1].id);
    node.eventually("one is dead", |seen| seen.members[&dead] == MemberHealth::Down).await;
    only(&node, &["one"]).await;
    node.graph.health_monitors.clear();
    node.apply().await.unwrap();
    only(&node, &["one", "two"]).await;
    assert_eq!(node.pid().await, pid);
    node.close().await;
}

#[tokio::test]
async fn a_client_stays_with_its_member_in_whichever_way_it_comes() {
    let (mut node, pool) = node("127.77.36.6");
    node.member(pool, "one").await;
    node.member(pool, "two").await;
    let source = Persistence::SourceIp { timeout: None, granularity: None };
    node.graph.pools[0].persistence = Some(source);
    node.graph.members[0].admin_state_up = false;
    node.apply().await.unwrap();
    assert_eq!(get(node.vip(REQUESTS)).await.unwrap().1, "two");
    node.graph.members[0].admin_state_up = true;
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(BYTES), 4).await, each(&["two"], 4));
    assert_eq!(answers(node.vip(REQUESTS), 4).await, each(&["two"], 4));
    node.close().await;
}

#[tokio::test]
async fn what_passes_either_way_adds_up() {
    let (mut node, pool) = node("127.77.36.7");
    node.member(pool, "one").await;
    node.graph.listener(ListenerProtocol::Prometheus, 9100);
    node.apply().await.unwrap();
    answers(node.vip(REQUESTS), 3).await;
    answers(node.vip(BYTES), 2).await;

    let seen = node.observe().await;
    let totals = node.graph.listeners.iter().take(2).map(|it| seen.traffic[&it.id]);
    assert_eq!(totals.map(|it| it.total_connections).collect::<Vec<_>>(), [3, 2]);

    let metrics = super::metrics::asked(&node, 9100, "GET /metrics").await;
    let member = node.graph.members[0].id;
    for line in [
        format!(r#"octavia_pool_sessions_total{{pool="{pool}"}} 5"#),
        format!(r#"octavia_member_sessions_total{{pool="{pool}",member="{member}"}} 5"#),
        format!(r#"octavia_pool_active_members{{pool="{pool}"}} 1"#),
        format!(r#"octavia_member_weight{{pool="{pool}",member="{member}"}} 1"#),
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains(".tcp"), "{metrics}");
    let series = metrics.lines().filter(|line| line.starts_with("octavia"));
    let mut series: Vec<_> = series.filter_map(|line| line.rsplit_once(' ')).collect();
    let before = series.len();
    series.sort_unstable();
    series.dedup_by_key(|(name, _)| *name);
    assert_eq!(series.len(), before, "each is told once");
    node.close().await;
}
