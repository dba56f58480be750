//! One of each message.

use evenkeel_model::flavor::Allowance;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::observed::{Observation, Served, Traffic};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::{
    AgentId, Epoch, Generation, ListenerId, LoadBalancer, LoadBalancerGraph, LoadBalancerId,
    NetworkId, PortId, SubnetId,
};
use evenkeel_vault::PublicKey;
use uuid::Uuid;

use crate::{Fetch, FromAgent, Hello, Index, IndexEntry, Inventory, InventoryEntry, Observed};
use crate::{Outcome, ToAgent, Unusable};

const NUMBER: Uuid = Uuid::from_u128(0x0102_0304_0506_4708_890a_0b0c_0d0e_0f10);

pub(crate) fn id() -> LoadBalancerId {
    LoadBalancerId::new(NUMBER)
}

pub(crate) fn graph(generation: u64, name: &str) -> LoadBalancerGraph {
    LoadBalancerGraph {
        generation: Generation::new(generation),
        load_balancer: LoadBalancer {
            id: id(),
            name: Label::try_from(name.to_owned()).unwrap_or_else(|_| Label::empty()),
            description: Label::empty(),
            admin_state_up: true,
            vip: Vip {
                address: "192.0.2.1".parse().unwrap(),
                port: PortId::new(NUMBER),
                subnet: SubnetId::new(NUMBER),
                network: NetworkId::new(NUMBER),
            },
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
        material: Vec::new(),
        attachment: None,
        floating: Vec::new(),
    }
}

pub(super) fn observation(number: u64) -> Observation {
    let traffic = Traffic { bytes_in: number, ..Traffic::default() };
    Observation {
        served: Served::Serving(Generation::new(number)),
        traffic: [(ListenerId::new(NUMBER), traffic)].into(),
        sockets: [(ListenerId::new(NUMBER), "127.0.0.1:8080".parse().unwrap())].into(),
        ..Observation::default()
    }
}

pub(super) fn to_agent() -> [ToAgent; 4] {
    let (epoch, generation) = (Epoch::new(2), Generation::new(300));
    let entries = vec![IndexEntry { load_balancer: id(), epoch, generation }];
    let reason = "it is too large".to_owned();
    [
        ToAgent::Index(Index { serial: 1, entries }),
        ToAgent::Graph(Box::new(crate::Graph {
            load_balancer: id(),
            epoch,
            graph: Some(graph(300, "web")),
        })),
        ToAgent::Graph(Box::new(crate::Graph { load_balancer: id(), epoch, graph: None })),
        ToAgent::Unusable(Unusable { load_balancer: id(), epoch, generation, reason }),
    ]
}

pub(super) fn from_agent() -> [FromAgent; 4] {
    let (epoch, generation) = (Epoch::new(2), Generation::new(300));
    let reason = || "the port is taken".to_owned();
    let outcomes = [
        Outcome::Converged(generation),
        Outcome::Refused { generation, reason: reason() },
        Outcome::Retrying { generation, reason: reason() },
        Outcome::Leaving,
    ];
    let entry = |outcome| InventoryEntry { load_balancer: id(), epoch, outcome };
    [
        FromAgent::Hello(Hello {
            agent: AgentId::new(NUMBER),
            host: "node-1".to_owned(),
            providers: vec![ProviderName::new("haproxy"), ProviderName::new("octavia")],
            capacity: 1000,
            key: PublicKey::new(vec![1, 2, 3]),
            probes: Vec::new(),
        }),
        FromAgent::Fetch(Fetch { load_balancer: id() }),
        FromAgent::Inventory(Inventory { answers: 1, entries: outcomes.map(entry).into() }),
        FromAgent::Observed(Observed { load_balancer: id(), epoch, observation: observation(300) }),
    ]
}
