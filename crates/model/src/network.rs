//! Networks of our own: where VIP addresses are leased from when there is no network service.

pub mod rule;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{FloatingId, NetworkId, PortId, ProjectId, Route, SubnetId};

/// A network that VIPs and members live in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// For people.
    pub name: String,
    /// Who owns it.
    pub project: ProjectId,
    /// Whether all projects may use it.
    pub shared: bool,
    /// The largest packet, in bytes.
    pub mtu: u16,
    /// What keeps it apart from others on a shared switch: 1 to 4094. No two networks have the same.
    pub vlan: Option<u16>,
    /// Whether it leads outside, so that floating addresses are taken from it.
    pub is_external: bool,
    /// Projects that may use it besides its owner; of an external network that has any, nobody else
    /// takes floating addresses.
    pub allowed: Vec<ProjectId>,
}

impl Network {
    /// Whether `project` may attach something to it, and sees it.
    pub fn is_open_to(&self, project: &ProjectId) -> bool {
        self.shared || self.project == *project || self.allowed.contains(project)
    }

    /// Whether `project` may take floating addresses from it, and sees it for that.
    pub fn floats_for(&self, project: &ProjectId) -> bool {
        self.is_external && (self.allowed.is_empty() || self.is_open_to(project))
    }
}

/// A subnet of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// The network it is part of.
    pub network: NetworkId,
    /// For people.
    pub name: String,
    /// Its addresses.
    pub cidr: IpNet,
    /// The way out, if there is one.
    pub gateway: Option<IpAddr>,
    /// The ways to others. A way to everybody counts only where there is no gateway.
    pub host_routes: Vec<Route>,
    /// First and last of the ranges that addresses are handed out from; all of it, if there are
    /// none.
    pub pools: Vec<(IpAddr, IpAddr)>,
}

impl Subnet {
    /// The way out of a subnet of which nobody says it: its first address, if it has room for one.
    pub fn usual_gateway(cidr: IpNet) -> Option<IpAddr> {
        let is_wide = cidr.max_prefix_len() - cidr.prefix_len() > 1;
        match cidr.network() {
            IpAddr::V4(first) if is_wide => Some(Ipv4Addr::from_bits(first.to_bits() + 1).into()),
            IpAddr::V6(first) if is_wide => Some(Ipv6Addr::from_bits(first.to_bits() + 1).into()),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    /// The ways that a port of this subnet takes: its host routes, then the gateway. Of two ways to
    /// everybody the gateway wins.
    pub fn routes(&self) -> Vec<Route> {
        let everybody = IpNet::new_assert(
            match self.cidr {
                IpNet::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpNet::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            },
            0,
        );
        let default = self.gateway.map(|next_hop| Route { destination: everybody, next_hop });
        let host_routes = self.host_routes.iter().copied();
        host_routes
            .filter(|route| default.is_none() || !route.is_default())
            .chain(default)
            .collect()
    }
}

/// One attachment to a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: PortId,
    /// The network it is attached to.
    pub network: NetworkId,
    /// Who owns it.
    pub project: ProjectId,
    /// For people; that of a VIP is `octavia-lb-<load balancer id>`.
    pub name: String,
    /// Its hardware address.
    pub mac: MacAddress,
    /// What uses it; empty if nothing does; `lb-<load balancer id>` for a VIP.
    pub device: String,
    /// What kind of thing uses it; `Octavia` for a VIP.
    pub device_owner: String,
    /// Its addresses.
    pub addresses: Vec<FixedAddress>,
}

/// An address of an outer network that stands, or can stand, for a port's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floating {
    /// Its id.
    pub id: FloatingId,
    /// Who owns it.
    pub project: ProjectId,
    /// For people.
    pub description: String,
    /// The outer network.
    pub network: NetworkId,
    /// Its own port there.
    pub outside: PortId,
    /// The address.
    pub address: IpAddr,
    /// The port and the address of it that it stands for; `None` while it is free.
    pub inside: Option<(PortId, IpAddr)>,
}

/// An address that a port holds. An address is held once in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedAddress {
    /// The subnet it is of.
    pub subnet: SubnetId,
    /// The address.
    pub address: IpAddr,
}

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The address that a port gets: locally administered, unicast, made of the port's id.
    pub fn of(port: PortId) -> Self {
        let bytes = port.uuid().into_bytes();
        Self([0xfa, 0x16, 0x3e, bytes[13], bytes[14], bytes[15]])
    }

    /// Another one of the same kind, for when this one is taken.
    #[must_use]
    pub fn next(self) -> Self {
        let mut bytes = self.0;
        // The first three say whose kind it is.
        for byte in bytes[3..].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        Self(bytes)
    }
}

/// A text is no hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a hardware address, such as fa:16:3e:00:00:01")]
pub struct NoMacAddress;

impl FromStr for MacAddress {
    type Err = NoMacAddress;

    fn from_str(text: &str) -> Result<Self, NoMacAddress> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(NoMacAddress)?;
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(NoMacAddress);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| NoMacAddress)?;
        }
        if parts.next().is_some() { Err(NoMacAddress) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_hardware_address_is_read_as_it_is_shown() {
        let mac = MacAddress([0xfa, 0x16, 0x3e, 0, 1, 0xff]);
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for nonsense in
            ["", "fa:16:3e:00:01", "fa:16:3e:00:01:ff:00", "fa:16:3e:0:1:ff", "+a:16:3e:00:01:ff"]
        {
            assert_eq!(nonsense.parse::<MacAddress>(), Err(NoMacAddress), "{nonsense}");
        }
        assert_eq!(mac.next().to_string(), "fa:16:3e:00:02:00");
    }

    fn subnet(gateway: Option<&str>, routes: &[(&str, &str)]) -> Subnet {
        let route = |(to, by): &(&str, &str)| Route {
            destination: to.parse().unwrap(),
            next_hop: by.parse().unwrap(),
        };
        Subnet {
            id: Uuid::nil().into(),
            network: Uuid::nil().into(),
            name: String::new(),
            cidr: "2.2.2.0/24".parse().unwrap(),
            gateway: gateway.map(|it| it.parse().unwrap()),
            host_routes: routes.iter().map(route).collect(),
            pools: Vec::new(),
        }
    }

    #[test]
    fn the_gateway_wins_over_a_host_route_to_everybody() {
        let routes = [("10.0.0.0/8", "2.2.2.2"), ("0.0.0.0/0", "2.2.2.3")];
        let hops = |subnet: &Subnet| {
            subnet.routes().iter().map(|it| it.next_hop.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(hops(&subnet(Some("2.2.2.1"), &routes)), ["2.2.2.2", "2.2.2.1"]);
        assert_eq!(hops(&subnet(None, &routes)), ["2.2.2.2", "2.2.2.3"]);
    }
}
