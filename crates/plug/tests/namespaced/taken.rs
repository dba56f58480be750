//! Addresses that somebody else has.

use crate::world::{device, graph, on_a_node, route};

#[test]
fn an_address_that_somebody_has_is_refused_with_his_name() {
    on_a_node(async |node| {
        let first = graph(1, 100, &["2.2.2.20/24"]);
        node.ensure(&first).await.unwrap();
        let second = graph(2, 100, &["2.2.2.20/24"]);
        let refused = node.ensure(&second).await.unwrap_err();
        assert!(!refused.is_final(), "it heals by itself");
        let refused = refused.to_string();
        assert!(refused.contains("2.2.2.20 is used by somebody else"), "{refused}");
        assert!(refused.contains("at fa:16:3e:00:00:01"), "{refused}");
        assert!(!node.is_ready(&second).await);
        let (netlink, link) = device(&second);
        assert!(netlink.addresses(link.index).unwrap().iter().all(|it| it.is_link_local));
        assert!(node.is_ready(&first).await);
        node.remove(&first).await.unwrap();
        node.ensure(&second).await.unwrap();
        assert!(node.is_ready(&second).await);
    });
}

#[test]
fn additional_vips_are_asked_for_as_well() {
    on_a_node(async |node| {
        node.ensure(&graph(1, 100, &["2.2.2.21/24"])).await.unwrap();
        let two = graph(2, 100, &["2.2.2.20/24", "2.2.2.21/24"]);
        let refused = node.ensure(&two).await.unwrap_err().to_string();
        assert!(refused.contains("2.2.2.21 is used by somebody else"), "{refused}");
    });
}

#[test]
fn who_has_an_address_keeps_it() {
    on_a_node(async |node| {
        let mut first = graph(1, 100, &["2.2.2.20/24"]);
        let second = graph(2, 100, &["2.2.2.30/24"]);
        node.ensure(&first).await.unwrap();
        node.ensure(&second).await.unwrap();
        // An intruder, who did not ask.
        let (netlink, link) = device(&second);
        netlink.add_address(link.index, "2.2.2.20/24".parse().unwrap()).unwrap();
        first.attachment.as_mut().unwrap().routes = vec![route("0.0.0.0/0", "2.2.2.1")];
        node.ensure(&first).await.unwrap();
        assert!(node.is_ready(&first).await);
    });
}
