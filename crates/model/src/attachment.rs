//! What a node must know of a port to attach it: the network's part of a graph.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::network::MacAddress;
use crate::{NetworkId, PortId};

/// A port, with all that its node needs to plug it into its network.
///
/// Two graphs with equal attachments ask for the same device; a node compares it with what its
/// kernel says, and repairs what differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The port; devices are named after it.
    pub port: PortId,
    /// Its network; bridges are named after it.
    pub network: NetworkId,
    /// Its hardware address.
    pub mac: MacAddress,
    /// The largest packet of the network, in bytes.
    pub mtu: u16,
    /// What keeps the network apart from others on a shared switch: 1 to 4094. `None` where
    /// somebody else sees to that.
    pub vlan: Option<u16>,
    /// Its addresses, each with the length of its subnet's prefix; the VIP's own first.
    pub addresses: Vec<IpNet>,
    /// Where to send what is not for its own subnets: the host routes of the subnets, then at most
    /// one default route for each family.
    pub routes: Vec<Route>,
}

/// One way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Who is reached.
    pub destination: IpNet,
    /// Through whom.
    pub next_hop: IpAddr,
}

impl Route {
    /// Whether it is the way to everybody.
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0
    }
}

/// An address of an outer network under which a VIP can be reached as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingAddress {
    /// How the node is attached to the outer network; its first address is the floating one.
    pub outside: Attachment,
    /// The VIP that it stands for.
    pub inside: IpAddr,
}
