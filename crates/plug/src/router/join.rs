//! The pair of devices between a router and the namespace of its VIPs, and the ways through it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evenkeel_model::network::MacAddress;
use evenkeel_model::{FloatingAddress, Route};
use evenkeel_plumbing::netlink::route::MAIN;
use evenkeel_plumbing::netlink::{Link, MarkRule};
use evenkeel_plumbing::{Namespace, Netlink, sysctl};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The end beside the VIP, and the end in the router.
pub(super) const TO_ROUTER: &str = "to-router";
pub(super) const TO_VIP: &str = "to-vip";

/// What packets from the router carry, and the table of routes for the answers.
pub(super) const MARK: u32 = 0x6576;
const BACK: MarkRule = MarkRule { mark: MARK, table: 101 };

/// Of no meaning outside of the pair.
const MAC: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 1]);
const VIP_SIDE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 101, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd65, 0x7665, 0x6e6b, 0, 0, 0, 0, 1)),
];
const ROUTER_SIDE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 101, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd65, 0x7665, 0x6e6b, 0, 0, 0, 0, 2)),
];

/// Beside the VIP: answers take the way of what they answer, which comes from addresses that are
/// elsewhere by all other routes.
const BESIDE_VIP: [sysctl::Setting<'_>; 6] = [
    ("ipv4/tcp_fwmark_accept", "1"),
    ("ipv4/fwmark_reflect", "1"),
    ("ipv6/fwmark_reflect", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/to-router/rp_filter", "0"),
    ("ipv6/conf/to-router/accept_dad", "0"),
];

/// In the router; that packets pass is set with its outer devices, after all else.
const IN_ROUTER: [sysctl::Setting<'_>; 4] = [
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/to-vip/rp_filter", "0"),
    ("ipv4/conf/all/arp_announce", "2"),
    ("ipv6/conf/to-vip/accept_dad", "0"),
];

/// Whether what is wrong is only seen, or made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Look,
    Mend,
}

impl Mode {
    fn right(self, is: bool, mend: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
        match (is, self) {
            (true, _) => Ok(true),
            (false, Self::Look) => Ok(false),
            (false, Self::Mend) => mend().map(|()| true),
        }
    }
}

/// One end, in its namespace.
struct End<'a> {
    namespace: &'a Namespace,
    netlink: Netlink,
    link: Link,
}

/// Whether the namespaces are joined so that the floating addresses reach their VIPs; in
/// [`Mode::Mend`] they are afterwards.
pub(super) fn join(
    vip: &Namespace,
    router: &Namespace,
    floating: &[FloatingAddress],
    mode: Mode,
) -> io::Result<bool> {
    let (near, far) = (vip.netlink()?, router.netlink()?);
    let found = pair(&near, &far)?;
    let Some((near_link, far_link)) = (match (found, mode) {
        (Some(pair), _) => Some(pair),
        (None, Mode::Look) => None,
        (None, Mode::Mend) => {
            part(&near, TO_ROUTER)?;
            part(&far, TO_VIP)?;
            near.add_veth(TO_ROUTER, MAC, TO_VIP, router)?;
            pair(&near, &far)?
        }
    }) else {
        return Ok(false);
    };
    let near = End { namespace: vip, netlink: near, link: near_link };
    let far = End { namespace: router, netlink: far, link: far_link };
    let mtu = floating.iter().map(|it| it.outside.mtu).min().unwrap_or(1500);
    let mut all = near.is(mode, &BESIDE_VIP, mtu, &used(VIP_SIDE, floating))?;
    all &= far.is(mode, &IN_ROUTER, mtu, &used(ROUTER_SIDE, floating))?;
    all &= far.leads(mode, MAIN, &inward(floating))?;
    all &= near.leads(mode, BACK.table, &outward(floating))?;
    all &= mode.right(near.netlink.has_mark_rule(BACK)?, || near.netlink.add_mark_rule(BACK))?;
    Ok(all)
}

/// Leaves a seal of the rules of a namespace on its end.
pub(super) fn seal(namespace: &Namespace, end: &str, seal: &str) -> io::Result<()> {
    let netlink = namespace.netlink()?;
    let link = netlink.link(end)?.ok_or(io::ErrorKind::NotFound)?;
    netlink.set_alias(link.index, seal)
}

/// The seal that was left; empty if there is none.
pub(super) fn sealed(namespace: &Namespace, end: &str) -> io::Result<String> {
    Ok(namespace.netlink()?.link(end)?.map(|link| link.alias).unwrap_or_default())
}

/// Deletes an end of the pair, and with it the other.
pub(super) fn part(netlink: &Netlink, end: &str) -> io::Result<()> {
    netlink.link(end)?.map_or(Ok(()), |link| netlink.delete_link(link.index))
}

fn pair(near: &Netlink, far: &Netlink) -> io::Result<Option<(Link, Link)>> {
    let ends = near.link(TO_ROUTER)?.zip(far.link(TO_VIP)?);
    Ok(ends.filter(|(near, far)| near.peer == Some(far.index) && far.peer == Some(near.index)))
}

/// From the router to each VIP.
fn inward(floating: &[FloatingAddress]) -> Vec<Route> {
    let mut routes: Vec<Route> = floating
        .iter()
        .map(|it| Route { destination: it.inside.into(), next_hop: of_family(VIP_SIDE, it.inside) })
        .collect();
    routes.sort();
    routes.dedup();
    routes
}

/// From a VIP back to all who came by the router.
fn outward(floating: &[FloatingAddress]) -> Vec<Route> {
    let everybody = |address: IpAddr| match address {
        IpAddr::V4(_) => IpNet::V4(Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(Ipv6Net::default()),
    };
    let via = used(ROUTER_SIDE, floating).into_iter();
    via.map(|next_hop| Route { destination: everybody(next_hop), next_hop }).collect()
}

/// Those of the addresses that are of a version which is needed: a small MTU, or a node without
/// IPv6, has no place for the other.
fn used(addresses: [IpAddr; 2], floating: &[FloatingAddress]) -> Vec<IpAddr> {
    let is_used =
        |address: &IpAddr| floating.iter().any(|it| it.inside.is_ipv4() == address.is_ipv4());
    addresses.into_iter().filter(is_used).collect()
}

fn of_family([v4, v6]: [IpAddr; 2], like: IpAddr) -> IpAddr {
    if like.is_ipv4() { v4 } else { v6 }
}

impl End<'_> {
    fn is(
        &self,
        mode: Mode,
        settings: &[sysctl::Setting<'_>],
        mtu: u16,
        addresses: &[IpAddr],
    ) -> io::Result<bool> {
        let mut all = true;
        self.namespace.within(|| {
            for setting in settings {
                all &= mode.right(sysctl::is_set(*setting)?, || sysctl::ensure(&[*setting]))?;
            }
            Ok(())
        })?;
        let (netlink, index) = (&self.netlink, self.link.index);
        let has_mtu = self.link.mtu == u32::from(mtu);
        all &= mode.right(has_mtu, || netlink.set_mtu(index, mtu))?;
        all &= mode.right(self.link.is_up, || netlink.set_up(index))?;
        let there = netlink.addresses(index)?;
        for address in addresses {
            // So that the other side is a neighbour, and nobody else.
            let prefix = if address.is_ipv4() { 30 } else { 126 };
            let net = IpNet::new(*address, prefix).map_err(io::Error::other)?;
            let has = there.iter().any(|it| it.net == net);
            all &= mode.right(has, || netlink.add_address(index, net))?;
        }
        Ok(all)
    }

    /// Whether these are the routes of a table that lead through the pair.
    fn leads(&self, mode: Mode, table: u8, routes: &[Route]) -> io::Result<bool> {
        let (netlink, index) = (&self.netlink, self.link.index);
        let there = netlink.routes(index, table)?;
        let mut all = true;
        for stale in there.iter().filter(|it| !routes.contains(it)) {
            all &= mode.right(false, || netlink.delete_route(index, table, *stale))?;
        }
        for route in routes {
            let is_there = there.contains(route);
            all &= mode.right(is_there, || netlink.add_route(index, table, *route))?;
        }
        Ok(all)
    }
}
