//! VIPs on bridges.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::changes;
use evenkeel_plumbing::netlink::route::MAIN;

use crate::world::{device, graph, inside, main_graph, on_a_node, route};

#[test]
fn a_vip_is_plugged_as_its_attachment_says() {
    on_a_node(async |node| {
        let graph = main_graph();
        let site = node.ensure(&graph).await.unwrap();
        let path = site.namespace.unwrap();
        assert_eq!(path.to_str().unwrap(), format!("/run/netns/qlbaas-{}", graph.load_balancer.id));
        let (netlink, link) = device(&graph);
        assert_eq!(link.mac, Some(MacAddress([0xfa, 0x16, 0x3e, 0, 0, 1])));
        assert!(link.is_up && link.mtu == 1450, "{link:?}");
        let addresses = netlink.addresses(link.index).unwrap();
        let mut global =
            addresses.iter().filter(|it| !it.is_link_local).map(|it| it.net.to_string());
        assert_eq!(global.next().unwrap(), "2.2.2.20/24");
        assert_eq!(global.next(), None);
        let routes = netlink.routes(link.index, MAIN).unwrap();
        assert_eq!(routes.len(), 2, "{routes:?}");
        assert!(routes.contains(&route("0.0.0.0/0", "2.2.2.1")));
        assert_eq!(node.devices(), ["brq00000064-00", "tap00000001-00"]);
        assert!(node.is_ready(&graph).await);
        node.remove(&graph).await.unwrap();
        node.remove(&graph).await.unwrap();
        assert!(node.is_absent(&graph).await);
        assert!(node.devices().is_empty(), "{:?}", node.devices());
    });
}

#[test]
fn what_is_as_it_shall_be_is_not_touched() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        let before = changes();
        assert!(node.is_ready(&graph).await);
        node.ensure(&graph).await.unwrap();
        assert_eq!(changes(), before);
    });
}

#[test]
fn what_somebody_changed_is_seen_and_repaired() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        let (netlink, link) = device(&graph);
        let tap = || node.root.link("tap00000001-00").unwrap().unwrap();
        let index = link.index;
        let damages: [(&str, &dyn Fn()); 7] = [
            ("route", &|| {
                netlink.delete_route(index, MAIN, route("0.0.0.0/0", "2.2.2.1")).unwrap();
            }),
            ("stray route", &|| {
                netlink.add_route(index, MAIN, route("9.0.0.0/8", "2.2.2.9")).unwrap();
            }),
            ("address", &|| netlink.delete_address(index, "2.2.2.20/24".parse().unwrap()).unwrap()),
            ("stray address", &|| {
                netlink.add_address(index, "2.2.2.66/24".parse().unwrap()).unwrap();
            }),
            ("mtu", &|| netlink.set_mtu(index, 1300).unwrap()),
            ("mac", &|| netlink.set_mac(index, MacAddress([2, 0, 0, 0, 0, 9])).unwrap()),
            ("device", &|| node.root.delete_link(tap().index).unwrap()),
        ];
        for (what, damage) in damages {
            damage();
            assert!(!node.is_ready(&graph).await, "{what} is seen");
            node.ensure(&graph).await.unwrap();
            assert!(node.is_ready(&graph).await, "{what} is repaired");
        }
    });
}

#[test]
fn a_changed_attachment_is_followed() {
    on_a_node(async |node| {
        let mut graph = main_graph();
        node.ensure(&graph).await.unwrap();
        let attachment = graph.attachment.as_mut().unwrap();
        attachment.mtu = 1400;
        attachment.addresses.push("2001:db8::20/64".parse().unwrap());
        attachment.routes = vec![route("0.0.0.0/0", "2.2.2.254"), route("::/0", "2001:db8::1")];
        assert!(!node.is_ready(&graph).await);
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
    });
}

#[test]
fn networks_are_apart_and_tenants_may_use_the_same_addresses() {
    on_a_node(async |node| {
        let (one, two) = (graph(1, 100, &["2.2.2.20/24"]), graph(2, 200, &["2.2.2.20/24"]));
        let (near, far) = (graph(3, 100, &["2.2.2.30/24"]), graph(4, 200, &["2.2.2.40/24"]));
        for graph in [&one, &two, &near, &far] {
            node.ensure(graph).await.unwrap();
        }
        assert_eq!(node.list().await.len(), 4);
        for (server, says) in [(&one, "one"), (&two, "two")] {
            let listener = inside(server).within(|| TcpListener::bind("2.2.2.20:80")).unwrap();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let _ = stream.unwrap().write_all(says.as_bytes());
                }
            });
        }
        let heard = |client| {
            inside(client)
                .within(|| {
                    let mut heard = String::new();
                    TcpStream::connect("2.2.2.20:80")?.read_to_string(&mut heard)?;
                    Ok(heard)
                })
                .unwrap()
        };
        assert_eq!((heard(&near).as_str(), heard(&far).as_str()), ("one", "two"));
        node.remove(&one).await.unwrap();
        assert!(node.devices().contains(&"brq00000064-00".to_owned()), "it has a port yet");
        node.remove(&near).await.unwrap();
        assert!(!node.devices().contains(&"brq00000064-00".to_owned()));
    });
}

#[test]
fn an_ipv6_address_that_somebody_has_is_refused() {
    on_a_node(async |node| {
        let first = graph(1, 100, &["2001:db8::20/64"]);
        node.ensure(&first).await.unwrap();
        let second = graph(2, 100, &["2001:db8::20/64"]);
        let refused = node.ensure(&second).await.unwrap_err().to_string();
        assert!(refused.contains("2001:db8::20 is used by somebody else"), "{refused}");
        assert!(!node.is_ready(&second).await);
        node.remove(&first).await.unwrap();
        node.ensure(&second).await.unwrap();
        assert!(node.is_ready(&second).await, "it heals by itself");
    });
}
