//! Networks, subnets and ports as Neutron shows them.

use evenkeel_model::network::{Network, Port, Subnet};
use ipnet::IpNet;
use serde_json::{Value, json};

/// Who owns the port of a VIP.
pub(super) const VIP_OWNER: &str = "Octavia";

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
        "router:external": false,
        "port_security_enabled": false,
        "subnets": own.map(|subnet| subnet.id).collect::<Vec<_>>(),
    })
}

pub(super) fn subnet(subnet: &Subnet, network: Option<&Network>) -> Value {
    let project = network.map(|network| &network.project);
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
        "allocation_pools": [],
        "dns_nameservers": [],
        "host_routes": [],
    })
}

pub(super) fn port(port: &Port) -> Value {
    let held = |it: &evenkeel_model::network::FixedAddress| json!({"subnet_id": it.subnet, "ip_address": it.address});
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
        "status": "ACTIVE",
        "fixed_ips": port.addresses.iter().map(held).collect::<Vec<_>>(),
        "security_groups": [],
        "allowed_address_pairs": [],
    })
}
