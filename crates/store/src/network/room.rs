//! Which addresses of a subnet may be handed out, and which is next. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evenkeel_model::address::AddressRules;
use evenkeel_model::network::Subnet;
use ipnet::IpNet;

/// An address as a number, comparable within its family.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// An address as text that sorts as the address does.
pub(super) fn sort_key(address: IpAddr) -> String {
    format!("{:032x}", number(address))
}

/// The number in a sort key; none if the text is no such key.
pub(super) fn number_of_key(key: &str) -> Option<u128> {
    u128::from_str_radix(key, 16).ok()
}

/// The addresses of a subnet that a port can have: not the subnet's own, not the broadcast
/// address, not the gateway, and none that the operator keeps for himself.
#[derive(Debug)]
pub(super) struct Room {
    is_v4: bool,
    first: u128,
    last: u128,
    /// First and last of each range within that is not for ports, in order.
    closed: Vec<(u128, u128)>,
}

impl Room {
    pub(super) fn of(subnet: &Subnet, rules: &AddressRules) -> Self {
        let (first, last) = usable(subnet.cidr);
        let gateway = subnet.gateway.filter(|gateway| subnet.cidr.contains(gateway));
        let reserved = rules.reserved.iter().filter(|net| is_v4(**net) == is_v4(subnet.cidr));
        let mut closed: Vec<(u128, u128)> = reserved
            .map(|net| (number(net.network()), number(net.broadcast())))
            .chain(gateway.map(|gateway| (number(gateway), number(gateway))))
            .chain(beyond(&subnet.pools, first, last))
            .collect();
        closed.sort_unstable();
        Self { is_v4: is_v4(subnet.cidr), first, last, closed }
    }

    /// The next address after the highest that is taken.
    pub(super) fn after(&self, highest: Option<u128>) -> Option<IpAddr> {
        let next = highest.map_or(Some(self.first), |highest| highest.checked_add(1))?;
        self.open_from(next.max(self.first))
    }

    /// The lowest address that is not among `taken`, which come in order.
    pub(super) fn first_gap(&self, taken: impl IntoIterator<Item = u128>) -> Option<IpAddr> {
        let mut candidate = self.open_from(self.first)?;
        for taken in taken {
            if taken > number(candidate) {
                break;
            }
            if taken == number(candidate) {
                candidate = self.open_from(taken.checked_add(1)?)?;
            }
        }
        Some(candidate)
    }

    /// Whether a port can have the address, other ports and the gateway left aside.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_v4 && (self.first..=self.last).contains(&number(address))
    }

    /// The lowest address from `number` on that is not closed.
    fn open_from(&self, mut number: u128) -> Option<IpAddr> {
        for (first, last) in &self.closed {
            if (*first..=*last).contains(&number) {
                number = last.checked_add(1)?;
            }
        }
        (number <= self.last).then(|| self.address(number))
    }

    fn address(&self, number: u128) -> IpAddr {
        if self.is_v4 {
            let bits = u32::try_from(number).expect("a number within an IPv4 subnet");
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(number))
        }
    }
}

/// What is between the pools, and on either side of them; nothing if there are none.
fn beyond(pools: &[(IpAddr, IpAddr)], first: u128, last: u128) -> Vec<(u128, u128)> {
    let mut pools: Vec<_> = pools.iter().map(|(from, to)| (number(*from), number(*to))).collect();
    pools.sort_unstable();
    let (mut closed, mut next) = (Vec::new(), first);
    for (from, to) in &pools {
        if *from > next {
            closed.push((next, from - 1));
        }
        next = next.max(to.saturating_add(1));
    }
    if !pools.is_empty() && next <= last {
        closed.push((next, last));
    }
    closed
}

fn is_v4(net: IpNet) -> bool {
    net.addr().is_ipv4()
}

/// First and last address that hosts can have.
fn usable(cidr: IpNet) -> (u128, u128) {
    let (first, last) = (number(cidr.network()), number(cidr.broadcast()));
    match cidr {
        // Point-to-point links and single addresses keep nothing back.
        _ if cidr.max_prefix_len() - cidr.prefix_len() <= 1 => (first, last),
        IpNet::V4(_) => (first + 1, last - 1),
        // The first address of an IPv6 subnet is that of its routers; there is no broadcast.
        IpNet::V6(_) => (first + 1, last),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn subnet(cidr: &str, gateway: Option<&str>) -> Subnet {
        Subnet {
            id: Uuid::nil().into(),
            network: Uuid::nil().into(),
            name: String::new(),
            cidr: cidr.parse().unwrap(),
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            host_routes: Vec::new(),
            pools: Vec::new(),
        }
    }

    fn room(cidr: &str, gateway: Option<&str>, reserved: &[&str]) -> Room {
        let subnet = subnet(cidr, gateway);
        let reserved = reserved.iter().map(|net| net.parse().unwrap()).collect();
        Room::of(&subnet, &AddressRules { loopback_allowed: false, reserved })
    }

    fn at(address: &str) -> u128 {
        number(address.parse().unwrap())
    }

    fn all(room: &Room) -> Vec<String> {
        let mut taken = Vec::new();
        while let Some(address) = room.after(taken.last().map(|last: &IpAddr| number(*last))) {
            taken.push(address);
        }
        taken.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn the_ends_and_the_gateway_are_not_for_ports() {
        assert_eq!(
            all(&room("192.0.2.0/29", Some("192.0.2.1"), &[])),
            ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]
        );
        assert_eq!(
            all(&room("192.0.2.0/29", Some("192.0.2.4"), &[])),
            ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.5", "192.0.2.6"]
        );
        assert_eq!(
            all(&room("2001:db8::/126", None, &[])),
            ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
        );
    }

    #[test]
    fn addresses_are_handed_out_from_the_pools_only() {
        let at = |text: &str| text.parse().unwrap();
        let mut subnet = subnet("192.0.2.0/28", Some("192.0.2.4"));
        subnet.pools = vec![(at("192.0.2.9"), at("192.0.2.9")), (at("192.0.2.3"), at("192.0.2.5"))];
        let room = Room::of(&subnet, &AddressRules::default());
        assert_eq!(all(&room), ["192.0.2.3", "192.0.2.5", "192.0.2.9"]);
        assert!(room.holds(at("192.0.2.7")), "who asks for another by name may have it");
    }

    #[test]
    fn tiny_subnets_keep_nothing_back() {
        assert_eq!(all(&room("192.0.2.4/31", None, &[])), ["192.0.2.4", "192.0.2.5"]);
        assert_eq!(all(&room("192.0.2.4/32", None, &[])), ["192.0.2.4"]);
        assert_eq!(all(&room("2001:db8::/128", None, &[])), ["2001:db8::"]);
    }

    #[test]
    fn the_operators_ranges_are_stepped_over_at_once() {
        let inside = room("2001:db8::/64", None, &["2001:db8::/65", "192.0.2.0/24"]);
        assert_eq!(inside.after(None).unwrap().to_string(), "2001:db8:0:0:8000::");
        let all_of_it = room("192.0.2.0/29", None, &["192.0.2.0/24"]);
        assert_eq!(all_of_it.after(None), None);
    }

    #[test]
    fn a_gap_is_found_when_the_top_is_reached() {
        let room = room("192.0.2.0/29", Some("192.0.2.1"), &[]);
        let taken = ["192.0.2.2", "192.0.2.3", "192.0.2.5", "192.0.2.6"].map(at);
        assert_eq!(room.after(taken.last().copied()), None);
        assert_eq!(room.first_gap(taken).unwrap().to_string(), "192.0.2.4");
        assert_eq!(room.first_gap([]).unwrap().to_string(), "192.0.2.2");
        let full = ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"].map(at);
        assert_eq!(room.first_gap(full), None);
    }

    #[test]
    fn keys_sort_as_addresses_do() {
        let key = |address: &str| sort_key(address.parse().unwrap());
        assert!(key("9.0.0.1") < key("10.0.0.1"));
        assert!(key("2001:db8::a") < key("2001:db8::10"));
        assert_eq!(number_of_key(&key("10.0.0.1")), Some(at("10.0.0.1")));
    }

    #[test]
    fn only_addresses_of_the_subnet_fit() {
        let room = room("192.0.2.0/29", Some("192.0.2.1"), &[]);
        for (address, fits) in [("192.0.2.2", true), ("192.0.2.0", false), ("192.0.2.7", false)] {
            assert_eq!(room.holds(address.parse().unwrap()), fits, "{address}");
        }
        assert!(!room.holds("::c000:202".parse().unwrap()));
    }
}
