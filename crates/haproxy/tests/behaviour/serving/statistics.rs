//! What is observed is true.

use std::time::Duration;

use evenkeel_driver::Driver;
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::observed::{ListenerHealth, MemberHealth, Observation, PoolHealth};
use tokio::time::Instant;

use super::node::{Node, answers, each, get, loopback};
use crate::world::{Build, http_probe};

#[tokio::test]
async fn counters_only_rise_whatever_serves() {
    let mut node = Node::new("127.77.3.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let listener = node.graph.listeners[0].id;
    for _ in 0..5 {
        get(node.vip(8080)).await.unwrap();
    }
    let first = node.observe().await.traffic[&listener];
    assert_eq!(first.total_connections, 5);
    assert!(first.bytes_in > 0 && first.bytes_out > 0, "{first:?}");

    node.listener(8081);
    node.apply().await.unwrap();
    // What the old process still takes is not counted: on a busy machine it may be slow to stop.
    node.eventually_at_most(1).await;
    for _ in 0..3 {
        get(node.vip(8080)).await.unwrap();
    }
    let second = node.observe().await;
    assert_eq!(second.traffic[&listener].total_connections, 8);
    assert_eq!(second.listeners.len(), 2);
    assert!(second.listeners.values().all(|health| *health == ListenerHealth::Open));
    node.close().await;
}

#[tokio::test]
async fn what_a_killed_process_has_counted_is_not_lost_nor_counted_twice() {
    let mut node = Node::new("127.77.3.5");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let listener = node.graph.listeners[0].id;
    let total = async |node: &Node| node.observe().await.traffic[&listener].total_connections;
    let mut asked = 0;
    for _ in 0..2 {
        for _ in 0..3 {
            get(node.vip(8080)).await.unwrap();
            asked += 1;
        }
        assert_eq!(total(&node).await, asked);
        // The successor cannot start, and the one that serves counts on.
        let thief = tokio::net::TcpListener::bind(node.vip(9090)).await.unwrap();
        let before = node.graph.clone();
        node.listener(9090);
        node.apply().await.unwrap_err();
        get(node.vip(8080)).await.unwrap();
        asked += 1;
        assert_eq!(total(&node).await, asked, "after a start that failed");
        drop(thief);
        let generation = node.graph.generation;
        node.graph = before;
        node.graph.generation = generation;

        node.kill().await;
        assert_eq!(total(&node).await, asked, "with nobody there");
        node.apply().await.unwrap();
        assert_eq!(total(&node).await, asked, "with another one there");
    }
    node.close().await;
}

#[tokio::test]
async fn whoever_counts_from_0_again_says_so() {
    let mut node = Node::new("127.77.3.7");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let listener = node.graph.listeners[0].id;
    let total = |seen: &Observation| seen.traffic[&listener].total_connections;
    let mut earlier = None;
    for _ in 0..2 {
        node.apply().await.unwrap();
        get(node.vip(8080)).await.unwrap();
        let first = node.observe().await;
        assert_eq!(total(&first), 1);
        assert!(first.series.is_some() && first.series != earlier, "{:?}", first.series);
        // Neither another process, nor another life of the driver, nor a death begins anew.
        node.listener(8081);
        node.apply().await.unwrap();
        node.restart();
        let second = node.observe().await;
        assert_eq!((total(&second), second.series), (1, first.series));
        node.kill().await;
        let dead = node.observe().await;
        assert_eq!((total(&dead), dead.series), (1, first.series));
        node.apply().await.unwrap();
        let third = node.observe().await;
        assert_eq!((total(&third), third.series), (1, first.series));
        node.graph.listeners.truncate(1);
        node.driver.remove(&node.site).await.unwrap();
        earlier = first.series;
    }
    node.close().await;
}

#[tokio::test]
async fn a_member_that_is_dead_to_http_leaves_in_time() {
    let mut node = Node::new("127.77.3.2");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let dead = std::net::TcpListener::bind((loopback(), 0)).unwrap();
    let address = dead.local_addr().unwrap();
    drop(dead);
    node.graph.member(pool, "127.0.0.1", i64::from(address.port()));
    let monitor = node.graph.monitor(pool, Probe::Http(http_probe()));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.rise = 1.try_into().unwrap();
    monitor.fall = 2.try_into().unwrap();
    let start = Instant::now();
    node.apply().await.unwrap();
    let id = node.graph.members[1].id;
    node.eventually("the dead member is down", |seen| seen.members[&id] == MemberHealth::Down)
        .await;
    // delay × (fall + 1) + timeout, and what a busy machine takes on top.
    assert!(start.elapsed() < Duration::from_secs(3 + 1 + 5), "{:?}", start.elapsed());
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    assert_eq!(node.observe().await.pools[&pool], PoolHealth::Up);
    node.close().await;
}

#[tokio::test]
async fn a_successor_knows_who_is_dead() {
    let mut node = Node::new("127.77.3.6");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let dead = std::net::TcpListener::bind((loopback(), 0)).unwrap().local_addr().unwrap();
    node.graph.member(pool, "127.0.0.1", i64::from(dead.port()));
    let monitor = node.graph.monitor(pool, Probe::Http(http_probe()));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    node.apply().await.unwrap();
    let (alive, dead) = (node.graph.members[0].id, node.graph.members[1].id);
    let as_probed = move |seen: &evenkeel_model::observed::Observation| {
        (seen.members[&alive], seen.members[&dead]) == (MemberHealth::Up, MemberHealth::Down)
    };
    node.eventually("one is up and the other is down", as_probed).await;
    // From now on nobody could find out within this test.
    node.graph.health_monitors[0].delay = 3_600.try_into().unwrap();
    for port in 8081..8083 {
        let pid = node.pid().await;
        // Before the pool, so that it is another one in the order of the file.
        node.listener(port);
        node.graph.listeners.rotate_right(1);
        node.graph.pools.rotate_right(1);
        node.graph.members[0].weight = (port - 8070).try_into().unwrap();
        node.apply().await.unwrap();
        assert_ne!(node.pid().await, pid);
        let seen = node.observe().await;
        assert!(as_probed(&seen), "{seen:?}");
        assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    }
    node.close().await;
}

/// How many probes the last member may fail until it is down.
async fn credit(node: &Node) -> u32 {
    let table = node.ask("show servers state").await;
    let mut lines = table.lines().filter(|line| line.contains(' '));
    let mut names = lines.next().unwrap().trim_start_matches("# ").split(' ');
    let at = names.position(|name| name == "srv_check_health").unwrap();
    lines.next_back().unwrap().split(' ').nth(at).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_successor_forgives_as_much_as_the_one_before() {
    let mut node = Node::new("127.77.3.10");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.member(pool, "two").await;
    let monitor = node.graph.monitor(pool, Probe::Http(http_probe()));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.rise = 1.try_into().unwrap();
    monitor.fall = 5.try_into().unwrap();
    node.apply().await.unwrap();
    let member = node.graph.members[1].id;
    node.eventually("it is up", |seen| seen.members[&member] == MemberHealth::Up).await;
    assert_eq!(credit(&node).await, 5);
    // From now on only the first is probed within this test.
    node.graph.health_monitors[0].delay = 3_600.try_into().unwrap();
    for port in 8081..8083 {
        let pid = node.pid().await;
        node.listener(port);
        node.apply().await.unwrap();
        assert_ne!(node.pid().await, pid);
        assert_eq!(credit(&node).await, 5, "it need not earn it again");
    }
    node.close().await;
}

#[tokio::test]
async fn without_a_monitor_a_dead_member_is_tried_and_trusted() {
    let mut node = Node::new("127.77.3.3");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let dead = std::net::TcpListener::bind((loopback(), 0)).unwrap().local_addr().unwrap();
    node.graph.member(pool, "127.0.0.1", i64::from(dead.port()));
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 2).await, each(&["one"], 2));
    let seen = node.observe().await;
    assert!(seen.members.values().all(|it| *it == MemberHealth::Unmonitored), "{seen:?}");

    let empty = node.listener(8081);
    node.apply().await.unwrap();
    assert_eq!(node.observe().await.pools[&empty], PoolHealth::Up);
    assert_eq!(get(node.vip(8081)).await.unwrap().0, 503);
    node.close().await;
}

#[tokio::test]
async fn members_answer_echo_requests_or_leave() {
    let mut node = Node::new("127.77.3.4");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let monitor = node.graph.monitor(pool, Probe::Ping);
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.rise = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    if !evenkeel_plumbing::echo::is_allowed() {
        // Without the right it is refused with the cure.
        let refused = node.apply().await.unwrap_err();
        assert!(refused.is_final() && refused.to_string().contains("ping_group_range"));
        return;
    }
    // Nobody answers at the end of the loopback's broadcast.
    node.graph.member(pool, "127.0.0.1", 9).monitor_address =
        Some("127.255.255.255".parse::<std::net::IpAddr>().unwrap().into());
    node.apply().await.unwrap();
    let (alive, dead) = (node.graph.members[0].id, node.graph.members[1].id);
    let as_probed = move |seen: &evenkeel_model::observed::Observation| {
        (seen.members[&alive], seen.members[&dead]) == (MemberHealth::Up, MemberHealth::Down)
    };
    node.eventually("one answers and the other does not", as_probed).await;
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));

    // A new process is told, and a new life of the driver finds out again.
    node.listener(8081);
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    node.restart();
    node.eventually("the new life knows", as_probed).await;
    node.close().await;
}

#[tokio::test]
async fn who_was_dead_to_echo_requests_is_used_again_without_them() {
    if !evenkeel_plumbing::echo::is_allowed() {
        return;
    }
    let mut node = Node::new("127.77.3.7");
    let pool = node.listener(8080);
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
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));

    let monitor = node.graph.health_monitors.pop();
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one", "two"], 2));
    assert_eq!(node.observe().await.members[&dead], MemberHealth::Unmonitored);

    // Nor does who was switched off by hand come back by it.
    node.graph.health_monitors.extend(monitor);
    node.apply().await.unwrap();
    node.eventually("one is dead", |seen| seen.members[&dead] == MemberHealth::Down).await;
    node.graph.health_monitors.pop();
    node.graph.members[1].admin_state_up = false;
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    assert_eq!(node.pid().await, pid, "none of these needs another process");
    node.close().await;
}
