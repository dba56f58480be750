//! Routes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evenkeel_model::Route;
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::address::family;
use super::{Netlink, or_absent, or_there};

/// The table of routes that everybody uses.
pub const MAIN: u8 = RouteHeader::RT_TABLE_MAIN;

impl Netlink {
    /// The routes through somebody that leave by the device of this number, of one table,
    /// whoever made them; several may differ only in their metric.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn routes(&self, index: u32, table: u8) -> io::Result<Vec<Route>> {
        let ways = self.ways(index, table)?.into_iter();
        let through = |it: Way| Some(Route { destination: it.to, next_hop: it.through? });
        Ok(ways.filter_map(through).collect())
    }

    /// The destinations of one table that are reached through nobody, by the device of this number,
    /// because somebody said so: not those that follow from its addresses.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn bare_routes(&self, index: u32, table: u8) -> io::Result<Vec<IpNet>> {
        let ways = self.ways(index, table)?.into_iter();
        Ok(ways.filter(|it| it.through.is_none() && !it.is_kernels).map(|it| it.to).collect())
    }

    /// Deletes such a route; also if it is not there.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn delete_bare_route(&self, index: u32, table: u8, to: IpNet) -> io::Result<()> {
        self.delete(message(index, table, to, None))
    }

    /// Adds a route to a table; also if it is there.
    ///
    /// # Errors
    ///
    /// The kernel's: the next hop must be in a subnet of the device.
    pub fn add_route(&self, index: u32, table: u8, route: Route) -> io::Result<()> {
        let request = RouteNetlinkMessage::NewRoute(message(
            index,
            table,
            route.destination,
            Some(route.next_hop),
        ));
        or_there(self.change("add route", request, NLM_F_CREATE | NLM_F_EXCL))
    }

    /// Deletes a route from a table, whoever made it; also if it is not there. Of several that
    /// differ only in their metric, one goes.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn delete_route(&self, index: u32, table: u8, route: Route) -> io::Result<()> {
        self.delete(message(index, table, route.destination, Some(route.next_hop)))
    }

    fn delete(&self, mut message: RouteMessage) -> io::Result<()> {
        // Only then does the kernel not ask who made it, and for whom.
        message.header.protocol = RouteProtocol::Unspec;
        message.header.scope = RouteScope::NoWhere;
        message.header.kind = RouteType::Unspec;
        or_absent(self.change("delete route", RouteNetlinkMessage::DelRoute(message), 0))
    }

    fn ways(&self, index: u32, table: u8) -> io::Result<Vec<Way>> {
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            found.extend(self.list(RouteNetlinkMessage::GetRoute(request))?);
        }
        Ok(found.into_iter().filter_map(|it| read(it, index, table)).collect())
    }
}

/// A route as the kernel has it.
struct Way {
    to: IpNet,
    through: Option<IpAddr>,
    /// Made by the kernel, because of an address.
    is_kernels: bool,
}

fn message(index: u32, table: u8, to: IpNet, through: Option<IpAddr>) -> RouteMessage {
    let mut message = RouteMessage::default();
    let destination = to.trunc();
    message.header.address_family = family(destination.addr());
    message.header.destination_prefix_length = destination.prefix_len();
    message.header.table = table;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    if destination.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(destination.addr().into()));
    }
    if let Some(next_hop) = through {
        message.attributes.push(RouteAttribute::Gateway(next_hop.into()));
    }
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

fn read(message: RouteNetlinkMessage, index: u32, table: u8) -> Option<Way> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let everybody = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let (mut destination, mut next_hop, mut leaves_by) = (everybody, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(it) => destination = ip(it)?,
            RouteAttribute::Gateway(it) => next_hop = ip(it),
            RouteAttribute::Oif(it) => leaves_by = Some(*it),
            _ => {}
        }
    }
    if message.header.table != table || leaves_by != Some(index) {
        return None;
    }
    let to = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    let is_kernels = message.header.protocol == RouteProtocol::Kernel;
    Some(Way { to, through: next_hop, is_kernels })
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
