//! The networks that a configuration names.

use std::net::IpAddr;

use anyhow::Context;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::{NetworkId, ProjectId, Route, SubnetId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network that is there from the start, and becomes at each start as it is here. What is not
/// here any more stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkEntry {
    id: NetworkId,
    name: String,
    /// The id of the project that owns it.
    project: String,
    #[serde(default)]
    shared: bool,
    #[serde(default = "usual_mtu")]
    mtu: u16,
    #[serde(default)]
    vlan: Option<u16>,
    #[serde(default)]
    external: bool,
    /// The ids of the projects that may use it besides its owner.
    #[serde(default)]
    allowed: Vec<ProjectId>,
    subnets: Vec<SubnetEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubnetEntry {
    id: SubnetId,
    name: String,
    cidr: IpNet,
    #[serde(default)]
    gateway: Option<IpAddr>,
    #[serde(default)]
    host_routes: Vec<RouteEntry>,
    /// First and last addresses of what is handed out; without any, all are.
    #[serde(default)]
    pools: Vec<(IpAddr, IpAddr)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteEntry {
    destination: IpNet,
    next_hop: IpAddr,
}

const fn usual_mtu() -> u16 {
    1500
}

impl NetworkEntry {
    /// The network with its subnets.
    ///
    /// # Errors
    ///
    /// The project is none.
    pub(super) fn network(self) -> anyhow::Result<(Network, Vec<Subnet>)> {
        let project = ProjectId::new(&self.project)
            .with_context(|| format!("network {}: {} is no project", self.name, self.project))?;
        let network = Network {
            id: self.id,
            name: self.name,
            project,
            shared: self.shared,
            mtu: self.mtu,
            vlan: self.vlan,
            is_external: self.external,
            allowed: self.allowed,
        };
        let subnet = |entry: SubnetEntry| entry.subnet(network.id);
        let subnets = self.subnets.into_iter().map(subnet).collect();
        Ok((network, subnets))
    }
}

impl SubnetEntry {
    fn subnet(self, network: NetworkId) -> Subnet {
        let route =
            |entry: RouteEntry| Route { destination: entry.destination, next_hop: entry.next_hop };
        Subnet {
            id: self.id,
            network,
            name: self.name,
            cidr: self.cidr,
            gateway: self.gateway,
            host_routes: self.host_routes.into_iter().map(route).collect(),
            pools: self.pools,
        }
    }
}
