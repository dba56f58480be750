//! Addresses of devices.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Netlink, or_absent, or_there};

/// An address of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address, with the length of its subnet's prefix.
    pub net: IpNet,
    /// Whether it is only good on the link, as those that the kernel gives by itself.
    pub is_link_local: bool,
    /// Whether it is not yet known whether somebody else has it.
    pub is_tentative: bool,
    /// Whether somebody else has it.
    pub is_duplicate: bool,
}

impl Netlink {
    /// The addresses of the device of this number.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn addresses(&self, index: u32) -> io::Result<Vec<Address>> {
        let found = self.list(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
        Ok(found.into_iter().filter_map(|it| read(it, index)).collect())
    }

    /// Gives a device an address, of IPv4 with the broadcast address of its subnet; also if it has
    /// it.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn add_address(&self, index: u32, net: IpNet) -> io::Result<()> {
        let mut message = message(index, net);
        if let IpNet::V4(net) = net
            && net.prefix_len() < 31
        {
            message.attributes.push(AddressAttribute::Broadcast(net.broadcast()));
        }
        let request = RouteNetlinkMessage::NewAddress(message);
        or_there(self.change("add address", request, NLM_F_CREATE | NLM_F_EXCL))
    }

    /// Takes an address from a device; also if it does not have it.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn delete_address(&self, index: u32, net: IpNet) -> io::Result<()> {
        let request = RouteNetlinkMessage::DelAddress(message(index, net));
        or_absent(self.change("delete address", request, 0))
    }
}

pub(super) const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn message(index: u32, net: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(net.addr());
    message.header.prefix_len = net.prefix_len();
    message.header.index = index;
    message.header.scope = AddressScope::Universe;
    message.attributes.push(AddressAttribute::Local(net.addr()));
    message.attributes.push(AddressAttribute::Address(net.addr()));
    message
}

fn read(message: RouteNetlinkMessage, index: u32) -> Option<Address> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    if message.header.index != index {
        return None;
    }
    let (mut local, mut address, mut flags) = (None, None, AddressFlags::empty());
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(it) => local = Some(*it),
            AddressAttribute::Address(it) => address = Some(*it),
            AddressAttribute::Flags(it) => flags = *it,
            _ => {}
        }
    }
    let net = IpNet::new(local.or(address)?, message.header.prefix_len).ok()?;
    let tentative = message.header.flags.contains(AddressHeaderFlags::Tentative);
    Some(Address {
        net,
        is_link_local: message.header.scope == AddressScope::Link,
        is_tentative: tentative || flags.contains(AddressFlags::Tentative),
        is_duplicate: flags.contains(AddressFlags::Dadfailed),
    })
}
