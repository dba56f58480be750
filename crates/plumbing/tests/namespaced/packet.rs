//! Neighbours are asked and told on a real link, and believe it.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::isolation::isolated;
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::{Namespace, Namespaces, Netlink, Speaker};

use crate::{MAC, link};

const MOVED: MacAddress = MacAddress([0xfa, 0x16, 0x3e, 9, 9, 9]);
const VIP: Ipv4Addr = Ipv4Addr::new(2, 2, 2, 20);
const FREE: Ipv4Addr = Ipv4Addr::new(2, 2, 2, 21);
const PATIENCE: Duration = Duration::from_millis(50);

/// Two namespaces on one link.
struct Neighbours {
    here: Namespace,
    there: Namespace,
}

impl Neighbours {
    fn new() -> Self {
        let names = Namespaces::default();
        let here = names.ensure("here", "evenkeel:1").unwrap();
        let there = names.ensure("there", "evenkeel:2").unwrap();
        here.netlink().unwrap().add_veth("ns-1", MAC, "tap1", &there).unwrap();
        let neighbours = Self { here, there };
        for (netlink, device, host) in [
            (neighbours.here.netlink().unwrap(), "ns-1", 20),
            (neighbours.there.netlink().unwrap(), "tap1", 1),
        ] {
            let index = link(&netlink, device).index;
            for net in [format!("2.2.2.{host}/24"), format!("2001:db8::{host}/64")] {
                netlink.add_address(index, net.parse().unwrap()).unwrap();
            }
            netlink.set_up(index).unwrap();
        }
        neighbours
    }

    fn device(&self) -> (Netlink, Link) {
        let netlink = self.here.netlink().unwrap();
        let device = link(&netlink, "ns-1");
        (netlink, device)
    }

    fn speaker(&self) -> Speaker {
        Speaker::open(&self.here, &self.device().1).unwrap()
    }

    /// What the other side believes of an address here.
    #[expect(clippy::disallowed_methods, reason = "asked as an operator would ask")]
    fn believed(&self, address: IpAddr) -> String {
        let run = || Command::new("ip").args(["neigh", "show", &address.to_string()]).output();
        String::from_utf8(self.there.within(run).unwrap().stdout).unwrap()
    }

    /// Polls what the other side believes, which has been given a reason to ask, until it is `mac`.
    fn until_believed(&self, address: IpAddr, mac: MacAddress) {
        let wanted = format!("lladdr {mac}");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !self.believed(address).contains(&wanted) {
            let now = tokio::time::Instant::now();
            assert!(now < deadline, "{address} is not at {mac}: {}", self.believed(address));
        }
    }

    /// Has the other side find out where an address is.
    fn resolve(&self, address: IpAddr) {
        let send = || {
            let any: IpAddr = match address {
                IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
            };
            UdpSocket::bind(SocketAddr::new(any, 0))?.send_to(b"?", SocketAddr::new(address, 9))
        };
        self.there.within(send).unwrap();
    }
}

#[test]
fn an_address_that_a_neighbour_has_is_found_with_its_owner() {
    isolated(|| {
        let link_of_two = Neighbours::new();
        let device = link(&link_of_two.there.netlink().unwrap(), "tap1");
        let speaker = Speaker::open(&link_of_two.there, &device).unwrap();
        let found = speaker.rival(&[FREE, VIP], Duration::from_secs(10)).unwrap();
        assert_eq!(found, Some((VIP, MAC)));
        assert_eq!(speaker.rival(&[FREE], PATIENCE).unwrap(), None);
        assert_eq!(speaker.rival(&[], PATIENCE).unwrap(), None);
    });
}

#[test]
fn neighbours_believe_what_they_are_told() {
    isolated(|| {
        let link_of_two = Neighbours::new();
        for address in [IpAddr::from(VIP), "2001:db8::20".parse().unwrap()] {
            let (netlink, device) = link_of_two.device();
            netlink.set_mac(device.index, MAC).unwrap();
            // Duplicate address detection has to have ended.
            let settled = tokio::time::Instant::now() + Duration::from_secs(10);
            while netlink.addresses(device.index).unwrap().iter().any(|it| it.is_tentative) {
                assert!(tokio::time::Instant::now() < settled, "the addresses stay tentative");
            }
            link_of_two.resolve(address);
            link_of_two.until_believed(address, MAC);
            netlink.set_mac(device.index, MOVED).unwrap();
            link_of_two.speaker().announce(address).unwrap();
            link_of_two.until_believed(address, MOVED);
        }
    });
}

#[test]
fn a_device_that_is_switched_off_or_gone_says_so() {
    isolated(|| {
        let link_of_two = Neighbours::new();
        let speaker = link_of_two.speaker();
        let (netlink, device) = link_of_two.device();
        netlink.delete_link(device.index).unwrap();
        let gone = speaker.announce(VIP.into()).unwrap_err();
        assert!(gone.raw_os_error().is_some(), "{gone}");
        assert!(speaker.rival(&[VIP], PATIENCE).is_err());
        let loopback = link(&netlink, "lo");
        let bare = Link { mac: None, ..loopback };
        let refused = Speaker::open(&link_of_two.here, &bare).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    });
}
