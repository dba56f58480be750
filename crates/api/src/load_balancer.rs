//! Load balancers in JSON (contract 2.1), alone or with all that is in them (contract 3.10).

mod tree;

use std::net::{IpAddr, Ipv4Addr};

use evenkeel_model::flavor::Allowance;
use evenkeel_model::load_balancer::{AdditionalVipRequest, Vip, VipRequest};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::{
    LoadBalancer, LoadBalancerId, NetworkId, OfferingId, PortId, ProjectId, Record, SubnetId,
    Violation,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{links, shown, text, texts};

pub use tree::{ListenerDefinition, PolicyDefinition, PoolDefinition, Tree};

body! {
    /// One more address.
    pub struct AdditionalVip {
        /// The subnet to take it from.
        subnet_id: SubnetId,
        /// The address wanted; any free one otherwise.
        ip_address: Option<IpAddr>,
        /// Ignored: all addresses are on the port of the VIP.
        port_id: Option<PortId>,
    }
}

body! {
    /// `POST /loadbalancers`.
    pub struct Create in "load_balancer", "loadbalancer" {
        /// For people.
        name: Option<Label>,
        /// For people.
        description: Option<Label>,
        /// Whether it serves. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// Who owns it; by default the project of the token.
        project_id: Option<ProjectId>,
        /// The same; counts if both are there.
        tenant_id: Option<ProjectId>,
        /// The address wanted; any free one otherwise.
        vip_address: Option<IpAddr>,
        /// An existing port to take the address from.
        vip_port_id: Option<PortId>,
        /// The subnet to take the address from.
        vip_subnet_id: Option<SubnetId>,
        /// The network to take the address from.
        vip_network_id: Option<NetworkId>,
        /// A QoS policy for the port of the VIP.
        vip_qos_policy_id: Option<Uuid>,
        /// Security groups for the port of the VIP, instead of ours.
        vip_sg_ids: Patch<Vec<Uuid>>,
        /// More addresses.
        additional_vips: Option<Vec<AdditionalVip>>,
        /// Who makes it so.
        provider: Option<ProviderName>,
        /// A flavor; never null.
        flavor_id: Patch<OfferingId>,
        /// An availability zone, by name; never null.
        availability_zone: Patch<Label>,
        /// What it serves.
        listeners: Option<Vec<ListenerDefinition>>,
        /// Who answers.
        pools: Option<Vec<PoolDefinition>>,
        /// For people and their tools.
        tags: Option<Tags>,
    }
}

body! {
    /// `PUT /loadbalancers/{id}`.
    #[derive(Default)]
    pub struct Update in "load_balancer", "loadbalancer" {
        /// For people.
        name: Patch<Label>,
        /// For people.
        description: Patch<Label>,
        /// Whether it serves; null is false.
        admin_state_up: Patch<bool>,
        /// A QoS policy for the port of the VIP.
        vip_qos_policy_id: Patch<Uuid>,
        /// Security groups for the port of the VIP, instead of ours.
        vip_sg_ids: Patch<Vec<Uuid>>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// For whom it is, if that is said.
    pub fn project(&self) -> Option<&ProjectId> {
        self.tenant_id.as_ref().or(self.project_id.as_ref())
    }

    /// What is said of the VIP (contract 3.11).
    ///
    /// # Errors
    ///
    /// Nothing is said, or what this deployment does not allow.
    pub fn vip_request(&self, deployment: &Deployment) -> Result<VipRequest, Violation> {
        let ways = [
            ("vip_port_id", self.vip_port_id.is_some(), deployment.allow_vip_port_id),
            ("vip_network_id", self.vip_network_id.is_some(), deployment.allow_vip_network_id),
            ("vip_subnet_id", self.vip_subnet_id.is_some(), deployment.allow_vip_subnet_id),
        ];
        if let Some((way, ..)) = ways.iter().find(|(_, said, allowed)| *said && !allowed) {
            return Err(Violation::rule(format!(
                "use of {way} is disallowed by this deployment's configuration."
            )));
        }
        if !ways.iter().any(|(_, said, _)| *said) {
            let allowed: Vec<&str> =
                ways.iter().filter(|(.., allowed)| *allowed).map(|(way, ..)| *way).collect();
            return Err(Violation::rule(format!(
                "VIP must contain one of: {}.",
                allowed.join(", ")
            )));
        }
        let more = self.additional_vips.iter().flatten();
        Ok(VipRequest {
            port: self.vip_port_id,
            network: self.vip_network_id,
            subnet: self.vip_subnet_id,
            address: self.vip_address,
            additional: more
                .map(|it| AdditionalVipRequest { subnet: it.subnet_id, address: it.ip_address })
                .collect(),
        })
    }

    /// The load balancer alone. Its VIP is not leased yet: see [`unleased`].
    fn root(&self, id: LoadBalancerId, provider: ProviderName) -> Result<LoadBalancer, Violation> {
        if self.flavor_id == Patch::Null {
            return Err(Violation::rule("Invalid flavor_id."));
        }
        if self.availability_zone == Patch::Null {
            return Err(Violation::rule("Invalid availability zone."));
        }
        Ok(LoadBalancer {
            id,
            name: self.name.clone().unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            admin_state_up: self.admin_state_up.clone().or(true, false),
            vip: unleased(),
            additional_vips: Vec::new(),
            vip_qos_policy: self.vip_qos_policy_id,
            vip_security_groups: self.vip_sg_ids.clone().value().unwrap_or_default(),
            provider,
            flavor: self.flavor_id.clone().value(),
            availability_zone: self.availability_zone.clone().value(),
            // Given by whoever knows the flavor.
            allowance: Allowance::default(),
            tags: self.tags.clone().unwrap_or_default(),
        })
    }
}

/// What stands for a VIP until an address is leased, which happens in the transaction that records
/// the load balancer.
pub const fn unleased() -> Vip {
    Vip {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: PortId::new(Uuid::nil()),
        subnet: SubnetId::new(Uuid::nil()),
        network: NetworkId::new(Uuid::nil()),
    }
}

impl Update {
    /// The load balancer as it shall be. Can be asked again of one that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// None so far; what the network service says is asked elsewhere.
    pub fn apply(
        &self,
        stored: &LoadBalancer,
        _deployment: &Deployment,
    ) -> Result<LoadBalancer, Violation> {
        let mut load_balancer = stored.clone();
        self.name.onto(&mut load_balancer.name, Label::empty());
        self.description.onto(&mut load_balancer.description, Label::empty());
        self.admin_state_up.onto(&mut load_balancer.admin_state_up, false);
        self.vip_qos_policy_id.onto_option(&mut load_balancer.vip_qos_policy);
        self.vip_sg_ids.onto(&mut load_balancer.vip_security_groups, Vec::new());
        self.tags.onto_unless_null(&mut load_balancer.tags);
        Ok(load_balancer)
    }
}

/// A load balancer as clients see it.
pub fn view(record: &Record<LoadBalancer>) -> Value {
    let it = &record.value;
    let additional: Vec<Value> = it
        .additional_vips
        .iter()
        .map(|vip| {
            json!({
                "subnet_id": vip.subnet.to_string(),
                "ip_address": vip.address.to_string(),
                "port_id": vip.port.to_string(),
            })
        })
        .collect();
    let own = json!({
        "name": it.name.as_str(),
        "description": it.description.as_str(),
        "admin_state_up": it.admin_state_up,
        "vip_address": it.vip.address.to_string(),
        "vip_port_id": it.vip.port.to_string(),
        "vip_subnet_id": it.vip.subnet.to_string(),
        "vip_network_id": it.vip.network.to_string(),
        "vip_qos_policy_id": text(it.vip_qos_policy),
        "vip_sg_ids": texts(&it.vip_security_groups),
        "vip_vnic_type": "normal",
        "additional_vips": additional,
        "listeners": links(&record.related.listeners),
        "pools": links(&record.related.pools),
        "provider": it.provider.as_str(),
        "flavor_id": text(it.flavor),
        "availability_zone": text(it.availability_zone.as_ref()),
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
