//! What somebody else has made is refused, and stays.

use evenkeel_driver::PlugError;
use evenkeel_model::NetworkId;
use evenkeel_model::network::MacAddress;
use evenkeel_plug::names;
use evenkeel_plumbing::{Namespace, Namespaces};
use uuid::Uuid;

use crate::world::{graph, main_graph, on_a_node};

fn complaint(error: &PlugError) -> String {
    assert!(!error.is_final(), "it goes on by itself when the stranger has gone");
    error.to_string()
}

#[test]
fn a_strangers_namespace_is_refused_until_it_goes() {
    on_a_node(async |node| {
        let graph = main_graph();
        let name = names::namespace(graph.load_balancer.id);
        let names = Namespaces::default();
        names.ensure(&name, "somebody else's").unwrap();
        let refused = complaint(&node.ensure(&graph).await.unwrap_err());
        assert!(refused.contains(&name) && refused.contains("somebody else"), "{refused}");
        node.read(&graph).await.unwrap_err();
        node.remove(&graph).await.unwrap();
        assert!(names.path(&name).exists());
        assert!(node.list().await.is_empty());
        names.remove(&name, "somebody else's").unwrap();
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
    });
}

#[test]
fn a_strangers_device_is_refused_until_it_goes() {
    on_a_node(async |node| {
        let graph = main_graph();
        let root = Namespace::current().unwrap();
        let mac = MacAddress([2, 0, 0, 0, 0, 9]);
        node.root.add_veth("theirs", mac, "tap00000001-00", &root).unwrap();
        let refused = complaint(&node.ensure(&graph).await.unwrap_err());
        assert!(refused.contains("tap00000001-00"), "{refused}");
        node.remove(&graph).await.unwrap();
        let theirs = node.root.link("theirs").unwrap().unwrap();
        node.root.delete_link(theirs.index).unwrap();
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
    });
}

#[test]
fn a_bridge_that_was_there_is_used_and_stays() {
    on_a_node(async |node| {
        node.root.add_bridge("brq00000064-00").unwrap();
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
        node.remove(&graph).await.unwrap();
        assert_eq!(node.devices(), ["brq00000064-00"]);
    });
}

#[test]
fn a_device_in_the_place_of_a_bridge_is_refused() {
    on_a_node(async |node| {
        let root = Namespace::current().unwrap();
        let mac = MacAddress([2, 0, 0, 0, 0, 9]);
        node.root.add_veth("brq00000064-00", mac, "theirs", &root).unwrap();
        let refused = complaint(&node.ensure(&main_graph()).await.unwrap_err());
        assert!(refused.contains("brq00000064-00"), "{refused}");
    });
}

#[test]
fn the_bridge_of_a_network_with_almost_the_same_id_is_refused() {
    on_a_node(async |node| {
        let one = main_graph();
        node.ensure(&one).await.unwrap();
        let mut two = graph(2, 100, &["2.2.2.30/24"]);
        let network = &mut two.attachment.as_mut().unwrap().network;
        *network = NetworkId::new(Uuid::from_u128(network.uuid().as_u128() + 1));
        let refused = complaint(&node.ensure(&two).await.unwrap_err());
        assert!(refused.contains("brq00000064-00"), "{refused}");
    });
}

#[test]
fn a_strangers_bridge_without_ports_stays() {
    on_a_node(async |node| {
        node.root.add_bridge("ekn-lab").unwrap();
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        node.remove(&graph).await.unwrap();
        assert_eq!(node.devices(), ["ekn-lab"]);
    });
}
