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
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            found.extend(self.list(RouteNetlinkMessage::GetRoute(request))?);
        }
        Ok(found.into_iter().filter_map(|it| read(it, index, table)).collect())
    }

    /// Adds a route to a table; also if it is there.
    ///
    /// # Errors
    ///
    /// The kernel's: the next hop must be in a subnet of the device.
    pub fn add_route(&self, index: u32, table: u8, route: Route) -> io::Result<()> {
        let request = RouteNetlinkMessage::NewRoute(message(index, table, route));
        or_there(self.change("add route", request, NLM_F_CREATE | NLM_F_EXCL))
    }

    /// Deletes a route from a table, whoever made it; also if it is not there. Of several that
    /// differ only in their metric, one goes.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn delete_route(&self, index: u32, table: u8, route: Route) -> io::Result<()> {
        let mut message = message(index, table, route);
        // Only then does the kernel not ask who made it, and for whom.
        message.header.protocol = RouteProtocol::Unspec;
        message.header.scope = RouteScope::NoWhere;
        message.header.kind = RouteType::Unspec;
        let request = RouteNetlinkMessage::DelRoute(message);
        or_absent(self.change("delete route", request, 0))
    }
}

fn message(index: u32, table: u8, route: Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    let destination = route.destination.trunc();
    message.header.address_family = family(destination.addr());
    message.header.destination_prefix_length = destination.prefix_len();
    message.header.table = table;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    if !route.is_default() {
        message.attributes.push(RouteAttribute::Destination(destination.addr().into()));
    }
    message.attributes.push(RouteAttribute::Gateway(route.next_hop.into()));
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

fn read(message: RouteNetlinkMessage, index: u32, table: u8) -> Option<Route> {
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
    let destination = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    Some(Route { destination, next_hop: next_hop? })
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
