//! Namespaces that have lost their names, as in a mishap of an operator.

use evenkeel_plug::names;

use crate::world::{Node, inside, ip, main_graph, on_a_node};

fn lose() {
    ip(&["netns", "delete", &names::namespace(main_graph().load_balancer.id)]);
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
