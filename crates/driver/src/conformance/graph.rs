//! Graphs to check a driver with.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use evenkeel_model::flavor::Allowance;
use evenkeel_model::health_monitor::{Probe, ProbeKind};
use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::Condition;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::{Capabilities, ProviderName};
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::{ListenerTls, PoolTls};
use evenkeel_model::{
    Generation, HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerGraph,
    LoadBalancerId, Member, Pool, PoolId,
};

use crate::Driver;

/// The discard port, which nobody listens on: members are there to be counted.
const NOBODY: u16 = 9;

/// A load balancer with a listener, a pool and a member, which a driver of these capabilities can
/// serve.
pub(super) fn of(capabilities: &Capabilities, vip: IpAddr) -> LoadBalancerGraph {
    let http = capabilities.listeners.contains(&ListenerProtocol::Http);
    let (listens, speaks) = if http {
        (ListenerProtocol::Http, PoolProtocol::Http)
    } else {
        (ListenerProtocol::Tcp, PoolProtocol::Tcp)
    };
    let load_balancer = load_balancer(vip);
    let pool = pool(load_balancer.id, 5, speaks);
    LoadBalancerGraph {
        generation: Generation::new(1),
        listeners: vec![listener(load_balancer.id, listens, 8080, Some(pool.id))],
        members: vec![member(pool.id, 1, nobody(1))],
        pools: vec![pool],
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        health_monitors: Vec::new(),
        material: Vec::new(),
        attachment: None,
        floating: Vec::new(),
        load_balancer,
    }
}

/// Adds a listener and a member.
pub(super) fn grow(graph: &mut LoadBalancerGraph) {
    let first = &graph.listeners[0];
    let (load_balancer, protocol) = (first.load_balancer, first.protocol);
    graph.listeners.push(listener(load_balancer, protocol, 8081, None));
    graph.members.push(member(graph.pools[0].id, 3, nobody(3)));
}

/// Adds a listener that is beyond these capabilities, if there is any.
pub(super) fn exceed(graph: &mut LoadBalancerGraph, capabilities: &Capabilities) -> bool {
    let beyond = ListenerProtocol::ALL.iter().find(|it| !capabilities.listeners.contains(it));
    let load_balancer = graph.load_balancer.id;
    graph.listeners.extend(beyond.map(|it| listener(load_balancer, *it, 8082, None)));
    beyond.is_some()
}

fn load_balancer(address: IpAddr) -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId::new(uuid(1)),
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        vip: Vip { address, port: uuid(2).into(), subnet: uuid(3).into(), network: uuid(4).into() },
        additional_vips: Vec::new(),
        vip_qos_policy: None,
        vip_security_groups: Vec::new(),
        provider: ProviderName::new("checked"),
        flavor: None,
        availability_zone: None,
        allowance: Allowance::default(),
        tags: Tags::default(),
    }
}

/// A listener at this port.
pub(super) fn listener(
    load_balancer: LoadBalancerId,
    protocol: ListenerProtocol,
    port: u16,
    default_pool: Option<PoolId>,
) -> Listener {
    Listener {
        id: uuid(port.into()).into(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol,
        protocol_port: i64::from(port).try_into().expect("a port of ours"),
        connection_limit: None,
        default_pool,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}

fn pool(load_balancer: LoadBalancerId, number: u128, protocol: PoolProtocol) -> Pool {
    Pool {
        id: uuid(number).into(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol,
        algorithm: Algorithm::RoundRobin,
        persistence: None,
        tls: PoolTls::default(),
        tags: Tags::default(),
    }
}

/// Adds a pool like the first, which nobody uses yet.
pub(super) fn another_pool(graph: &mut LoadBalancerGraph) -> PoolId {
    let another = pool(graph.load_balancer.id, 7, graph.pools[0].protocol);
    graph.pools.push(another);
    uuid(7).into()
}

/// Adds a policy behind the others of the first listener, which acts where all these rules hold.
pub(super) fn policy(
    graph: &mut LoadBalancerGraph,
    action: Action,
    conditions: Vec<Condition>,
) -> &mut L7Policy {
    let number = u16::try_from(graph.l7_policies.len() + 1).expect("there are few");
    let policy = uuid(0x1000 + u128::from(number)).into();
    for condition in conditions {
        let number = u16::try_from(graph.l7_rules.len() + 1).expect("there are few");
        graph.l7_rules.push(L7Rule {
            id: uuid(0x2_0000 + u128::from(number)).into(),
            policy,
            admin_state_up: true,
            condition,
            invert: false,
            tags: Tags::default(),
        });
    }
    graph.l7_policies.push(L7Policy {
        id: policy,
        listener: graph.listeners[0].id,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        action,
        position: i64::from(number).try_into().expect("a position of ours"),
        tags: Tags::default(),
    });
    graph.l7_policies.last_mut().expect("it was added")
}

/// Where no member is.
fn nobody(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, number], NOBODY))
}

/// A monitor that asks each second, if the driver has any that every member can answer.
pub(super) fn monitor(pool: PoolId, driver: &impl Driver) -> Option<HealthMonitor> {
    let second = || 1.try_into().expect("a time of ours");
    let once = || 1.try_into().expect("a count of ours");
    driver.capabilities().probes.contains(&ProbeKind::Tcp).then(|| HealthMonitor {
        id: uuid(6).into(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        probe: Probe::Tcp,
        delay: second(),
        timeout: second(),
        rise: once(),
        fall: once(),
        tags: Tags::default(),
    })
}

/// A member of a pool.
pub(super) fn member(pool: PoolId, number: u8, socket: SocketAddr) -> Member {
    Member {
        id: uuid(0x100 + u128::from(number)).into(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        address: socket.ip().into(),
        protocol_port: i64::from(socket.port()).try_into().expect("a port of ours"),
        weight: 1.try_into().expect("a weight of ours"),
        backup: false,
        subnet: None,
        monitor_address: None,
        monitor_port: None,
        tags: Tags::default(),
    }
}

const fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}
