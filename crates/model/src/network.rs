//! Networks of our own: where VIP addresses are leased from when there is no network service.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{NetworkId, PortId, ProjectId, SubnetId};

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
