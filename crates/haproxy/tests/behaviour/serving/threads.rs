//! More than one thread: what a flavor gives a load balancer changes nothing that anybody sees.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use evenkeel_model::ListenerId;
use evenkeel_model::pool::Persistence;
use tokio::task::JoinSet;

use super::node::{Node, get};

/// So many requests, a few at a time, each on a connection of its own; who answered.
async fn ask(node: &Node, requests: usize) -> BTreeSet<String> {
    let socket = node.vip(8080);
    let mut clients = JoinSet::new();
    let mut seen = BTreeSet::new();
    for _ in 0..requests {
        clients.spawn(async move { get(socket).await.unwrap() });
        if clients.len() >= 16 {
            seen.extend(clients.join_next().await.map(|it| it.unwrap().1));
        }
    }
    seen.extend(clients.join_all().await.into_iter().map(|(_, body)| body));
    seen
}

async fn total(node: &Node, listener: ListenerId) -> (u64, u64) {
    let traffic = node.observe().await.traffic[&listener];
    (traffic.total_connections, traffic.active_connections)
}

#[tokio::test]
async fn with_many_threads_everything_is_counted_and_nobody_is_forgotten() {
    let mut node = Node::new("127.77.3.8");
    node.graph.load_balancer.allowance.threads = 4.try_into().unwrap();
    let pool = node.listener(8080);
    let counts = [node.member(pool, "one").await, node.member(pool, "two").await];
    node.apply().await.unwrap();
    let listener = node.graph.listeners[0].id;
    let first = node.pid().await;
    let threads = std::fs::read_dir(format!("/proc/{first}/task")).unwrap().count();
    assert_eq!(threads, 4);

    assert_eq!(ask(&node, 200).await, ["one", "two"].map(str::to_owned).into());
    assert_eq!(total(&node, listener).await, (200, 0));
    let answered: usize = counts.iter().map(|it| it.load(Ordering::Relaxed)).sum();
    assert_eq!(answered, 200);

    // A table that all threads share.
    node.graph.pools[0].persistence =
        Some(Persistence::SourceIp { timeout: None, granularity: None });
    node.apply().await.unwrap();
    let kept = ask(&node, 1).await;
    assert_eq!(ask(&node, 99).await, kept, "one client, one member");
    node.listener(8081);
    node.apply().await.unwrap();
    assert_ne!(node.pid().await, first);
    // A process as young as the one before does not teach its table yet: it is filled anew.
    let kept = ask(&node, 1).await;
    assert_eq!(ask(&node, 99).await, kept);
    assert_eq!(total(&node, listener).await, (400, 0));

    // The runtime socket speaks for all threads.
    let second = node.pid().await;
    let chosen = usize::from(kept.contains("two"));
    node.graph.members[chosen].admin_state_up = false;
    node.apply().await.unwrap();
    assert_eq!(node.pid().await, second);
    assert_eq!(ask(&node, 50).await.len(), 1);
    assert_ne!(ask(&node, 50).await, kept);
    assert_eq!(total(&node, listener).await, (500, 0));
    node.close().await;
}

#[tokio::test]
async fn all_listeners_together_take_no_more_than_the_flavor_lets_them() {
    let mut node = Node::new("127.77.3.9");
    node.graph.load_balancer.allowance.connections = 2.try_into().ok();
    let pools = [node.listener(8080), node.listener(8081)];
    for pool in pools {
        node.member(pool, "one").await;
    }
    node.apply().await.unwrap();
    let first = tokio::net::TcpStream::connect(node.vip(8080)).await.unwrap();
    let second = tokio::net::TcpStream::connect(node.vip(8081)).await.unwrap();
    let (one, two) = (node.graph.listeners[0].id, node.graph.listeners[1].id);
    node.eventually("both are taken", |seen| {
        seen.traffic[&one].active_connections + seen.traffic[&two].active_connections == 2
    })
    .await;
    // The third waits in the queue of the kernel until one of them leaves.
    let third = tokio::spawn(get(node.vip(8081)));
    for _ in 0..3 {
        let seen = node.observe().await;
        assert_eq!(seen.traffic[&two].total_connections, 1, "{seen:?}");
    }
    assert!(!third.is_finished());
    drop(first);
    assert_eq!(third.await.unwrap().unwrap(), (200, "one".to_owned()));
    drop(second);
    node.close().await;
}
