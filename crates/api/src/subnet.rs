//! Subnets of our networks in JSON.

use std::net::IpAddr;

use evenkeel_model::network::Subnet;
use evenkeel_model::text::Label;
use evenkeel_model::{NetworkId, Route, SubnetId};
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

body! {
    /// A way to others.
    pub struct HostRoute {
        /// Who is reached.
        destination: IpNet,
        /// Through whom: an address of the subnet.
        nexthop: IpAddr,
    }
}

body! {
    /// A range that addresses are handed out from.
    pub struct AllocationPool {
        /// The first address.
        start: IpAddr,
        /// The last one.
        end: IpAddr,
    }
}

body! {
    /// `POST /v2/evenkeel/subnets`.
    pub struct Create in "subnet_", "subnet" {
        /// The network it is part of.
        network_id: NetworkId,
        /// For people; several may have the same.
        name: Patch<Label>,
        /// Its addresses.
        cidr: IpNet,
        /// The way out; by default the first address, and none if it is null.
        gateway_ip: Patch<IpAddr>,
        /// The ways to others. A way to everybody counts only where there is no gateway.
        host_routes: Option<Vec<HostRoute>>,
        /// Where addresses are handed out from; by default all of it.
        allocation_pools: Option<Vec<AllocationPool>>,
    }
}

body! {
    /// `PUT /v2/evenkeel/subnets/{id}`.
    #[derive(Default)]
    pub struct Update in "subnet_", "subnet" {
        /// For people; several may have the same.
        name: Patch<Label>,
        /// The way out; none if it is null.
        gateway_ip: Patch<IpAddr>,
        /// The ways to others. A way to everybody counts only where there is no gateway.
        host_routes: Patch<Vec<HostRoute>>,
        /// Where addresses are handed out from; all of it if there are none.
        allocation_pools: Patch<Vec<AllocationPool>>,
    }
}

fn routes(said: &[HostRoute]) -> Vec<Route> {
    let route = |it: &HostRoute| Route { destination: it.destination, next_hop: it.nexthop };
    said.iter().map(route).collect()
}

fn pools(said: &[AllocationPool]) -> Vec<(IpAddr, IpAddr)> {
    said.iter().map(|it| (it.start, it.end)).collect()
}

impl Create {
    /// The subnet that is asked for.
    pub fn into_subnet(self, id: SubnetId) -> Subnet {
        let usual = Subnet::usual_gateway(self.cidr);
        Subnet {
            id,
            network: self.network_id,
            name: String::from(self.name.or(Label::empty(), Label::empty())),
            cidr: self.cidr,
            gateway: match self.gateway_ip {
                Patch::Absent => usual,
                Patch::Null => None,
                Patch::Value(gateway) => Some(gateway),
            },
            host_routes: routes(&self.host_routes.unwrap_or_default()),
            pools: pools(&self.allocation_pools.unwrap_or_default()),
        }
    }
}

impl Update {
    /// The subnet as it shall be. Can be asked again of one that has changed meanwhile.
    pub fn apply(&self, stored: &Subnet) -> Subnet {
        let mut subnet = stored.clone();
        if self.name.is_present() {
            subnet.name = String::from(self.name.clone().or(Label::empty(), Label::empty()));
        }
        self.gateway_ip.onto_option(&mut subnet.gateway);
        if self.host_routes.is_present() {
            subnet.host_routes = routes(self.host_routes.as_value().map_or(&[], Vec::as_slice));
        }
        if self.allocation_pools.is_present() {
            subnet.pools = pools(self.allocation_pools.as_value().map_or(&[], Vec::as_slice));
        }
        subnet
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["id", "name", "network_id", "cidr", "gateway_ip"],
    aliases: &[],
    key: "id",
    order: &["network_id", "cidr", "id"],
    has_projects: false,
};

/// A subnet as operators see it.
pub fn view(subnet: &Subnet) -> Value {
    let route = |it: &Route| json!({"destination": it.destination, "nexthop": it.next_hop});
    let pool = |(first, last): &(IpAddr, IpAddr)| json!({"start": first, "end": last});
    json!({
        "id": subnet.id,
        "name": subnet.name,
        "network_id": subnet.network,
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway,
        "host_routes": subnet.host_routes.iter().map(route).collect::<Vec<_>>(),
        "allocation_pools": subnet.pools.iter().map(pool).collect::<Vec<_>>(),
    })
}
