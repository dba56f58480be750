//! What can be asked about a VIP before it is leased: its networks, and the family of its
//! addresses.

use std::net::IpAddr;

use evenkeel_api::listener::check_cidrs;
use evenkeel_api::load_balancer::Tree;
use evenkeel_model::load_balancer::{AdditionalVip, VipRequest};
use evenkeel_model::network::Subnet;
use evenkeel_model::{LoadBalancer, NetworkId, SubnetId, Violation};

use crate::http::call::Call;
use crate::http::fault::Refusal;

/// Asks the rules of the deployment about networks (contract 3.11), and whether the CIDRs of
/// listeners fit the VIP (contract 3.7). What does not exist is left for the lease to find.
///
/// `of_zone` are the only networks that the availability zone allows; without any, those of the
/// deployment count.
pub(super) async fn check(call: &Call, tree: &Tree, of_zone: &[NetworkId]) -> Result<(), Refusal> {
    let deployment = call.deployment();
    let valid = if of_zone.is_empty() { &deployment.valid_vip_networks } else { of_zone };
    let restricts = !valid.is_empty() || !deployment.denylist_vip_networks.is_empty();
    let has_cidrs = tree.listeners.iter().any(|it| !it.allowed_cidrs.is_empty());
    if !restricts && !has_cidrs {
        return Ok(());
    }
    let place = Place::of(call, &tree.vip).await?;
    if let Some(network) = place.network.filter(|_| restricts) {
        let is_valid = valid.is_empty() || valid.contains(&network);
        if !is_valid || deployment.denylist_vip_networks.contains(&network) {
            return Err(Violation::rule(
                "Supplied VIP network_id is not allowed by the configuration of this deployment.",
            )
            .into());
        }
    }
    let likely = place.give(&tree.vip, tree.load_balancer.clone());
    for listener in &tree.listeners {
        check_cidrs(listener, &likely)?;
    }
    Ok(())
}

/// Where a VIP will be, as far as that can be told.
struct Place {
    network: Option<NetworkId>,
    address: Option<IpAddr>,
    subnets: Vec<Subnet>,
}

impl Place {
    async fn of(call: &Call, vip: &VipRequest) -> Result<Self, Refusal> {
        let subnets = call.store().subnets().await?;
        if let Some(id) = vip.port {
            let port = call.store().ports().await?.into_iter().find(|port| port.id == id);
            let held = port.as_ref().and_then(|port| port.addresses.first());
            let address = vip.address.or(held.map(|held| held.address));
            return Ok(Self { network: port.map(|port| port.network), address, subnets });
        }
        let subnet = match (vip.subnet, vip.network) {
            (Some(id), _) => subnets.iter().find(|it| it.id == id),
            (None, network) => {
                let mut own = subnets.iter().filter(|it| Some(it.network) == network);
                let first = own.clone().next();
                own.find(|it| it.cidr.addr().is_ipv4()).or(first)
            }
        };
        let network = vip.network.or(subnet.map(|it| it.network));
        let address = vip.address.or(subnet.map(|it| it.cidr.addr()));
        Ok(Self { network, address, subnets })
    }

    /// The load balancer with addresses of the families that it will have.
    fn give(&self, vip: &VipRequest, mut load_balancer: LoadBalancer) -> LoadBalancer {
        if let Some(address) = self.address {
            load_balancer.vip.address = address;
        }
        let of = |id: SubnetId| self.subnets.iter().find(|it| it.id == id);
        let port = load_balancer.vip.port;
        load_balancer.additional_vips = vip
            .additional
            .iter()
            .filter_map(|it| {
                let address = it.address.or(of(it.subnet).map(|subnet| subnet.cidr.addr()))?;
                Some(AdditionalVip { address, port, subnet: it.subnet })
            })
            .collect();
        load_balancer
    }
}
