//! What a tenant asks for, and the network that it is on.

use std::collections::BTreeMap;

use evenkeel_model::flavor::Allowance;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::VipRequest;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::ListenerTls;
use evenkeel_model::{
    Listener, ListenerId, LoadBalancer, LoadBalancerId, NetworkId, ProjectId, SubnetId,
};
use evenkeel_store::{Furnish, Store, TreeDraft, no_vip};
use uuid::Uuid;

use super::Dice;

const NETWORK: NetworkId = NetworkId::new(Uuid::from_u128(0x10));
const SUBNET: SubnetId = SubnetId::new(Uuid::from_u128(0x11));

/// Gives the store a network.
pub(super) async fn seed(store: &Store) -> anyhow::Result<()> {
    let network = Network {
        id: NETWORK,
        name: "vips".to_owned(),
        project: project(),
        shared: true,
        mtu: 1500,
        vlan: None,
        is_external: false,
        allowed: Vec::new(),
    };
    let subnet = Subnet {
        id: SUBNET,
        network: NETWORK,
        name: "vips".to_owned(),
        cidr: "10.1.0.0/16".parse()?,
        gateway: None,
        host_routes: Vec::new(),
        pools: Vec::new(),
    };
    store.seed_network(network, vec![subnet]).await?;
    Ok(())
}

/// The tenant.
#[expect(clippy::expect_used, reason = "the name is good")]
pub(super) fn project() -> ProjectId {
    ProjectId::new("tenant").expect("the name is good")
}

/// Any address will do.
pub(super) fn any_vip() -> VipRequest {
    VipRequest { subnet: Some(SUBNET), ..VipRequest::default() }
}

/// A load balancer with a listener.
pub(super) fn draft(dice: &mut Dice) -> TreeDraft {
    let load_balancer = load_balancer(id(dice).into());
    TreeDraft {
        listeners: vec![listener(load_balancer.id, id(dice).into())],
        load_balancer,
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        pools: Vec::new(),
        members: Vec::new(),
        health_monitors: Vec::new(),
        furnish: Furnish::default(),
    }
}

fn id(dice: &mut Dice) -> Uuid {
    Uuid::from_u64_pair(dice.number(), dice.number())
}

fn load_balancer(id: LoadBalancerId) -> LoadBalancer {
    LoadBalancer {
        id,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        vip: no_vip(),
        additional_vips: Vec::new(),
        vip_qos_policy: None,
        vip_security_groups: Vec::new(),
        provider: ProviderName::new("haproxy"),
        flavor: None,
        availability_zone: None,
        allowance: Allowance::default(),
        tags: Tags::default(),
    }
}

#[expect(clippy::expect_used, reason = "the port is good")]
fn listener(load_balancer: LoadBalancerId, id: ListenerId) -> Listener {
    Listener {
        id,
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: ListenerProtocol::Tcp,
        protocol_port: 8080.try_into().expect("the port is good"),
        connection_limit: None,
        default_pool: None,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}
