//! What each load balancer has for itself: a process, a file, sockets.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_driver::Driver;
use evenkeel_model::observed::Served;
use evenkeel_plumbing::isolation::isolated;
use tokio::runtime::Builder;

use super::node::{Node, answers, each, get};
use crate::confined::loopback_up;

/// A node whose HAProxy answers `name`.
async fn serving(vip: &str, name: &'static str) -> Node {
    let mut node = Node::new(vip);
    let pool = node.listener(8080);
    node.member(pool, name).await;
    node.apply().await.unwrap();
    node
}

/// The files that a process was told to read.
fn files_of(pid: u32) -> Vec<PathBuf> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let words: Vec<&str> = line.split('\0').collect();
    let told = words.windows(2).filter(|pair| pair[0] == "-f").map(|pair| pair[1]);
    let from = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    told.map(|file| from.join(file).canonicalize().unwrap()).collect()
}

#[tokio::test]
async fn each_load_balancer_has_a_process_and_a_file() {
    let one = serving("127.77.34.1", "one").await;
    let mut two = Node::new("127.77.34.2");
    let pool = two.listener(8080);
    two.member(pool, "two").await;
    two.graph.load_balancer.id = uuid::Uuid::from_u128(2).into();
    two.site.load_balancer = two.graph.load_balancer.id;
    // The same driver has both.
    one.driver.apply(&two.site, &two.graph, &two.material).await.unwrap();
    for (node, name) in [(&one, "one"), (&two, "two")] {
        assert_eq!(answers(node.vip(8080), 2).await, each(&[name], 2));
        let file = node.site.directory.join("haproxy.cfg").canonicalize().unwrap();
        assert_eq!(files_of(node.pid().await), [file]);
    }
    assert_ne!(one.pid().await, two.pid().await);

    one.kill().await;
    assert_eq!(one.observe().await.served, Served::Remains);
    assert!(get(one.vip(8080)).await.is_err());
    assert_eq!(answers(two.vip(8080), 2).await, each(&["two"], 2), "nobody else is concerned");
    one.close().await;
    two.close().await;
}

/// Where the distribution has a configuration for its own service.
const DISTRIBUTION: &str = "/etc/haproxy";

/// Puts nonsense where the distribution has its file, for this test alone.
#[expect(clippy::disallowed_methods, reason = "it runs to its end within the call")]
fn nonsense() -> (PathBuf, &'static str) {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "none", DISTRIBUTION]).status();
    assert!(mounted.unwrap().success(), "the package of HAProxy makes {DISTRIBUTION}");
    let (file, text) = (Path::new(DISTRIBUTION).join("haproxy.cfg"), "no word of HAProxy's\n");
    fs::write(&file, text).unwrap();
    (file, text)
}

#[test]
fn the_distributions_file_is_neither_read_nor_written() {
    isolated(|| {
        loopback_up();
        let (file, text) = nonsense();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut node = serving("127.77.34.3", "one").await;
            node.listener(8081);
            node.apply().await.unwrap();
            assert_eq!(answers(node.vip(8080), 2).await, each(&["one"], 2));
            node.close().await;
        });
        assert_eq!(fs::read_to_string(file).unwrap(), text);
        assert_eq!(fs::read_dir(DISTRIBUTION).unwrap().count(), 1);
    });
}

#[tokio::test]
async fn one_socket_steers_and_the_other_tells_and_both_are_the_owners_alone() {
    let node = serving("127.77.34.4", "one").await;
    let process = fs::metadata(format!("/proc/{}", node.pid().await)).unwrap();
    let server = format!("{}/{}", node.graph.pools[0].id, node.graph.members[0].id);
    for (socket, steers) in [("admin.sock", true), ("haproxy_stats.sock", false)] {
        let about = fs::metadata(node.site.directory.join(socket)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{socket}");
        assert_eq!(about.uid(), process.uid(), "{socket}");
        assert!(node.ask_at(socket, "show stat").await.contains(&server.replace('/', ",")));
        let refused = node.ask_at(socket, &format!("disable server {server}")).await;
        assert_eq!(refused.contains("Permission denied"), !steers, "{socket}: {refused}");
    }
    node.close().await;
}
