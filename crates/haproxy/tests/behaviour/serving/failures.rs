//! What goes wrong: the last good one serves on, and the reason names the cure.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use evenkeel_driver::{Driver, DriverError};
use evenkeel_model::observed::Served;
use evenkeel_plumbing::{Identity, Process};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::node::{Node, PATIENCE, get};

#[tokio::test]
async fn a_killed_haproxy_is_noticed_at_once_and_applied_again() {
    let mut node = Node::new("127.77.2.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    let ended = node.driver.ended(&node.site);
    let process = Process::adopt(Identity::of(pid).unwrap()).unwrap().unwrap();
    process.kill();
    timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(node.observe().await.served, Served::Remains);
    node.apply_again().await.unwrap();
    assert_ne!(node.pid().await, pid);
    assert_eq!(get(node.vip(8080)).await.unwrap().0, 200);
    node.close().await;
}

#[tokio::test]
async fn a_taken_port_is_named_and_the_others_serve_on() {
    let mut node = Node::new("127.77.2.2");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    let before = node.graph.clone();

    let thief = TcpListener::bind(node.vip(9090)).await.unwrap();
    let other = node.listener(9090);
    node.member(other, "two").await;
    let refused = node.apply().await.unwrap_err();
    assert!(!refused.is_final(), "{refused:?}");
    assert!(refused.to_string().contains("127.77.2.2:9090"), "{refused}");
    assert_eq!(get(node.vip(8080)).await.unwrap().1, "one");
    assert_eq!(node.observe().await.served, Served::Serving(before.generation));

    drop(thief);
    node.apply_again().await.unwrap();
    assert_eq!(get(node.vip(9090)).await.unwrap().1, "two");
    assert_ne!(node.pid().await, pid);
    node.close().await;
}

#[tokio::test]
async fn a_missing_haproxy_is_named_and_may_come_back() {
    let place = tempfile::tempdir().unwrap();
    let binary = place.path().join("haproxy");
    let mut node = Node::with_haproxy("127.77.2.3", &binary);
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    let missing = node.apply().await.unwrap_err();
    assert!(matches!(missing, DriverError::Unavailable { .. }), "{missing:?}");
    assert!(missing.to_string().contains("apt-get install haproxy"), "{missing}");

    symlink("/bin/false", &binary).unwrap();
    let broken = node.apply_again().await.unwrap_err();
    assert!(!broken.is_final(), "{broken:?}");

    std::fs::remove_file(&binary).unwrap();
    symlink("/usr/sbin/haproxy", &binary).unwrap();
    node.apply_again().await.unwrap();
    assert_eq!(get(node.vip(8080)).await.unwrap().0, 200);
    node.close().await;
}

/// A program in the place of HAProxy, which does `first` and then what HAProxy does.
fn program(place: &tempfile::TempDir, first: &str) -> PathBuf {
    let path = place.path().join("haproxy");
    let staged = place.path().join("staged");
    let text = format!("#!/bin/sh\n{first}\nexec /usr/sbin/haproxy \"$@\"\n");
    std::fs::write(&staged, text).unwrap();
    std::fs::set_permissions(&staged, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Replaced whole, since it may be running.
    std::fs::rename(&staged, &path).unwrap();
    path
}

#[tokio::test]
async fn a_successor_that_does_not_serve_leaves_the_last_good_one_alone() {
    let place = tempfile::tempdir().unwrap();
    let binary = program(&place, "");
    let mut node = Node::with_haproxy("127.77.2.6", &binary);
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let before = node.graph.generation;
    let pid = node.pid().await;
    let file = node.site.directory.join("haproxy.cfg");
    let text = std::fs::read(&file).unwrap();
    node.listener(8081);
    let refuses = "case $1 in -db) echo '[ALERT] (1) : config : parsing [../haproxy.cfg:3] : \
                   unknown keyword' >&2; exit 1;; esac";
    for (first, is_final) in [
        (refuses, true),
        ("case $1 in -db) exit 1;; esac", false),
        ("case $1 in -db) kill -SEGV $$;; esac", false),
    ] {
        program(&place, first);
        let error = node.apply().await.unwrap_err();
        assert_eq!(error.is_final(), is_final, "{first}: {error}");
        assert!(!error.to_string().contains('/'), "it tells a path: {error}");
        assert_eq!(node.observe().await.served, Served::Serving(before), "{first}");
        assert_eq!(get(node.vip(8080)).await.unwrap().1, "one", "{first}");
        assert_eq!(std::fs::read(&file).unwrap(), text, "{first}");
        node.eventually_at_most(1).await;
    }
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = node.apply().await.unwrap_err();
    assert!(!error.is_final() && error.to_string().contains("executable"), "{error}");

    program(&place, "");
    node.apply().await.unwrap();
    assert_ne!(node.pid().await, pid);
    node.close().await;
}

#[tokio::test]
async fn a_successor_that_hangs_is_not_waited_for_for_ever() {
    let place = tempfile::tempdir().unwrap();
    let mut node = Node::with_haproxy("127.77.2.7", &program(&place, ""));
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let before = node.graph.generation;
    program(&place, "case $1 in -db) exec sleep 60;; esac");
    node.listener(8081);
    let error = timeout(PATIENCE, node.apply()).await.unwrap().unwrap_err();
    assert!(!error.is_final(), "{error}");
    assert_eq!(node.observe().await.served, Served::Serving(before));
    assert_eq!(get(node.vip(8080)).await.unwrap().1, "one");
    node.eventually_at_most(1).await;
    node.close().await;
}

#[tokio::test]
async fn removing_twice_and_from_nothing_is_the_same() {
    let mut node = Node::new("127.77.2.4");
    node.driver.remove(&node.site).await.unwrap();
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    node.driver.remove(&node.site).await.unwrap();
    assert_eq!(Identity::of(pid), None);
    assert!(get(node.vip(8080)).await.is_err());
    node.close().await;
}

#[tokio::test]
async fn a_haproxy_that_hangs_is_replaced() {
    let mut node = Node::new("127.77.2.5");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    let mut stop = tokio::process::Command::new("kill");
    assert!(stop.args(["-STOP", &pid.to_string()]).status().await.unwrap().success());
    assert_eq!(node.observe().await.served, Served::Remains);
    node.apply_again().await.unwrap();
    assert_ne!(node.pid().await, pid);
    assert_eq!(get(node.vip(8080)).await.unwrap().0, 200);
    node.close().await;
}
