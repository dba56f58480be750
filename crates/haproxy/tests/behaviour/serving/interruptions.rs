//! A life of the driver that ends, or is broken off, at any point of a start: the next one mends it.

use std::time::Duration;

use evenkeel_driver::Driver;
use evenkeel_model::observed::Served;
use evenkeel_plumbing::{Confinement, Lifetime, Program};
use tokio::time::timeout;

use super::node::{Node, PATIENCE, answers, each, get};

/// What the notes say of processes before anything was started, and in the middle of a start.
const NOBODY: &str = r#"{"serving":null,"draining":[],"starting":true}"#;

fn notes(node: &Node) -> std::path::PathBuf {
    node.site.directory.join("processes.json")
}

#[tokio::test]
async fn a_first_process_that_was_not_noted_is_adopted() {
    let mut node = Node::new("127.77.4.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    std::fs::write(notes(&node), NOBODY).unwrap();
    node.restart();
    assert_eq!(node.observe().await.served, Served::Remains);
    node.apply_again().await.unwrap();
    assert_eq!(node.pid().await, pid);
    node.eventually_at_most(1).await;
    node.close().await;
}

#[tokio::test]
async fn a_successor_that_was_not_noted_is_adopted() {
    let mut node = Node::new("127.77.4.2");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let before = std::fs::read_to_string(notes(&node)).unwrap();
    node.listener(8081);
    node.apply().await.unwrap();
    let pid = node.pid().await;
    let before = before.replace(r#""starting":false"#, r#""starting":true"#);
    std::fs::write(notes(&node), before).unwrap();
    node.restart();
    assert_eq!(node.observe().await.served, Served::Remains);
    node.apply_again().await.unwrap();
    assert_eq!(node.pid().await, pid);
    node.eventually_at_most(1).await;
    node.close().await;
}

#[tokio::test]
async fn a_process_that_has_not_begun_to_serve_is_ended_and_no_stranger_is() {
    let node = Node::new("127.77.4.3");
    std::fs::write(notes(&node), NOBODY).unwrap();
    std::fs::create_dir(node.site.directory.join("jail")).unwrap();
    let start = async |path: &str, arguments: &[&str]| {
        let program = Program {
            path: path.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            directory: node.site.directory.join("jail"),
            lifetime: Lifetime::WithParent,
            confinement: Confinement::default(),
        };
        program.start().await.unwrap()
    };
    // As far as anybody can see, this is a HAProxy of this site; the other is somebody at work.
    let ours = start("/bin/sh", &["-c", "kill -STOP $$", "-db", "-f", "../haproxy.cfg"]).await;
    let stranger = start("/bin/sleep", &["60"]).await;
    node.driver.remove(&node.site).await.unwrap();
    assert!(!ours.process.is_running());
    assert!(stranger.process.is_running());
    stranger.process.end(PATIENCE).await.unwrap();
    node.close().await;
}

#[tokio::test]
async fn wherever_a_start_is_broken_off_the_next_one_ends_well() {
    let mut node = Node::new("127.77.4.4");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    // Time stands for the point: a start takes some fifty milliseconds.
    for millis in (0..80).step_by(8) {
        node.graph.generation = node.graph.generation.next();
        let applying = node.apply_again();
        let _ = timeout(Duration::from_millis(millis), applying).await;
        if millis % 16 == 0 {
            node.restart();
        }
        node.apply().await.unwrap();
        assert_eq!(answers(node.vip(8080), 2).await, each(&["one"], 2), "after {millis} ms");
        node.eventually_at_most(1).await;
        node.driver.remove(&node.site).await.unwrap();
        node.eventually_at_most(0).await;
    }
    node.close().await;
}

#[tokio::test]
async fn wherever_a_reload_is_broken_off_somebody_serves() {
    let mut node = Node::new("127.77.4.5");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    for (port, millis) in (8081..).zip((0..160).step_by(20)) {
        node.listener(port);
        node.graph.generation = node.graph.generation.next();
        let applying = node.apply_again();
        let _ = timeout(Duration::from_millis(millis), applying).await;
        // Another life has not waited for the last reload.
        node.restart();
        assert_eq!(get(node.vip(8080)).await.unwrap().1, "one", "after {millis} ms");
        node.apply().await.unwrap();
        assert_eq!(get(node.vip(8080)).await.unwrap().1, "one", "after {millis} ms");
        node.eventually_at_most(1).await;
    }
    node.close().await;
}
