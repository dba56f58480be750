//! What HAProxies tell is in files, one event on one line, and never too much of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_haproxy::{HaproxyDriver, HaproxyOptions, LogOptions};
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

use super::node::{Node, PATIENCE, get, options};
use crate::world::Build;

/// A node whose HAProxy tells of requests, and where it does so.
struct Told {
    node: Node,
    place: TempDir,
}

impl Told {
    fn new(vip: &str, lines_per_second: u32) -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut node = Node::new(vip);
        node.driver = driver(place.path(), lines_per_second);
        Self { node, place }
    }

    fn file(&self) -> PathBuf {
        self.place.path().join(format!("logs/{}.log", self.node.graph.load_balancer.id))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }

    /// Waits until there is a line that has all of these in it.
    async fn eventually(&self, parts: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(Duration::from_millis(20));
        loop {
            rounds.tick().await;
            let text = self.text();
            let is_meant = |line: &&str| parts.iter().all(|part| line.contains(part));
            if let Some(line) = text.lines().find(is_meant) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "{parts:?} in {text}");
        }
    }
}

fn driver(place: &Path, lines_per_second: u32) -> HaproxyDriver {
    let usual = LogOptions::in_directory(place.join("logs"));
    let logs = LogOptions { requests: true, lines_per_second, burst: 10, ..usual };
    HaproxyDriver::new(HaproxyOptions { logs: Some(Arc::new(logs)), ..options() })
}

#[tokio::test]
async fn requests_and_members_are_told_of_by_their_ids() {
    let mut told = Told::new("127.77.31.1", 200);
    let pool = told.node.listener(8080);
    told.node.member(pool, "one").await;
    // Nobody listens there.
    let dead = told.node.graph.member(pool, "127.77.31.200", 9).id.to_string();
    let monitor = told.node.graph.monitor(pool, Probe::Tcp);
    monitor.delay = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    told.node.apply().await.unwrap();
    told.eventually(&[" alert ", &dead, "DOWN"]).await;
    let vip = told.node.vip(8080);
    assert_eq!(get(vip).await.unwrap().0, 200);
    let graph = &told.node.graph;
    let (listener, member) = (graph.listeners[0].id.to_string(), graph.members[0].id.to_string());
    let pool = pool.to_string();
    let parts = [&listener[..], &pool, &member, " info http ", "status=200", "path=/"];
    told.eventually(&parts).await;
    // Another life goes on in the same file, with the same HAProxy.
    let pid = told.node.pid().await;
    told.node.driver = driver(told.place.path(), 200);
    assert_eq!(told.node.pid().await, pid);
    let mut stream = TcpStream::connect(vip).await.unwrap();
    let request = b"GET /again\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let _ = stream.read(&mut [0; 1000]).await;
    told.eventually(&["status=400"]).await;
    assert!(!told.text().contains('\x1b'), "{}", told.text());
    assert_eq!(get(vip).await.unwrap().0, 200);
    told.node.close().await;
}

#[tokio::test]
async fn connections_without_requests_have_words_of_their_own() {
    let mut told = Told::new("127.77.31.4", 200);
    let graph = &mut told.node.graph;
    let pool = Build::pool(graph, PoolProtocol::Tcp).id;
    let listener = graph.listener(ListenerProtocol::Tcp, 8080);
    listener.default_pool = Some(pool);
    let listener = listener.id.to_string();
    told.node.member(pool, "one").await;
    told.node.apply().await.unwrap();
    let mut stream = TcpStream::connect(told.node.vip(8080)).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_ne!(stream.read(&mut [0; 1000]).await.unwrap(), 0);
    // A connection is told of when it has ended.
    drop(stream);
    let member = told.node.graph.members[0].id.to_string();
    let line = told.eventually(&[" info tcp ", &listener, &pool.to_string(), &member]).await;
    assert!(!line.contains("status="), "{line}");
    told.node.close().await;
}

#[tokio::test]
async fn what_is_too_much_is_counted() {
    let mut told = Told::new("127.77.31.2", 1);
    let pool = told.node.listener(8080);
    told.node.member(pool, "one").await;
    told.node.apply().await.unwrap();
    let vip = told.node.vip(8080);
    for _ in 0..200 {
        assert_eq!(get(vip).await.unwrap().0, 200);
    }
    told.eventually(&[" warning dropped ", " lines"]).await;
    assert!(told.text().lines().count() < 100, "{}", told.text());
    told.node.close().await;
}

#[tokio::test]
async fn what_is_told_or_not_is_made_so() {
    let mut told = Told::new("127.77.31.3", 200);
    told.node.listener(8080);
    told.node.apply().await.unwrap();
    let pid = told.node.pid().await;
    told.node.restart();
    told.node.apply_again().await.unwrap();
    assert_ne!(told.node.pid().await, pid);
    assert_eq!(get(told.node.vip(8080)).await.unwrap().0, 503);
    told.node.close().await;
}
