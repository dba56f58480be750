//! A configuration that has what templates may add to: both kinds of frontends and backends.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use evenkeel_driver::Site;
use evenkeel_model::address::SpeltAddress;
use evenkeel_model::flavor::Allowance;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::{ListenerTls, PoolTls};
use evenkeel_model::{
    Epoch, Generation, Listener, LoadBalancer, LoadBalancerGraph, Member, Pool, PoolId,
};
use evenkeel_vault::Material;
use uuid::Uuid;

use crate::configuration::Configuration;
use crate::render::{NodeLimits, render};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What [`configuration`] is made of.
fn graph() -> LoadBalancerGraph {
    let load_balancer = load_balancer();
    let [http, tcp] =
        [PoolProtocol::Http, PoolProtocol::Tcp].map(|speaks| pool(&load_balancer, speaks));
    let listener = |protocol, port, pool| listener(&load_balancer, protocol, port, pool);
    LoadBalancerGraph {
        generation: Generation::new(1),
        listeners: vec![
            listener(ListenerProtocol::Http, 80, Some(http.id)),
            listener(ListenerProtocol::Tcp, 81, Some(tcp.id)),
            listener(ListenerProtocol::Prometheus, 82, None),
        ],
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        members: [&http, &tcp].map(member).into(),
        pools: vec![http, tcp],
        health_monitors: Vec::new(),
        material: Vec::new(),
        attachment: None,
        floating: Vec::new(),
        load_balancer,
    }
}

/// A configuration without the template, and its graph.
pub(super) fn configuration() -> (Configuration, LoadBalancerGraph) {
    let graph = graph();
    let site = Site {
        load_balancer: graph.load_balancer.id,
        epoch: Epoch::default(),
        directory: PathBuf::new(),
        secrets: PathBuf::new(),
        namespace: None,
        user: None,
        sockets: BTreeMap::new(),
    };
    let limits = NodeLimits { descriptors: 20_000 };
    let configuration = render(&graph, &site, limits, &Material::none());
    let configuration = configuration.expect("the sample can be rendered");
    (configuration, graph)
}

fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        id: Uuid::from_u128(1).into(),
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        vip: Vip {
            address: ADDRESS,
            port: Uuid::nil().into(),
            subnet: Uuid::nil().into(),
            network: Uuid::nil().into(),
        },
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

fn listener(
    load_balancer: &LoadBalancer,
    protocol: ListenerProtocol,
    port: u16,
    default_pool: Option<PoolId>,
) -> Listener {
    Listener {
        id: Uuid::from_u128(port.into()).into(),
        load_balancer: load_balancer.id,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol,
        protocol_port: number(port.into()),
        connection_limit: None,
        default_pool,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}

fn pool(load_balancer: &LoadBalancer, protocol: PoolProtocol) -> Pool {
    Pool {
        id: Uuid::from_u128(if protocol == PoolProtocol::Http { 2 } else { 3 }).into(),
        load_balancer: load_balancer.id,
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

fn member(pool: &Pool) -> Member {
    Member {
        id: pool.id.uuid().into(),
        pool: pool.id,
        name: Label::empty(),
        admin_state_up: true,
        address: SpeltAddress::from(ADDRESS),
        protocol_port: number(9),
        weight: number(1),
        backup: false,
        subnet: None,
        monitor_address: None,
        monitor_port: None,
        tags: Tags::default(),
    }
}

fn number<T: TryFrom<i64>>(number: i64) -> T {
    T::try_from(number).ok().expect("the numbers of the sample are within their bounds")
}
