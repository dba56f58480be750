//! VIPs on bridges.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::netlink::route::MAIN;
use evenkeel_plumbing::{changes, sysctl};

use crate::world::{device, graph, inside, ip, main_graph, on_a_node, route};

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
        assert!(routes.contains(&route("10.9.0.0/16", "2.2.2.2")), "the host route");
        assert!(netlink.link("lo").unwrap().unwrap().is_up);
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
fn what_an_operator_changed_is_seen_and_repaired() {
    on_a_node(async |node| {
        let mut graph = graph(1, 100, &["2.2.2.20/24", "2001:db8::20/64"]);
        graph.attachment.as_mut().unwrap().routes = vec![route("0.0.0.0/0", "2.2.2.1")];
        node.ensure(&graph).await.unwrap();
        let namespace = format!("qlbaas-{}", graph.load_balancer.id);
        let (device, tap, bridge) = ("ns-00000001-00", "tap00000001-00", "brq00000064-00");
        ip(&["link", "add", "other", "type", "bridge"]);
        let inside = [
            format!("route add 9.0.0.0/8 via 2.2.2.9 dev {device}"),
            format!("route add 9.0.0.0/8 via 2.2.2.9 dev {device} metric 100"),
            format!("route replace default dev {device}"),
            format!("-6 route add 2001:db8:9::/48 via 2001:db8::9 dev {device}"),
            format!("-6 route add 2001:db8:9::/48 dev {device}"),
            format!("-6 route add 2001:db8:9::/48 via 2001:db8::9 dev {device} metric 7"),
            format!("address add 2001:db8::66/64 dev {device} nodad"),
            format!("address add 3.3.3.3/32 dev {device}"),
            format!("address flush dev {device} scope global"),
            format!("link set {device} down"),
            format!("link delete {device}"),
            "link set lo down".to_owned(),
        ];
        let inside = inside.map(|words| format!("-n {namespace} {words}"));
        let outside = [
            format!("link set {tap} down"),
            format!("link set {tap} mtu 1300"),
            format!("link set {tap} nomaster"),
            format!("link set {tap} master other"),
            format!("link set {bridge} down"),
            format!("link delete {bridge}"),
            format!("netns delete {namespace}"),
        ];
        for words in inside.iter().chain(&outside) {
            ip(&words.split(' ').collect::<Vec<_>>());
            assert!(!node.is_ready(&graph).await, "{words} is seen");
            node.ensure(&graph).await.unwrap();
            assert!(node.is_ready(&graph).await, "{words} is repaired");
        }
    });
}

#[test]
fn settings_that_somebody_changed_are_seen_and_repaired() {
    on_a_node(async |node| {
        let graph = main_graph();
        node.ensure(&graph).await.unwrap();
        for setting in [
            ("ipv4/conf/all/promote_secondaries", "0"),
            ("ipv4/conf/all/send_redirects", "1"),
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/conf/ns-00000001-00/proxy_arp", "1"),
            ("ipv4/conf/ns-00000001-00/accept_redirects", "1"),
            ("ipv6/conf/ns-00000001-00/accept_ra", "1"),
        ] {
            inside(&graph).within(|| sysctl::ensure(&[setting])).unwrap();
            assert!(!node.is_ready(&graph).await, "{setting:?} is seen");
            node.ensure(&graph).await.unwrap();
            assert!(node.is_ready(&graph).await, "{setting:?} is repaired");
        }
    });
}

#[test]
fn a_vip_forwards_nothing_even_on_a_node_that_is_a_router() {
    on_a_node(async |node| {
        let routing = [("ipv4/ip_forward", "1"), ("ipv4/conf/all/proxy_arp", "1")];
        sysctl::ensure(&routing).unwrap();
        node.ensure(&main_graph()).await.unwrap();
        for (name, _) in routing {
            let is_off = inside(&main_graph()).within(|| sysctl::is_set((name, "0")));
            assert!(is_off.unwrap(), "{name}");
        }
        assert!(node.is_ready(&main_graph()).await);
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
fn routes_are_taken_as_far_as_the_kernel_can_have_them() {
    on_a_node(async |node| {
        let mut graph = main_graph();
        graph.attachment.as_mut().unwrap().routes = vec![
            route("10.9.8.7/16", "2.2.2.2"),
            route("10.9.0.0/16", "2.2.2.3"),
            route("2.2.2.0/24", "2.2.2.2"),
            route("0.0.0.0/0", "2.2.2.1"),
        ];
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
        let (netlink, link) = device(&graph);
        let routes = netlink.routes(link.index, MAIN).unwrap();
        assert_eq!(routes.len(), 2, "{routes:?}");
        assert!(routes.contains(&route("10.9.0.0/16", "2.2.2.2")), "the first has it");
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
