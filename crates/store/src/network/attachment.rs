//! What a node must know of the ports of a load balancer.

use evenkeel_model::{
    Attachment, FloatingAddress, LoadBalancer, LoadBalancerGraph, PortId, Route, SubnetId,
};
use ipnet::IpNet;

use super::rows;
use crate::StoreError;
use crate::engine::{Session, values};

/// Fills in how a load balancer is attached to its networks. A port that is not there any more is
/// not told of: the node then says what it lacks.
pub(crate) fn attach(
    session: &mut Session<'_>,
    graph: &mut LoadBalancerGraph,
) -> Result<(), StoreError> {
    graph.attachment = of_vip(session, &graph.load_balancer)?;
    graph.floating = floating(session, graph.load_balancer.vip.port)?;
    Ok(())
}

fn of_vip(
    session: &mut Session<'_>,
    load_balancer: &LoadBalancer,
) -> Result<Option<Attachment>, StoreError> {
    let vip = &load_balancer.vip;
    let more = load_balancer.additional_vips.iter().map(|it| (it.subnet, it.address));
    let addresses = std::iter::once((vip.subnet, vip.address)).chain(more).collect::<Vec<_>>();
    of_port(session, vip.port, &addresses)
}

fn of_port(
    session: &mut Session<'_>,
    port: PortId,
    addresses: &[(SubnetId, std::net::IpAddr)],
) -> Result<Option<Attachment>, StoreError> {
    let Some(port) = rows::port(session, port)? else { return Ok(None) };
    let Some(network) = rows::network(session, port.network)? else { return Ok(None) };
    let (mut nets, mut routes) = (Vec::new(), Vec::new());
    for (subnet, address) in addresses {
        if let Some(subnet) = rows::subnet(session, *subnet)? {
            nets.extend(IpNet::new(*address, subnet.cidr.prefix_len()));
            routes.extend(subnet.routes());
        }
    }
    Ok(Some(Attachment {
        port: port.id,
        network: network.id,
        mac: port.mac,
        mtu: network.mtu,
        vlan: network.vlan,
        addresses: nets,
        routes: one_way_each(routes),
    }))
}

/// The first way to each destination: two subnets of a network may both have a gateway. Ways to
/// everybody come last, since the next hops of others may depend on nothing.
fn one_way_each(routes: Vec<Route>) -> Vec<Route> {
    let mut kept: Vec<Route> = Vec::new();
    for route in routes {
        if !kept.iter().any(|it| it.destination == route.destination) {
            kept.push(route);
        }
    }
    kept.sort_by_key(Route::is_default);
    kept
}

fn floating(session: &mut Session<'_>, inside: PortId) -> Result<Vec<FloatingAddress>, StoreError> {
    let bound = session.query(
        "SELECT outside_port_id, inside_address FROM floating_addresses \
         WHERE inside_port_id = ?1 ORDER BY created_at, id",
        &values![inside],
    )?;
    let mut found = Vec::new();
    for row in bound {
        let Some(port) = rows::port(session, row.parse(0)?)? else { continue };
        let addresses: Vec<_> = port.addresses.iter().map(|it| (it.subnet, it.address)).collect();
        let inside = row.parse(1)?;
        let outside = of_port(session, port.id, &addresses)?;
        found.extend(outside.map(|outside| FloatingAddress { outside, inside }));
    }
    Ok(found)
}
