//! Floating addresses, from a client outside to somebody who listens on the VIP.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use evenkeel_model::{FloatingAddress, LoadBalancerGraph};
use evenkeel_plug::{OvsOptions, names};
use evenkeel_plumbing::change::failpoint::{Break, set};
use evenkeel_plumbing::{Namespace, Namespaces, changes};

use crate::ear::Ear;
use crate::switch::{eventually, on_a_switch, tagged, vsctl};
use crate::world::{Node, graph, inside, on_a_node, route};

const BUSY: i32 = 16;
const MANY: u64 = 200;

/// A load balancer with a floating address, on a network without any way out.
fn floating(vip: &str, outside: &str, gateway: &str, all: &str) -> LoadBalancerGraph {
    let mut served = graph(1, 100, &[vip]);
    let mut outer = graph(9, 200, &[outside]).attachment.unwrap();
    outer.routes = vec![route(all, gateway)];
    let inside = served.attachment.as_ref().unwrap().addresses[0].addr();
    served.floating = vec![FloatingAddress { outside: outer, inside }];
    served
}

fn main_floating() -> LoadBalancerGraph {
    floating("2.2.2.20/24", "198.51.100.7/24", "198.51.100.1", "0.0.0.0/0")
}

/// Tells everybody on a port of the VIP who he is.
fn serve(served: &LoadBalancerGraph, vip: IpAddr) {
    let listener = inside(served).within(|| TcpListener::bind(SocketAddr::new(vip, 80))).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let from = stream.peer_addr().unwrap().ip().to_string();
            let _ = stream.write_all(from.as_bytes());
        }
    });
}

fn ask(client: &Namespace, server: &str, port: u16) -> std::io::Result<String> {
    let address = SocketAddr::new(server.parse().unwrap(), port);
    client.within(|| {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut heard = String::new();
        stream.read_to_string(&mut heard)?;
        Ok(heard)
    })
}

fn has_router(graph: &LoadBalancerGraph) -> bool {
    Namespaces::default().path(&names::router(graph.load_balancer.id)).exists()
}

async fn reaches(node: &Node, served: &LoadBalancerGraph, client: &LoadBalancerGraph) {
    node.ensure(client).await.unwrap();
    node.ensure(served).await.unwrap();
    assert!(node.is_ready(served).await);
    let vip = served.floating[0].inside;
    serve(served, vip);
    let outside = served.floating[0].outside.addresses[0].addr().to_string();
    let own = client.attachment.as_ref().unwrap().addresses[0].addr().to_string();
    let heard = ask(&inside(client), &outside, 80).unwrap();
    assert_eq!(heard, own, "the client's own address is seen");
}

#[test]
fn a_client_outside_reaches_the_vip_and_is_known_there() {
    on_a_node(async |node| {
        let (node, served) = (node.announcing(0), main_floating());
        reaches(&node, &served, &graph(8, 200, &["198.51.100.50/24"])).await;
        let before = changes();
        node.ensure(&served).await.unwrap();
        assert!(node.is_ready(&served).await);
        assert_eq!(changes(), before, "what is as it shall be is not touched");
    });
}

#[test]
fn a_client_of_ipv6_reaches_the_vip_as_well() {
    on_a_node(async |node| {
        let served = floating("2001:db8:2::20/64", "2001:db8:9::7/64", "2001:db8:9::1", "::/0");
        let node = node.announcing(0);
        reaches(&node, &served, &graph(8, 200, &["2001:db8:9::50/64"])).await;
    });
}

#[test]
fn a_client_outside_reaches_the_vip_through_a_switch() {
    on_a_switch(OvsOptions::default(), async |node, _switch| {
        let (mut served, client) = (main_floating(), tagged(8, 9, "198.51.100.50/24"));
        served.attachment.as_mut().unwrap().vlan = Some(7);
        served.floating[0].outside.vlan = Some(9);
        reaches(&node, &served, &client).await;
        node.remove(&served).await.unwrap();
        assert!(node.is_absent_beside(&served).await);
        assert_eq!(vsctl("list-ports br-int"), "tap00000008-00");
    });
}

#[test]
fn floating_addresses_are_announced_outside_only() {
    on_a_node(async |node| {
        let (node, served) = (node.announcing(1), main_floating());
        let ears = [(8, 200, "198.51.100.50/24"), (2, 100, "2.2.2.30/24")].map(async |ear| {
            let ear = graph(ear.0, ear.1, &[ear.2]);
            node.ensure(&ear).await.unwrap();
            Ear::of(&inside(&ear), ear.attachment.unwrap().mac)
        });
        let [outside, beside] = ears;
        let (outside, beside) = (outside.await, beside.await);
        node.ensure(&served).await.unwrap();
        let mac = served.floating[0].outside.mac;
        assert_eq!(outside.next(), ("198.51.100.7".parse().unwrap(), mac));
        assert_eq!(
            beside.next(),
            (served.floating[0].inside, served.attachment.as_ref().unwrap().mac)
        );
    });
}

#[test]
fn nothing_but_the_vip_is_reached_from_outside() {
    on_a_node(async |node| {
        let (node, served) = (node.announcing(0), main_floating());
        let neighbour = graph(2, 100, &["2.2.2.30/24"]);
        let mut client = graph(8, 200, &["198.51.100.50/24"]);
        client.attachment.as_mut().unwrap().routes = vec![route("2.2.2.0/24", "198.51.100.7")];
        node.ensure(&neighbour).await.unwrap();
        reaches(&node, &served, &client).await;
        serve(&neighbour, "2.2.2.30".parse().unwrap());
        for (hidden, port) in [("2.2.2.20", 80), ("2.2.2.30", 80), ("169.254.101.1", 80)] {
            assert!(ask(&inside(&client), hidden, port).is_err(), "{hidden}");
        }
        let refused = ask(&inside(&client), "198.51.100.7", 81).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "as the VIP itself does");
    });
}

#[test]
fn what_somebody_did_to_the_router_is_seen_and_repaired() {
    on_a_node(async |node| {
        let (node, served) = (node.announcing(0), main_floating());
        let client = graph(8, 200, &["198.51.100.50/24"]);
        reaches(&node, &served, &client).await;
        let (names, id) = (Namespaces::default(), served.load_balancer.id);
        // A change that concerns nothing of ours is looked at, and left alone.
        evenkeel_plumbing::nft::replace(&inside(&served), "others", "").await.unwrap();
        assert!(node.is_ready(&served).await);
        for damage in ["rules of the router", "rules of the VIP", "pair", "router"] {
            let at = Namespace::at(&names.path(&names::router(id))).unwrap();
            let netlink = at.netlink().unwrap();
            match damage {
                "rules of the router" => {
                    evenkeel_plumbing::nft::replace(&at, "evenkeel", "").await.unwrap();
                }
                "rules of the VIP" => {
                    evenkeel_plumbing::nft::delete(&inside(&served), "evenkeel").await.unwrap();
                }
                "pair" => {
                    let link = netlink.link("to-vip").unwrap().unwrap();
                    netlink.delete_link(link.index).unwrap();
                }
                _ => names.remove(&names::router(id), &names::mark(id)).unwrap(),
            }
            drop((at, netlink));
            assert!(!node.is_ready(&served).await, "{damage} is seen");
            node.ensure(&served).await.unwrap();
            assert!(node.is_ready(&served).await, "{damage} is repaired");
            eventually(damage, async || ask(&inside(&client), "198.51.100.7", 80).is_ok()).await;
        }
    });
}

#[test]
fn a_floating_address_that_goes_takes_its_router_along() {
    on_a_node(async |node| {
        let (node, mut served) = (node.announcing(0), main_floating());
        node.ensure(&served).await.unwrap();
        assert!(has_router(&served));
        let mut more = served.floating[0].clone();
        more.outside.port = graph(10, 200, &["198.51.100.8/24"]).attachment.unwrap().port;
        more.outside.addresses = vec!["198.51.100.8/24".parse().unwrap()];
        served.floating.push(more);
        assert!(!node.is_ready(&served).await);
        node.ensure(&served).await.unwrap();
        assert!(node.is_ready(&served).await, "two on one network");
        served.floating.clear();
        assert!(!node.is_ready(&served).await);
        node.ensure(&served).await.unwrap();
        assert!(node.is_ready(&served).await);
        assert!(!has_router(&served));
        assert_eq!(node.devices(), ["brq00000064-00", "tap00000001-00"]);
        let links = inside(&served).netlink().unwrap().links().unwrap();
        assert_eq!(links.len(), 2, "loopback and the VIP's: {links:?}");
    });
}

#[test]
fn what_a_router_cannot_do_is_refused() {
    on_a_node(async |node| {
        let served = main_floating();
        let mut elsewhere = served.clone();
        let other = graph(10, 300, &["203.0.113.8/24"]).attachment.unwrap();
        elsewhere.floating.push(FloatingAddress { outside: other, ..served.floating[0].clone() });
        let mut mixed = served.clone();
        mixed.floating[0].inside = "2001:db8::20".parse().unwrap();
        for (odd, why) in [(elsewhere, "one external network"), (mixed, "same IP version")] {
            let refused = node.ensure(&odd).await.unwrap_err();
            assert!(refused.is_final() && refused.to_string().contains(why), "{refused}");
            assert!(!has_router(&odd));
        }
    });
}

#[test]
fn a_strangers_router_is_refused_and_stays() {
    on_a_node(async |node| {
        let served = main_floating();
        let name = names::router(served.load_balancer.id);
        Namespaces::default().ensure(&name, "neutron's").unwrap();
        let refused = node.ensure(&served).await.unwrap_err().to_string();
        assert!(refused.contains("made by somebody else"), "{refused}");
        node.remove(&served).await.unwrap();
        assert!(Namespaces::default().path(&name).exists());
    });
}

#[test]
fn a_router_that_fails_anywhere_is_finished_and_removed_by_the_next() {
    on_a_node(async |node| {
        let (node, served) = (node.announcing(0).asking(Duration::ZERO), main_floating());
        let mut plain = served.clone();
        plain.floating.clear();
        node.ensure(&plain).await.unwrap();
        for step in 1..MANY {
            set(Some((Break::Fail(BUSY), changes() + step)));
            let first = node.ensure(&served).await;
            set(None);
            // Half of the broken ones are removed as they are.
            if first.is_ok() || step % 2 == 0 {
                node.ensure(&served).await.unwrap();
                assert!(node.is_ready(&served).await, "broken in change {step}");
            }
            set(Some((Break::Fail(BUSY), changes() + step)));
            let _ = node.ensure(&plain).await;
            set(None);
            node.ensure(&plain).await.unwrap();
            assert!(node.is_ready(&plain).await, "broken in change {step}");
            assert_eq!(node.devices(), ["brq00000064-00", "tap00000001-00"], "change {step}");
            assert!(!has_router(&served), "broken in change {step}");
            if first.is_ok() {
                assert!(step > 30, "{step}");
                node.ensure(&served).await.unwrap();
                node.remove(&served).await.unwrap();
                assert!(node.is_absent(&served).await);
                assert!(node.devices().is_empty(), "{:?}", node.devices());
                return;
            }
        }
        panic!("it never succeeds");
    });
}
