//! Namespaces that have lost their names, as in a mishap of an operator.

use std::io;
use std::process::Command;

use evenkeel_plug::names;
use evenkeel_plumbing::{Identity, Namespaces};

use crate::world::{Node, inside, ip, main_graph, on_a_node};

fn lose() {
    ip(&["netns", "delete", &names::namespace(main_graph().load_balancer.id)]);
}

#[expect(clippy::disallowed_methods, reason = "nobody's, as after a loss of all notes")]
fn idler() -> io::Result<Identity> {
    let child = Command::new("tail").args(["-f", "/dev/null"]).spawn()?;
    Identity::of(child.id()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

async fn nothing_is_left(node: &Node) {
    assert!(node.is_absent(&main_graph()).await);
    assert!(node.devices().is_empty(), "{:?}", node.devices());
}

#[test]
fn a_lost_namespace_that_somebody_holds_is_replaced() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        // As a proxy in it would.
        let held = inside(&graph);
        lose();
        assert!(!node.is_ready(&graph).await);
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
        let devices = held.netlink().unwrap().links().unwrap();
        assert_eq!(devices.len(), 1, "but loopback: {devices:?}");
        node.remove(&graph).await.unwrap();
        nothing_is_left(&node).await;
    });
}

#[test]
fn a_lost_namespace_that_somebody_holds_is_found_and_removed() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        let held = inside(&graph);
        lose();
        assert_eq!(node.list().await, [graph.load_balancer.id]);
        assert!(!node.is_absent(&graph).await);
        node.remove(&graph).await.unwrap();
        nothing_is_left(&node).await;
        assert_eq!(held.netlink().unwrap().links().unwrap().len(), 1);
    });
}

#[test]
fn the_bridge_of_a_lost_namespace_is_removed() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        lose();
        assert!(!node.is_absent(&graph).await, "its tap or its bridge is there");
        node.remove(&graph).await.unwrap();
        nothing_is_left(&node).await;
    });
}

#[test]
fn a_process_whose_driver_has_forgotten_it_goes_with_its_namespace() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        let forgotten = inside(&graph).within(idler).unwrap();
        assert_eq!(Identity::of(forgotten.pid), Some(forgotten));
        node.remove(&graph).await.unwrap();
        assert_eq!(Identity::of(forgotten.pid), None);
        nothing_is_left(&node).await;
    });
}

#[test]
fn a_name_that_a_crash_left_is_found_and_removed() {
    on_a_node(async |node| {
        let id = main_graph().load_balancer.id;
        let path = Namespaces::default().path(&names::namespace(id));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(node.list().await, [id]);
        assert!(!node.is_absent(&main_graph()).await);
        node.remove(&main_graph()).await.unwrap();
        nothing_is_left(&node).await;
        assert!(!path.exists());
    });
}
