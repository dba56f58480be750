//! Networks, subnets, ports and floating IPs as Neutron shows them.

use std::net::IpAddr;

use evenkeel_model::Route;
use evenkeel_model::network::{Floating, Network, Port, Subnet};
use ipnet::IpNet;
use serde_json::{Value, json};

/// Who owns the port of a VIP.
pub(super) const VIP_OWNER: &str = "Octavia";

/// Who owns the port of a floating IP.
pub(super) const FLOATING_OWNER: &str = "network:floatingip";

pub(super) fn network(network: &Network, subnets: &[Subnet]) -> Value {
    let own = subnets.iter().filter(|subnet| subnet.network == network.id);
    json!({
        "id": network.id,
        "name": network.name,
        "project_id": network.project,
        "tenant_id": network.project,
        "shared": network.shared,
        "mtu": network.mtu,
        "admin_state_up": true,
        "status": "ACTIVE",
        "router:external": network.is_external,
        "provider:network_type": network.vlan.map(|_| "vlan"),
        "provider:physical_network": null,
        "provider:segmentation_id": network.vlan,
        "port_security_enabled": false,
        "subnets": own.map(|subnet| subnet.id).collect::<Vec<_>>(),
    })
}

pub(super) fn subnet(subnet: &Subnet, network: &Network) -> Value {
    let project = &network.project;
    let route = |it: &Route| json!({"destination": it.destination, "nexthop": it.next_hop});
    let pool = |(first, last): &(IpAddr, IpAddr)| json!({"start": first, "end": last});
    json!({
        "id": subnet.id,
        "name": subnet.name,
        "network_id": subnet.network,
        "project_id": project,
        "tenant_id": project,
        "ip_version": match subnet.cidr { IpNet::V4(_) => 4, IpNet::V6(_) => 6 },
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway,
        "enable_dhcp": false,
        "allocation_pools": subnet.pools.iter().map(pool).collect::<Vec<_>>(),
        "dns_nameservers": [],
        "host_routes": subnet.host_routes.iter().map(route).collect::<Vec<_>>(),
    })
}

pub(super) fn port(port: &Port) -> Value {
    let held = |it: &evenkeel_model::network::FixedAddress| json!({"subnet_id": it.subnet, "ip_address": it.address});
    // A port that nothing uses is plugged in nowhere, and that of a floating IP never is.
    let status = match (port.device_owner.as_str(), port.device.is_empty()) {
        (FLOATING_OWNER, _) => "N/A",
        (_, true) => "DOWN",
        (_, false) => "ACTIVE",
    };
    json!({
        "id": port.id,
        "name": port.name,
        "network_id": port.network,
        "project_id": port.project,
        "tenant_id": port.project,
        "mac_address": port.mac.to_string(),
        "device_id": port.device,
        "device_owner": port.device_owner,
        "admin_state_up": true,
        "status": status,
        "fixed_ips": port.addresses.iter().map(held).collect::<Vec<_>>(),
        "security_groups": [],
        "allowed_address_pairs": [],
    })
}

pub(super) fn floating(floating: &Floating) -> Value {
    json!({
        "id": floating.id,
        "description": floating.description,
        "project_id": floating.project,
        "tenant_id": floating.project,
        "floating_network_id": floating.network,
        "floating_ip_address": floating.address,
        "port_id": floating.inside.map(|(port, _)| port),
        "fixed_ip_address": floating.inside.map(|(_, address)| address),
        "router_id": null,
        "status": if floating.inside.is_some() { "ACTIVE" } else { "DOWN" },
    })
}
