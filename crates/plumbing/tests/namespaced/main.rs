//! Namespaces and netlink against the real kernel, as root, in namespaces of the tests' own.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod packet;

use std::fs;
use std::io;
use std::net::IpAddr;

use evenkeel_model::Route;
use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::isolation::isolated;
use evenkeel_plumbing::netlink::route::MAIN;
use evenkeel_plumbing::netlink::{Link, MarkRule};
use evenkeel_plumbing::{Named, Namespace, Namespaces, Netlink, changes};

const MAC: MacAddress = MacAddress([0xfa, 0x16, 0x3e, 1, 2, 3]);

fn link(netlink: &Netlink, name: &str) -> Link {
    netlink.link(name).unwrap().unwrap_or_else(|| panic!("{name} is not there"))
}

fn route(destination: &str, next_hop: &str) -> Route {
    let next_hop: IpAddr = next_hop.parse().unwrap();
    Route { destination: destination.parse().unwrap(), next_hop }
}

#[test]
fn a_namespace_is_made_found_adopted_and_removed() {
    isolated(|| {
        let names = Namespaces::default();
        assert!(names.list("qlbaas-").unwrap().is_empty());
        let made = names.ensure("qlbaas-1", "evenkeel:1").unwrap();
        let inode = made.inode().unwrap();
        assert_eq!(names.ensure("qlbaas-1", "evenkeel:1").unwrap().inode().unwrap(), inode);
        let Named::Ours(found) = names.find("qlbaas-1", "evenkeel:1").unwrap() else {
            panic!("it is ours");
        };
        assert!(link(&found.netlink().unwrap(), "lo").is_up);
        assert_ne!(Namespace::current().unwrap().inode().unwrap(), inode);
        assert_eq!(
            names.list("qlbaas-").unwrap(),
            [("qlbaas-1".to_owned(), Some("evenkeel:1".to_owned()))]
        );
        names.remove("qlbaas-1", "evenkeel:1").unwrap();
        names.remove("qlbaas-1", "evenkeel:1").unwrap();
        assert!(names.list("qlbaas-").unwrap().is_empty());
        assert!(!names.path("qlbaas-1").exists());
    });
}

#[test]
fn many_who_make_namespaces_at_once_mount_their_directory_once() {
    isolated(|| {
        let names = Namespaces::default();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let names = &names;
                scope.spawn(move || names.ensure(&format!("n{number}"), "evenkeel:1").unwrap());
            }
        });
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let own = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/run/netns"));
        assert_eq!(own.count(), 1, "{mounts}");
        for number in 0..16 {
            let name = format!("n{number}");
            names.remove(&name, "evenkeel:1").unwrap();
            assert!(!names.path(&name).exists());
        }
    });
}

#[test]
fn a_strangers_namespace_is_refused_and_stays() {
    isolated(|| {
        let names = Namespaces::default();
        names.ensure("qlbaas-1", "evenkeel:2").unwrap();
        let refused = names.ensure("qlbaas-1", "evenkeel:1").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        names.remove("qlbaas-1", "evenkeel:1").unwrap();
        assert!(matches!(names.find("qlbaas-1", "evenkeel:1").unwrap(), Named::Strange));
        // A file that is no name is not ours to remove either.
        fs::write(names.path("qlbaas-2"), "notes").unwrap();
        names.remove("qlbaas-2", "evenkeel:2").unwrap();
        assert!(names.path("qlbaas-2").exists());
    });
}

#[test]
fn a_name_that_a_crash_left_empty_is_taken() {
    isolated(|| {
        let names = Namespaces::default();
        fs::create_dir_all(names.path("")).unwrap();
        fs::write(names.path("qlbaas-1"), "").unwrap();
        assert!(matches!(names.find("qlbaas-1", "evenkeel:1").unwrap(), Named::Absent));
        names.ensure("qlbaas-1", "evenkeel:1").unwrap();
        assert!(matches!(names.find("qlbaas-1", "evenkeel:1").unwrap(), Named::Ours(_)));
    });
}

#[test]
fn a_pair_of_devices_spans_two_namespaces() {
    isolated(|| {
        let (names, root) = (Namespaces::default(), Namespace::current().unwrap());
        let inside = names.ensure("a", "evenkeel:1").unwrap();
        let (near, far) = (inside.netlink().unwrap(), root.netlink().unwrap());
        near.add_veth("ns-1", MAC, "tap1", &root).unwrap();
        let taken = near.add_veth("ns-2", MAC, "tap1", &root).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(near.link("ns-2").unwrap(), None, "either both or none");
        let (ns, tap) = (link(&near, "ns-1"), link(&far, "tap1"));
        assert_eq!((ns.mac, ns.peer, tap.peer), (Some(MAC), Some(tap.index), Some(ns.index)));
        far.add_bridge("brq1").unwrap();
        let bridge = link(&far, "brq1");
        assert!(bridge.is_bridge);
        far.set_bridge(tap.index, bridge.index).unwrap();
        far.set_alias(bridge.index, "evenkeel:net").unwrap();
        near.set_mtu(ns.index, 1400).unwrap();
        assert_eq!(link(&far, "tap1").bridge, Some(bridge.index));
        assert_eq!(link(&far, "brq1").alias, "evenkeel:net");
        assert_eq!(link(&near, "ns-1").mtu, 1400);
        near.delete_link(ns.index).unwrap();
        near.delete_link(ns.index).unwrap();
        assert_eq!(far.link("tap1").unwrap(), None);
    });
}

#[test]
fn addresses_and_routes_are_kept_as_they_are_told() {
    isolated(|| {
        let (names, root) = (Namespaces::default(), Namespace::current().unwrap());
        let inside = names.ensure("a", "evenkeel:1").unwrap();
        let (near, far) = (inside.netlink().unwrap(), root.netlink().unwrap());
        near.add_veth("ns-1", MAC, "tap1", &root).unwrap();
        let ns = link(&near, "ns-1").index;
        near.set_up(ns).unwrap();
        far.set_up(link(&far, "tap1").index).unwrap();
        for net in ["2.2.2.20/24", "fd00::20/64"] {
            near.add_address(ns, net.parse().unwrap()).unwrap();
            near.add_address(ns, net.parse().unwrap()).unwrap();
        }
        let mut nets: Vec<String> = near
            .addresses(ns)
            .unwrap()
            .iter()
            .filter(|it| !it.is_link_local)
            .map(|it| it.net.to_string())
            .collect();
        nets.sort();
        assert_eq!(nets, ["2.2.2.20/24", "fd00::20/64"]);
        let mut routes = vec![
            route("0.0.0.0/0", "2.2.2.1"),
            route("10.0.0.0/8", "2.2.2.2"),
            route("::/0", "fd00::1"),
        ];
        for each in &routes {
            near.add_route(ns, MAIN, *each).unwrap();
            near.add_route(ns, MAIN, *each).unwrap();
        }
        let mut found = near.routes(ns, MAIN).unwrap();
        found.sort();
        routes.sort();
        assert_eq!(found, routes);
        near.delete_route(ns, MAIN, routes[0]).unwrap();
        near.delete_route(ns, MAIN, routes[0]).unwrap();
        assert_eq!(near.routes(ns, MAIN).unwrap().len(), 2);
        near.delete_address(ns, "2.2.2.20/24".parse().unwrap()).unwrap();
        near.delete_address(ns, "2.2.2.20/24".parse().unwrap()).unwrap();
        let rule = MarkRule { mark: 7, table: 107 };
        assert!(!near.has_mark_rule(rule).unwrap());
        near.add_mark_rule(rule).unwrap();
        near.add_mark_rule(rule).unwrap();
        assert!(near.has_mark_rule(rule).unwrap());
        assert!(changes() > 0);
    });
}
