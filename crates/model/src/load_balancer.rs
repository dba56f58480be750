//! Load balancers: a VIP, and what is served on it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::flavor::Allowance;
use crate::provider::ProviderName;
use crate::text::{Label, Tags};
use crate::{LoadBalancerId, NetworkId, OfferingId, PortId, SubnetId};

/// The root of a graph: a VIP with listeners and pools.
///
/// Without a listener it has nothing to serve and exists on no node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its namespace and its state directory are named after it.
    pub id: LoadBalancerId,
    /// For people.
    pub name: Label,
    /// For people.
    pub description: Label,
    /// Disabled, the whole VIP stops serving.
    pub admin_state_up: bool,
    /// Where clients find it.
    pub vip: Vip,
    /// More addresses of the same network, each of a subnet of its own.
    pub additional_vips: Vec<AdditionalVip>,
    /// A `QoS` policy of the network service.
    pub vip_qos_policy: Option<Uuid>,
    /// Security groups on the VIP port instead of ours.
    pub vip_security_groups: Vec<Uuid>,
    /// Who makes it so, spelt as it was asked for.
    pub provider: ProviderName,
    /// A flavor.
    pub flavor: Option<OfferingId>,
    /// An availability zone, by name.
    pub availability_zone: Option<Label>,
    /// What its flavor lets it take of a node.
    #[serde(default)]
    pub allowance: Allowance,
    /// For people and their tools.
    pub tags: Tags,
}

/// A VIP: an address of a port on a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vip {
    /// What clients connect to.
    pub address: IpAddr,
    /// The port that holds the address.
    pub port: PortId,
    /// The subnet the address is of.
    pub subnet: SubnetId,
    /// The network of that subnet.
    pub network: NetworkId,
}

/// An address besides the VIP's own, on the same port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionalVip {
    /// What clients connect to.
    pub address: IpAddr,
    /// The port that holds the address: the VIP's.
    pub port: PortId,
    /// The subnet the address is of.
    pub subnet: SubnetId,
}

/// What a tenant says about the VIP of a load balancer to be: any of the three, checked in the
/// order port, network, subnet (contract 3.11). At least one is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VipRequest {
    /// An existing port.
    pub port: Option<PortId>,
    /// A network, of which a subnet is chosen.
    pub network: Option<NetworkId>,
    /// A subnet.
    pub subnet: Option<SubnetId>,
    /// The address wanted; any free one otherwise.
    pub address: Option<IpAddr>,
    /// More addresses.
    pub additional: Vec<AdditionalVipRequest>,
}

/// What a tenant says about one more address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdditionalVipRequest {
    /// The subnet to take it from.
    pub subnet: SubnetId,
    /// The address wanted; any free one otherwise.
    pub address: Option<IpAddr>,
}
