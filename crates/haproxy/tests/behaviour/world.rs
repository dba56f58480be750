//! Graphs, said briefly.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use evenkeel_driver::Site;
use evenkeel_model::address::SpeltAddress;
use evenkeel_model::flavor::Allowance;
use evenkeel_model::health_monitor::{HttpMethod, HttpProbe, Probe, StatusCodes};
use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::{AdditionalVip, Vip};
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags, UrlPath};
use evenkeel_model::tls::{ListenerTls, PoolTls};
use evenkeel_model::{
    Epoch, Generation, HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, LoadBalancer,
    LoadBalancerGraph, Member, Pool, PoolId,
};
use uuid::Uuid;

/// An id that shows its kind and number.
fn uuid(kind: u128, number: usize) -> Uuid {
    Uuid::from_u128((kind << 96) | number as u128)
}

/// Kinds are told apart by how their ids begin.
const LOAD_BALANCER: u128 = 0x1b;
const LISTENER: u128 = 0x11;
const POOL: u128 = 0x22;
const MEMBER: u128 = 0x33;
const MONITOR: u128 = 0x44;
const POLICY: u128 = 0x55;
const RULE: u128 = 0x66;
const NETWORK: u128 = 0x77;

/// A load balancer on 10.0.0.20 with nothing in it.
pub(crate) fn load_balancer() -> LoadBalancerGraph {
    LoadBalancerGraph {
        generation: Generation::new(7),
        load_balancer: LoadBalancer {
            id: uuid(LOAD_BALANCER, 1).into(),
            name: Label::empty(),
            description: Label::empty(),
            admin_state_up: true,
            vip: Vip {
                address: address("10.0.0.20"),
                port: uuid(NETWORK, 1).into(),
                subnet: uuid(NETWORK, 2).into(),
                network: uuid(NETWORK, 3).into(),
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

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn site(graph: &LoadBalancerGraph) -> Site {
    Site {
        load_balancer: graph.load_balancer.id,
        epoch: Epoch::new(1),
        directory: PathBuf::from("/var/lib/evenkeel"),
        secrets: PathBuf::from("/run/evenkeel"),
        namespace: None,
        user: None,
        sockets: BTreeMap::new(),
    }
}

/// Parts are put into a graph and can be changed where they are.
pub(crate) trait Build {
    fn listener(&mut self, protocol: ListenerProtocol, port: i64) -> &mut Listener;
    fn pool(&mut self, protocol: PoolProtocol) -> &mut Pool;
    fn member(&mut self, pool: PoolId, at: &str, port: i64) -> &mut Member;
    fn monitor(&mut self, pool: PoolId, probe: Probe) -> &mut HealthMonitor;
    fn policy(&mut self, listener: ListenerId, action: Action) -> &mut L7Policy;
    fn rule(&mut self, kind: RuleKind, how: Comparison, key: &str, value: &str) -> &mut L7Rule;
    fn additional_vip(&mut self, at: &str);
    /// A pool of this protocol with two members.
    fn pair(&mut self, protocol: PoolProtocol) -> PoolId;
    /// A listener on port 80, or 443 for HTTPS, in front of a pool.
    fn serve(&mut self, protocol: ListenerProtocol, pool: PoolId) -> ListenerId;
}

impl Build for LoadBalancerGraph {
    fn listener(&mut self, protocol: ListenerProtocol, port: i64) -> &mut Listener {
        let id = uuid(LISTENER, self.listeners.len() + 1).into();
        self.listeners.push(Listener {
            id,
            load_balancer: self.load_balancer.id,
            name: Label::empty(),
            description: Label::empty(),
            admin_state_up: true,
            protocol,
            protocol_port: port.try_into().unwrap(),
            connection_limit: None,
            default_pool: None,
            insert_headers: BTreeMap::new(),
            timeouts: Timeouts::default(),
            tls: ListenerTls::default(),
            allowed_cidrs: Vec::new(),
            tags: Tags::default(),
        });
        self.listeners.last_mut().unwrap()
    }

    fn pool(&mut self, protocol: PoolProtocol) -> &mut Pool {
        let id = uuid(POOL, self.pools.len() + 1).into();
        self.pools.push(Pool {
            id,
            load_balancer: self.load_balancer.id,
            name: Label::empty(),
            description: Label::empty(),
            admin_state_up: true,
            protocol,
            algorithm: Algorithm::RoundRobin,
            persistence: None,
            tls: PoolTls::default(),
            tags: Tags::default(),
        });
        self.pools.last_mut().unwrap()
    }

    fn member(&mut self, pool: PoolId, at: &str, port: i64) -> &mut Member {
        let id = uuid(MEMBER, self.members.len() + 1).into();
        self.members.push(Member {
            id,
            pool,
            name: Label::empty(),
            admin_state_up: true,
            address: SpeltAddress::from(address(at)),
            protocol_port: port.try_into().unwrap(),
            weight: 1.try_into().unwrap(),
            backup: false,
            subnet: None,
            monitor_address: None,
            monitor_port: None,
            tags: Tags::default(),
        });
        self.members.last_mut().unwrap()
    }

    fn monitor(&mut self, pool: PoolId, probe: Probe) -> &mut HealthMonitor {
        let id = uuid(MONITOR, self.health_monitors.len() + 1).into();
        self.health_monitors.push(HealthMonitor {
            id,
            pool,
            name: Label::empty(),
            admin_state_up: true,
            probe,
            delay: 5.try_into().unwrap(),
            timeout: 3.try_into().unwrap(),
            rise: 2.try_into().unwrap(),
            fall: 3.try_into().unwrap(),
            tags: Tags::default(),
        });
        self.health_monitors.last_mut().unwrap()
    }

    fn policy(&mut self, listener: ListenerId, action: Action) -> &mut L7Policy {
        let position = self.l7_policies.len() + 1;
        self.l7_policies.push(L7Policy {
            id: uuid(POLICY, position).into(),
            listener,
            name: Label::empty(),
            description: Label::empty(),
            admin_state_up: true,
            action,
            position: i64::try_from(position).unwrap().try_into().unwrap(),
            tags: Tags::default(),
        });
        self.l7_policies.last_mut().unwrap()
    }

    fn rule(&mut self, kind: RuleKind, how: Comparison, key: &str, value: &str) -> &mut L7Rule {
        let key = (!key.is_empty()).then(|| key.to_owned());
        self.l7_rules.push(L7Rule {
            id: uuid(RULE, self.l7_rules.len() + 1).into(),
            policy: self.l7_policies.last().unwrap().id,
            admin_state_up: true,
            condition: Condition::new(kind, how, key, value.to_owned()).unwrap(),
            invert: false,
            tags: Tags::default(),
        });
        self.l7_rules.last_mut().unwrap()
    }

    fn additional_vip(&mut self, at: &str) {
        self.load_balancer.additional_vips.push(AdditionalVip {
            address: address(at),
            port: self.load_balancer.vip.port,
            subnet: self.load_balancer.vip.subnet,
        });
    }

    fn pair(&mut self, protocol: PoolProtocol) -> PoolId {
        let pool = self.pool(protocol).id;
        self.member(pool, "10.0.0.4", 8080);
        self.member(pool, "10.0.0.5", 8080);
        pool
    }

    fn serve(&mut self, protocol: ListenerProtocol, pool: PoolId) -> ListenerId {
        let port = 80 + 100 * i64::try_from(self.listeners.len()).unwrap();
        let listener = self.listener(protocol, port);
        listener.default_pool = Some(pool);
        listener.id
    }
}

/// A probe that asks for `/`.
pub(crate) fn http_probe() -> HttpProbe {
    HttpProbe {
        method: HttpMethod::Get,
        path: UrlPath::root(),
        expected: StatusCodes::ok(),
        version: None,
        domain_name: None,
    }
}
