//! Places of load balancers in Octavia's words (contract 2.12).

use std::net::IpAddr;

use evenkeel_model::observed::Traffic;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{AgentId, ListenerId, LoadBalancerId, PlacementId, PortId, Timestamp};
use serde_json::{Value, json};

use crate::list::Shelf;
use crate::view::moment;

/// Where a load balancer is. Octavia calls it an amphora, and another one after a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amphora {
    /// Which one.
    pub id: PlacementId,
    /// Whose place it is.
    pub load_balancer: LoadBalancerId,
    /// How far its load balancer has come.
    pub status: ProvisioningStatus,
    /// Who holds it.
    pub agent: AgentId,
    /// The VIP.
    pub address: IpAddr,
    /// The port of the VIP.
    pub port: PortId,
    /// When its load balancer was created.
    pub created_at: Timestamp,
    /// When that last changed.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &[
        "id",
        "loadbalancer_id",
        "compute_id",
        "lb_network_ip",
        "vrrp_ip",
        "ha_ip",
        "vrrp_port_id",
        "ha_port_id",
        "cert_expiration",
        "cert_busy",
        "role",
        "status",
        "vrrp_interface",
        "vrrp_id",
        "vrrp_priority",
        "cached_zone",
        "created_at",
        "updated_at",
        "image_id",
        "compute_flavor",
    ],
    aliases: &[("load_balancer_id", "loadbalancer_id")],
    key: "id",
    // Oldest first, as they come: what is shown of their age is too coarse for an order.
    order: &[],
    has_projects: true,
};

/// In which of Octavia's states a place is.
const fn status(status: ProvisioningStatus) -> &'static str {
    match status {
        ProvisioningStatus::PendingCreate => "BOOTING",
        ProvisioningStatus::Active | ProvisioningStatus::PendingUpdate => "ALLOCATED",
        ProvisioningStatus::Error => "ERROR",
        ProvisioningStatus::PendingDelete => "PENDING_DELETE",
        ProvisioningStatus::Deleted => "DELETED",
    }
}

/// A place as clients see it. What only a machine of its own would have is null; it reaches its
/// network by the port of the VIP.
pub fn view(amphora: &Amphora) -> Value {
    json!({
        "id": amphora.id.to_string(),
        "loadbalancer_id": amphora.load_balancer.to_string(),
        "compute_id": amphora.agent.to_string(),
        "lb_network_ip": null,
        "vrrp_ip": amphora.address.to_string(),
        "ha_ip": amphora.address.to_string(),
        "vrrp_port_id": amphora.port.to_string(),
        "ha_port_id": amphora.port.to_string(),
        "cert_expiration": null,
        "cert_busy": false,
        "role": "STANDALONE",
        "status": status(amphora.status),
        "vrrp_interface": null,
        "vrrp_id": null,
        "vrrp_priority": null,
        "cached_zone": null,
        "created_at": moment(amphora.created_at),
        "updated_at": amphora.updated_at.map(moment),
        "image_id": null,
        "compute_flavor": null,
    })
}

/// What passed one listener of a load balancer, told by its place.
pub fn statistics(
    id: PlacementId,
    load_balancer: LoadBalancerId,
    listener: ListenerId,
    traffic: Traffic,
) -> Value {
    json!({
        "id": id.to_string(),
        "listener_id": listener.to_string(),
        "loadbalancer_id": load_balancer.to_string(),
        "active_connections": traffic.active_connections,
        "bytes_in": traffic.bytes_in,
        "bytes_out": traffic.bytes_out,
        "request_errors": traffic.request_errors,
        "total_connections": traffic.total_connections,
    })
}
