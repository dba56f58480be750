//! A network, an agent, and load balancers, said briefly.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::flavor::Allowance;
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::VipRequest;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::{ListenerTls, PoolTls};
use evenkeel_model::{
    AgentId, Generation, HealthMonitor, L7Policy, L7PolicyId, L7Rule, Listener, ListenerId,
    LoadBalancer, LoadBalancerId, Member, Pool, PoolId, ProjectId, SubnetId,
};
use evenkeel_store::{
    AgentHello, Furnish, Held, Progress, Store, StoreError, Stored, Tree, TreeDraft, no_vip,
};
use uuid::Uuid;

pub(crate) fn id<T: From<Uuid>>() -> T {
    Uuid::new_v4().into()
}

pub(crate) fn project() -> ProjectId {
    ProjectId::new("acme").unwrap()
}

pub(crate) fn agent() -> AgentId {
    AgentId::new(Uuid::from_u128(0xa))
}

fn subnet() -> SubnetId {
    SubnetId::new(Uuid::from_u128(0x5))
}

/// What asks for any address of the network of [`settled_in`].
pub(crate) fn any_vip() -> VipRequest {
    VipRequest { subnet: Some(subnet()), ..VipRequest::default() }
}

/// Gives the store a network, and an agent that takes everything.
pub(crate) async fn settled_in(store: &Store) {
    let network = Network {
        id: Uuid::from_u128(0x4).into(),
        name: "net".to_owned(),
        project: project(),
        shared: true,
        mtu: 1500,
        vlan: None,
        is_external: false,
        allowed: Vec::new(),
    };
    let subnet = Subnet {
        id: subnet(),
        network: network.id,
        name: "vips".to_owned(),
        cidr: "10.1.0.0/16".parse().unwrap(),
        gateway: Some("10.1.0.1".parse().unwrap()),
        host_routes: Vec::new(),
        pools: Vec::new(),
    };
    store.seed_network(network, vec![subnet]).await.unwrap();
    let hello = AgentHello {
        agent: agent(),
        host: "node".to_owned(),
        providers: vec![ProviderName::new("haproxy")],
        capacity: 1000,
        probes: Vec::new(),
    };
    store.hello(hello).await.unwrap();
}

pub(crate) fn draft(name: &str) -> TreeDraft {
    TreeDraft {
        load_balancer: LoadBalancer {
            id: id(),
            name: Label::try_from(name.to_owned()).unwrap(),
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
        },
        listeners: Vec::new(),
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        pools: Vec::new(),
        members: Vec::new(),
        health_monitors: Vec::new(),
        furnish: Furnish::default(),
    }
}

/// A load balancer with nothing in it.
pub(crate) async fn empty(store: &Store, name: &str) -> Result<Tree, StoreError> {
    store.create_tree(draft(name), any_vip(), project()).await
}

/// The same, whose id alone matters.
pub(crate) async fn load_balancer(store: &Store) -> LoadBalancerId {
    empty(store, "web").await.unwrap().load_balancer.value.id
}

pub(crate) fn listener(load_balancer: LoadBalancerId, port: i64) -> Listener {
    Listener {
        id: id(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: ListenerProtocol::Http,
        protocol_port: port.try_into().unwrap(),
        connection_limit: None,
        default_pool: None,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}

pub(crate) fn pool(load_balancer: LoadBalancerId) -> Pool {
    Pool {
        id: id(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: PoolProtocol::Http,
        algorithm: Algorithm::RoundRobin,
        persistence: None,
        tls: PoolTls::default(),
        tags: Tags::default(),
    }
}

pub(crate) fn member(pool: PoolId, address: &str) -> Member {
    Member {
        id: id(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        address: address.to_owned().try_into().unwrap(),
        protocol_port: 80.try_into().unwrap(),
        weight: 1.try_into().unwrap(),
        backup: false,
        subnet: None,
        monitor_address: None,
        monitor_port: None,
        tags: Tags::default(),
    }
}

pub(crate) fn monitor(pool: PoolId) -> HealthMonitor {
    HealthMonitor {
        id: id(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        probe: Probe::Tcp,
        delay: 5.try_into().unwrap(),
        timeout: 3.try_into().unwrap(),
        rise: 2.try_into().unwrap(),
        fall: 3.try_into().unwrap(),
        tags: Tags::default(),
    }
}

pub(crate) fn policy(listener: ListenerId, position: i64, action: Action) -> L7Policy {
    L7Policy {
        id: id(),
        listener,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        action,
        position: position.try_into().unwrap(),
        tags: Tags::default(),
    }
}

pub(crate) fn rule(policy: L7PolicyId) -> L7Rule {
    let condition =
        Condition::new(RuleKind::Path, Comparison::StartsWith, None, "/img".to_owned()).unwrap();
    L7Rule {
        id: id(),
        policy,
        admin_state_up: true,
        condition,
        invert: false,
        tags: Tags::default(),
    }
}

/// Places whatever needs a node, as the control plane does.
pub(crate) async fn place_all(store: &Store) {
    for unplaced in store.unplaced().await.unwrap() {
        assert!(store.place(unplaced.id, agent(), unplaced.epoch).await.unwrap());
    }
}

/// The agent says that it has come this far with all that it shall hold.
pub(crate) async fn report(store: &Store, progress: impl Fn(Generation) -> Progress) {
    place_all(store).await;
    let index = store.index(agent()).await.unwrap();
    let held = index.iter().map(|entry| Held {
        load_balancer: entry.load_balancer,
        epoch: entry.epoch,
        progress: progress(entry.generation),
    });
    let indexed: BTreeSet<_> = index.iter().map(|entry| entry.load_balancer).collect();
    store.settle(agent(), held.collect(), indexed).await.unwrap();
}

/// The agent serves all that it shall.
pub(crate) async fn serve(store: &Store) {
    report(store, Progress::Converged).await;
}

pub(crate) async fn status<T: Stored>(store: &Store, id: T::Id) -> ProvisioningStatus {
    store.get::<T>(id).await.unwrap().provisioning_status
}
