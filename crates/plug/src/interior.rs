//! What is inside of a namespace: settings, addresses and routes of the device of a VIP.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use evenkeel_model::network::MacAddress;
use evenkeel_model::{Attachment, Route};
use evenkeel_plumbing::namespace::LOOPBACK;
use evenkeel_plumbing::netlink::route::MAIN;
use evenkeel_plumbing::netlink::{Address, Link};
use evenkeel_plumbing::{Namespace, Netlink, Speaker, sysctl};
use ipnet::IpNet;

/// The inside of a namespace, with a device in it.
#[derive(Debug)]
pub(crate) struct Interior<'a> {
    namespace: &'a Namespace,
    netlink: Netlink,
    device: Link,
    role: Role,
}

/// What a namespace is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// VIPs: nothing passes through.
    Vip,
    /// Floating addresses: what is for them passes, and each device answers for its own only.
    Router,
}

impl Role {
    const fn passes(self) -> &'static str {
        match self {
            Self::Vip => "0",
            Self::Router => "1",
        }
    }
}

/// How the addresses of a device fare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// All can be used.
    Yes,
    /// It is not yet known whether somebody else has one.
    NotYet,
    /// Somebody else has this one.
    Taken(IpAddr),
}

impl<'a> Interior<'a> {
    /// The inside of `namespace`; `None` if the device is not there.
    pub(crate) fn open(
        namespace: &'a Namespace,
        device: &str,
        role: Role,
    ) -> io::Result<Option<Self>> {
        let netlink = namespace.netlink()?;
        let device = netlink.link(device)?;
        Ok(device.map(|device| Self { namespace, netlink, device, role }))
    }

    /// Whether nothing differs from what the attachment says.
    pub(crate) fn matches(&self, attachment: &Attachment) -> io::Result<bool> {
        if !self.device.is_up || !self.loopback()?.is_up || self.settled()? != Settled::Yes {
            return Ok(false);
        }
        let (mut addresses, mut routes) = (self.addresses()?, self.routes()?);
        let mut wanted = attachment.addresses.clone();
        addresses.sort();
        wanted.sort();
        let mut ways = ways(attachment);
        routes.sort();
        ways.sort();
        // A second way through the same neighbour, with another metric, changes nothing.
        routes.dedup();
        let is_bare = self.netlink.bare_routes(self.device.index, MAIN)?.is_empty();
        Ok(addresses == wanted && routes == ways && is_bare && self.has_settings()?)
    }

    /// Those of the wanted addresses that the device does not have yet.
    pub(crate) fn missing(&self, attachment: &Attachment) -> io::Result<Vec<IpNet>> {
        let there = self.addresses()?;
        Ok(attachment.addresses.iter().filter(|net| !there.contains(net)).copied().collect())
    }

    /// Settings first, then the device is switched on: nothing that a stranger on the network says
    /// is believed, not even for a moment.
    pub(crate) fn switch_on(&self) -> io::Result<()> {
        let name = self.device.name.clone();
        self.namespace
            .within(move || each_setting(&name, self.role, |setting| sysctl::ensure(&[setting])))?;
        let loopback = self.loopback()?;
        if !loopback.is_up {
            self.netlink.set_up(loopback.index)?;
        }
        if !self.device.is_up {
            self.namespace.within(|| hasten(&self.device.name))?;
            self.netlink.set_up(self.device.index)?;
        }
        Ok(())
    }

    /// Who speaks from the device.
    pub(crate) fn speaker(&self) -> io::Result<Speaker> {
        Speaker::open(self.namespace, &self.device)
    }

    /// Somebody else on the network who has an IPv4 address that the device is to get now: the
    /// kernel asks for those of IPv6 only.
    pub(crate) fn rival(
        &self,
        speaker: &Speaker,
        attachment: &Attachment,
        patience: Duration,
    ) -> io::Result<Option<(Ipv4Addr, MacAddress)>> {
        let v4 = |net: IpNet| match net.addr() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        };
        let new: Vec<_> = self.missing(attachment)?.into_iter().filter_map(v4).collect();
        if new.is_empty() || patience.is_zero() {
            return Ok(None);
        }
        speaker.rival(&new, patience)
    }

    /// Adds what is missing and takes away what is too much: addresses, then routes.
    pub(crate) fn furnish(&self, attachment: &Attachment) -> io::Result<()> {
        let index = self.device.index;
        let there = self.addresses()?;
        for stale in there.iter().filter(|net| !attachment.addresses.contains(net)) {
            self.netlink.delete_address(index, *stale)?;
        }
        for missing in self.missing(attachment)? {
            self.netlink.add_address(index, missing)?;
        }
        // These would be in the way of others to the same destination.
        for stale in self.netlink.bare_routes(index, MAIN)? {
            self.netlink.delete_bare_route(index, MAIN, stale)?;
        }
        let (there, wanted) = (self.routes()?, ways(attachment));
        for stale in there.iter().filter(|route| !wanted.contains(route)) {
            self.netlink.delete_route(index, MAIN, *stale)?;
        }
        for missing in wanted.iter().filter(|route| !there.contains(route)) {
            self.netlink.add_route(index, MAIN, *missing)?;
        }
        Ok(())
    }

    /// How the addresses fare.
    pub(crate) fn settled(&self) -> io::Result<Settled> {
        let addresses = self.netlink.addresses(self.device.index)?;
        let mut own = addresses.iter().filter(|it| !it.is_link_local);
        if let Some(taken) = own.clone().find(|it| it.is_duplicate) {
            return Ok(Settled::Taken(taken.net.addr()));
        }
        Ok(if own.any(|it| it.is_tentative) { Settled::NotYet } else { Settled::Yes })
    }

    /// Takes away an address, so that it is tried anew the next time.
    pub(crate) fn give_up(&self, address: IpAddr) -> io::Result<()> {
        for net in self.addresses()?.into_iter().filter(|net| net.addr() == address) {
            self.netlink.delete_address(self.device.index, net)?;
        }
        Ok(())
    }

    fn loopback(&self) -> io::Result<Link> {
        self.netlink.link(LOOPBACK)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn addresses(&self) -> io::Result<Vec<IpNet>> {
        let all = self.netlink.addresses(self.device.index)?;
        Ok(all.into_iter().filter(|it| !it.is_link_local).map(|it: Address| it.net).collect())
    }

    fn routes(&self) -> io::Result<Vec<Route>> {
        self.netlink.routes(self.device.index, MAIN)
    }

    fn has_settings(&self) -> io::Result<bool> {
        let name = self.device.name.clone();
        let mut all = true;
        self.namespace.within(|| {
            each_setting(&name, self.role, |setting| {
                all &= sysctl::is_set(setting)?;
                Ok(())
            })
        })?;
        Ok(all)
    }
}

/// The routes of an attachment as the kernel has them: one to each destination, and none to what
/// is next door.
fn ways(attachment: &Attachment) -> Vec<Route> {
    let is_near = |it: &IpNet| attachment.addresses.iter().any(|net| net.trunc() == *it);
    let mut ways: Vec<Route> = Vec::new();
    for route in &attachment.routes {
        let destination = route.destination.trunc();
        if !is_near(&destination) && ways.iter().all(|it| it.destination != destination) {
            ways.push(Route { destination, ..*route });
        }
    }
    ways
}

/// What is set in a namespace, before its device is switched on.
fn each_setting(
    device: &str,
    role: Role,
    mut with: impl FnMut(sysctl::Setting<'_>) -> io::Result<()>,
) -> io::Result<()> {
    for (name, value) in [
        // A new namespace has the settings of the node, which may well be a router. This must be
        // the first: it changes some of the others.
        ("ipv4/ip_forward", role.passes()),
        ("ipv6/conf/all/forwarding", role.passes()),
        // The first address of a subnet takes no other with it when it goes.
        ("ipv4/conf/all/promote_secondaries", "1"),
        ("ipv4/conf/all/accept_redirects", "0"),
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/all/proxy_arp", "0"),
        ("ipv4/conf/all/route_localnet", "0"),
        ("ipv4/conf/all/arp_ignore", role.passes()),
        // Answers to floating addresses leave by another way than the one that the sender has.
        ("ipv4/conf/all/rp_filter", "0"),
    ] {
        with((name, value))?;
    }
    for (name, value) in [
        ("ipv4/conf/DEVICE/accept_redirects", "0"),
        ("ipv4/conf/DEVICE/send_redirects", "0"),
        ("ipv4/conf/DEVICE/proxy_arp", "0"),
        ("ipv4/conf/DEVICE/route_localnet", "0"),
        ("ipv4/conf/DEVICE/arp_ignore", "0"),
        ("ipv4/conf/DEVICE/rp_filter", "0"),
        ("ipv6/conf/DEVICE/accept_ra", "0"),
        ("ipv6/conf/DEVICE/accept_redirects", "0"),
    ] {
        with((&name.replace("DEVICE", device), value))?;
    }
    Ok(())
}

/// A quarter of a second is enough to find out whether somebody has an IPv6 address. Not compared:
/// kernels round times each in their way.
fn hasten(device: &str) -> io::Result<()> {
    sysctl::ensure(&[
        (&format!("ipv6/conf/{device}/router_solicitation_delay"), "0"),
        (&format!("ipv6/neigh/{device}/retrans_time_ms"), "250"),
    ])
}
