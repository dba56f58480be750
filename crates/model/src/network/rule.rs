//! What networks and subnets must be, whoever makes them. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{MacAddress, Network, Subnet};
use crate::address::AddressRules;
use crate::{Route, Violation};

/// The VLANs that a network can have; 0 and 4095 are kept by IEEE 802.1Q.
pub const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// The smallest packet, in bytes, that a link must carry for IPv4 (RFC 791).
pub const MIN_MTU: u16 = 68;

/// The same for IPv6 (RFC 8200).
pub const MIN_MTU_V6: u16 = 1280;

/// How many host routes, or pools, a subnet can have.
pub const MOST: usize = 64;

impl Network {
    /// Whether the network can be so; `subnets` are those that it has.
    ///
    /// # Errors
    ///
    /// What cannot be, with what could.
    pub fn check(&self, subnets: &[Subnet]) -> Result<(), Violation> {
        let has_v6 = subnets.iter().any(|subnet| matches!(subnet.cidr, IpNet::V6(_)));
        let least = if has_v6 { MIN_MTU_V6 } else { MIN_MTU };
        if self.mtu < least {
            let family = if has_v6 { "IPv6" } else { "IPv4" };
            return refuse(format!("The MTU of a network with {family} is at least {least}."));
        }
        match self.vlan {
            Some(vlan) if !VLANS.contains(&vlan) => {
                refuse(format!("VLAN {vlan} is none; they are 1 to 4094."))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Subnet {
    /// Whether the subnet can be so, among the `others` of its network.
    ///
    /// # Errors
    ///
    /// What cannot be, with what could.
    pub fn check(&self, others: &[Self], rules: &AddressRules) -> Result<(), Violation> {
        self.check_cidr(rules)?;
        let overlaps = |it: &&Self| {
            it.id != self.id && (it.cidr.contains(&self.cidr) || self.cidr.contains(&it.cidr))
        };
        if let Some(other) = others.iter().find(overlaps) {
            return refuse(format!(
                "{} overlaps {} of subnet {}; choose another CIDR.",
                self.cidr, other.cidr, other.id
            ));
        }
        if let Some(gateway) = self.gateway {
            self.check_neighbour(gateway, "gateway")?;
        }
        self.check_routes()?;
        self.check_connected(others)?;
        self.check_pools()
    }

    fn check_cidr(&self, rules: &AddressRules) -> Result<(), Violation> {
        let cidr = self.cidr;
        if cidr.prefix_len() == 0 {
            return refuse(format!("A subnet cannot be {cidr}, which is everybody."));
        }
        // What the operator keeps for himself lies within subnets; it is stepped over there.
        let rules = AddressRules { reserved: Vec::new(), ..rules.clone() };
        // A subnet is judged by both ends: it may begin before what is forbidden.
        for end in [cidr.network(), cidr.broadcast()] {
            if let Err(forbidden) = rules.check(end) {
                return refuse(format!("A subnet cannot be {cidr}: {forbidden}."));
            }
        }
        Ok(())
    }

    /// Whether `address` is one that a port of this subnet reaches without help.
    fn check_neighbour(&self, address: IpAddr, what: &str) -> Result<(), Violation> {
        let cidr = self.cidr;
        if !cidr.contains(&address) {
            return refuse(format!("The {what} {address} is not within {cidr}."));
        }
        let is_wide = cidr.max_prefix_len() - cidr.prefix_len() > 1;
        let is_end = address == cidr.network()
            || (matches!(cidr, IpNet::V4(_)) && address == cidr.broadcast());
        if is_wide && is_end {
            return refuse(format!("The {what} {address} is nobody's address within {cidr}."));
        }
        Ok(())
    }

    fn check_routes(&self) -> Result<(), Violation> {
        at_most(self.host_routes.len(), "host routes")?;
        for (at, Route { destination, next_hop }) in self.host_routes.iter().enumerate() {
            self.check_neighbour(*next_hop, "next hop")?;
            if destination.addr().is_ipv4() != next_hop.is_ipv4() {
                return refuse(format!("{destination} cannot be reached through {next_hop}."));
            }
            if *destination == self.cidr {
                return refuse(format!("{destination} is the subnet itself; it needs no route."));
            }
            if self.host_routes[..at].iter().any(|it| it.destination == *destination) {
                return refuse(format!("There is more than one route to {destination}."));
            }
        }
        Ok(())
    }

    /// Whether no host route leads to a subnet of the same network: a port in both is connected to
    /// it already, and a node cannot have two ways there.
    fn check_connected(&self, others: &[Self]) -> Result<(), Violation> {
        let connected = |one: &Self, other: &Self| {
            one.host_routes.iter().any(|route| route.destination == other.cidr)
        };
        let clash = |it: &&Self| it.id != self.id && (connected(self, it) || connected(it, self));
        match others.iter().find(clash) {
            None => Ok(()),
            Some(other) => refuse(format!(
                "{} and {} are subnets of one network; neither needs a route to the other.",
                self.cidr, other.cidr
            )),
        }
    }

    fn check_pools(&self) -> Result<(), Violation> {
        at_most(self.pools.len(), "allocation pools")?;
        for (at, (first, last)) in self.pools.iter().enumerate() {
            for end in [first, last] {
                self.check_neighbour(*end, "allocation pool's end")?;
            }
            if first > last {
                return refuse(format!(
                    "The allocation pool {first}-{last} ends before it begins."
                ));
            }
            let overlaps = |(other, until): &&(IpAddr, IpAddr)| other <= last && first <= until;
            if let Some((other, until)) = self.pools[..at].iter().find(overlaps) {
                return refuse(format!(
                    "The allocation pools {other}-{until} and {first}-{last} overlap."
                ));
            }
        }
        Ok(())
    }
}

impl MacAddress {
    /// Whether a port can have it: one device's, and not nobody's.
    ///
    /// # Errors
    ///
    /// It is that of a group, or zero.
    pub fn check(self) -> Result<(), Violation> {
        if self.0[0] & 1 == 1 || self.0 == [0; 6] {
            return refuse(format!("{self} is no hardware address of a single device."));
        }
        Ok(())
    }
}

fn at_most(number: usize, what: &str) -> Result<(), Violation> {
    if number > MOST { refuse(format!("A subnet has at most {MOST} {what}.")) } else { Ok(()) }
}

fn refuse<T>(text: String) -> Result<T, Violation> {
    Err(Violation::rule(text))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ProjectId;

    fn subnet(cidr: &str) -> Subnet {
        Subnet {
            id: Uuid::from_u128(1).into(),
            network: Uuid::nil().into(),
            name: String::new(),
            cidr: cidr.parse().unwrap(),
            gateway: None,
            host_routes: Vec::new(),
            pools: Vec::new(),
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn said(subnet: &Subnet) -> String {
        let said = subnet.check(&[], &AddressRules::default());
        said.map_or_else(|violation| violation.to_string(), |()| String::new())
    }

    #[test]
    fn subnets_are_of_addresses_that_hosts_can_have() {
        for fine in ["2.2.2.0/24", "10.0.0.0/8", "2001:db8::/64", "192.0.2.4/31", "192.0.2.4/32"] {
            assert_eq!(said(&subnet(fine)), "", "{fine}");
        }
        for bad in ["0.0.0.0/0", "::/0", "127.0.0.0/8", "224.0.0.0/8", "192.0.0.0/2", "ff02::/16"] {
            assert!(
                said(&subnet(bad)).contains("A subnet cannot be"),
                "{bad}: {}",
                said(&subnet(bad))
            );
        }
        for bad in ["169.254.0.0/16", "fe80::/64", "240.0.0.0/8", "0.1.0.0/16", "::1/128"] {
            assert!(said(&subnet(bad)).contains("A subnet cannot be"), "{bad}");
        }
        let laptop = AddressRules { loopback_allowed: true, reserved: Vec::new() };
        assert_eq!(subnet("127.7.0.0/16").check(&[], &laptop), Ok(()));
    }

    #[test]
    fn the_gateway_is_a_neighbour() {
        for (gateway, fine) in [
            ("2.2.2.1", true),
            ("2.2.3.1", false),
            ("2.2.2.0", false),
            ("2.2.2.255", false),
            ("::1", false),
        ] {
            let gateway = Some(address(gateway));
            let it = Subnet { gateway, ..subnet("2.2.2.0/24") };
            assert_eq!(said(&it).is_empty(), fine, "{gateway:?}");
        }
    }

    #[test]
    fn routes_go_through_neighbours_and_once_to_each() {
        let route =
            |to: &str, by: &str| Route { destination: to.parse().unwrap(), next_hop: address(by) };
        for (routes, fine) in [
            (vec![route("10.0.0.0/8", "2.2.2.2"), route("0.0.0.0/0", "2.2.2.3")], true),
            (vec![route("10.0.0.0/8", "2.2.3.2")], false),
            (vec![route("2001:db8::/32", "2.2.2.2")], false),
            (vec![route("2.2.2.0/24", "2.2.2.2")], false),
            (vec![route("10.0.0.0/8", "2.2.2.2"), route("10.0.0.0/8", "2.2.2.3")], false),
            ((0..=64).map(|it| route(&format!("10.{it}.0.0/16"), "2.2.2.2")).collect(), false),
        ] {
            let it = Subnet { host_routes: routes, ..subnet("2.2.2.0/24") };
            assert_eq!(said(&it).is_empty(), fine, "{it:?}");
        }
    }

    #[test]
    fn pools_lie_within_and_apart() {
        let pool = |first: &str, last: &str| (address(first), address(last));
        for (pools, fine) in [
            (vec![pool("2.2.2.10", "2.2.2.20"), pool("2.2.2.21", "2.2.2.21")], true),
            (vec![pool("2.2.2.10", "2.2.3.20")], false),
            (vec![pool("2.2.2.20", "2.2.2.10")], false),
            (vec![pool("2.2.2.10", "2.2.2.20"), pool("2.2.2.20", "2.2.2.30")], false),
            (vec![pool("2.2.2.0", "2.2.2.20")], false),
        ] {
            let it = Subnet { pools, ..subnet("2.2.2.0/24") };
            assert_eq!(said(&it).is_empty(), fine, "{it:?}");
        }
    }

    #[test]
    fn subnets_of_a_network_do_not_overlap_but_one_may_stay_as_it_is() {
        let mut other = subnet("2.2.0.0/16");
        let rules = AddressRules::default();
        assert_eq!(subnet("2.2.2.0/24").check(std::slice::from_ref(&other), &rules), Ok(()));
        other.id = Uuid::from_u128(2).into();
        let refused = subnet("2.2.2.0/24").check(&[other], &rules).unwrap_err();
        assert!(refused.to_string().contains("overlaps 2.2.0.0/16"), "{refused}");
    }

    #[test]
    fn subnets_of_a_network_need_no_routes_to_each_other() {
        let host_routes = vec![Route {
            destination: "3.3.3.0/24".parse().unwrap(),
            next_hop: address("2.2.2.2"),
        }];
        let one = Subnet { host_routes, ..subnet("2.2.2.0/24") };
        let other = Subnet { id: Uuid::from_u128(2).into(), ..subnet("3.3.3.0/24") };
        let rules = AddressRules::default();
        for (it, among) in [(&one, &other), (&other, &one)] {
            let refused = it.check(std::slice::from_ref(among), &rules).unwrap_err();
            assert!(refused.to_string().contains("neither needs a route"), "{refused}");
        }
    }

    #[test]
    fn the_mtu_suits_the_families_and_the_vlan_is_one() {
        let network = |mtu, vlan| Network {
            id: Uuid::nil().into(),
            name: String::new(),
            project: ProjectId::new("p").unwrap(),
            shared: false,
            mtu,
            vlan,
            is_external: false,
            allowed: Vec::new(),
        };
        let v6 = [subnet("2001:db8::/64")];
        assert_eq!(network(68, None).check(&[]), Ok(()));
        assert!(network(67, None).check(&[]).is_err());
        assert_eq!(network(1280, None).check(&v6), Ok(()));
        assert!(network(1279, None).check(&v6).is_err());
        for (vlan, fine) in [(0, false), (1, true), (4094, true), (4095, false)] {
            assert_eq!(network(1500, Some(vlan)).check(&[]).is_ok(), fine, "{vlan}");
        }
    }

    #[test]
    fn groups_and_nobody_are_no_hardware_addresses() {
        for (text, fine) in [
            ("fa:16:3e:00:00:01", true),
            ("01:00:5e:00:00:01", false),
            ("00:00:00:00:00:00", false),
        ] {
            assert_eq!(text.parse::<MacAddress>().unwrap().check().is_ok(), fine, "{text}");
        }
    }
}
