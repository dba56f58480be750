//! Every field of a graph, and which way a difference in it goes. A field that is added to the
//! model does not compile here until it has a row.

use std::collections::BTreeMap;

use evenkeel_haproxy::change::{Change, between};
use evenkeel_haproxy::{NodeLimits, render};
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::listener::{InsertHeader, Timeouts};
use evenkeel_model::load_balancer::{AdditionalVip, Vip};
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Ciphers, Label, SecretRef, Tags};
use evenkeel_model::tls::{
    Alpn, ClientAuthentication, ListenerTls, MaterialKind, PoolTls, TlsOwner, TlsVersion,
};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerGraph, Member, Pool,
};
use evenkeel_vault::Material;
use uuid::Uuid;

use crate::authority::Held;
use crate::world::{self, Build, address};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The process is only told the new generation.
    Note,
    /// A few commands on its socket.
    Commands,
    /// Another process.
    Reload,
    /// This driver does not do it.
    Refused,
    /// A field that never changes: a part that has another is another part.
    Fixed,
}

/// A field, the way, and a change of it.
type Row = (&'static str, Way, Box<dyn Fn(&mut LoadBalancerGraph)>);

macro_rules! ways {
    ($kind:ident at $part:expr; $($field:ident: $way:ident $edit:expr;)+) => {{
        // Names every field, or does not compile.
        let _ = |$kind { $($field: _),+ }: $kind| ();
        let part: fn(&mut LoadBalancerGraph) -> &mut $kind = $part;
        let rows: Vec<Row> = vec![$({
            let edit: fn(&mut $kind) = $edit;
            (
                concat!(stringify!($kind), ".", stringify!($field)),
                Way::$way,
                Box::new(move |graph: &mut LoadBalancerGraph| edit(part(graph))),
            )
        }),+];
        rows
    }};
}

/// An HTTP listener with a policy, in front of two members that are probed.
fn http() -> LoadBalancerGraph {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::Http, pool);
    graph.monitor(pool, Probe::Tcp);
    graph.policy(listener, Action::Reject);
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/");
    graph
}

fn label() -> Label {
    Label::try_from("other".to_owned()).unwrap()
}

fn tags() -> Tags {
    std::iter::once("other".to_owned()).collect()
}

fn any() -> Uuid {
    Uuid::from_u128(42)
}

/// Asserts of each row that it goes its way from `start`.
fn check(start: &LoadBalancerGraph, rows: Vec<Row>) {
    check_with(start, &Material::none(), rows);
}

/// The same with content for the slots.
fn check_with(start: &LoadBalancerGraph, material: &Material, rows: Vec<Row>) {
    let rendered = |graph: &LoadBalancerGraph| {
        let limits = NodeLimits { descriptors: 20_000 };
        render::render(graph, &world::site(graph), limits, material)
    };
    for (field, way, edit) in rows {
        let mut end = start.clone();
        end.generation = start.generation.next();
        edit(&mut end);
        let seen = match rendered(&end).map(|wanted| between(&rendered(start).unwrap(), &wanted)) {
            Ok(Change::Nothing) => panic!("{field}: a generation that is not even noted"),
            Ok(Change::Note) => Way::Note,
            Ok(Change::Commands(_)) => Way::Commands,
            Ok(Change::Reload) => Way::Reload,
            Err(_) => Way::Refused,
        };
        assert!(way == Way::Fixed || way == seen, "{field} goes by {seen:?}");
    }
}

#[test]
fn each_field_of_a_load_balancer_goes_its_way() {
    let rows = ways! { LoadBalancer at |graph| &mut graph.load_balancer;
        id: Fixed |_| ();
        name: Note |it| it.name = label();
        description: Note |it| it.description = label();
        admin_state_up: Reload |it| it.admin_state_up = false;
        vip: Reload |it| it.vip.address = address("10.0.0.21");
        additional_vips: Reload |it| {
            let Vip { port, subnet, .. } = it.vip;
            let address = address("10.0.1.20");
            it.additional_vips = vec![AdditionalVip { address, port, subnet }];
        };
        vip_qos_policy: Note |it| it.vip_qos_policy = Some(any());
        vip_security_groups: Note |it| it.vip_security_groups = vec![any()];
        provider: Note |it| it.provider = ProviderName::new("amphora");
        flavor: Note |it| it.flavor = Some(any().into());
        availability_zone: Note |it| it.availability_zone = Some(label());
        allowance: Reload |it| it.allowance.threads = 2.try_into().unwrap();
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
    let rows = ways! { Vip at |graph| &mut graph.load_balancer.vip;
        address: Reload |it| it.address = address("10.0.0.21");
        port: Note |it| it.port = any().into();
        subnet: Note |it| it.subnet = any().into();
        network: Note |it| it.network = any().into();
    };
    check(&http(), rows);
}

#[test]
fn each_field_of_a_listener_goes_its_way() {
    let rows = ways! { Listener at |graph| &mut graph.listeners[0];
        id: Fixed |_| ();
        load_balancer: Fixed |_| ();
        name: Note |it| it.name = label();
        description: Note |it| it.description = label();
        admin_state_up: Reload |it| it.admin_state_up = false;
        protocol: Reload |it| it.protocol = ListenerProtocol::Prometheus;
        protocol_port: Reload |it| it.protocol_port = 81.try_into().unwrap();
        // It changes what the process takes in all, too.
        connection_limit: Reload |it| it.connection_limit = Some(10.try_into().unwrap());
        default_pool: Reload |it| it.default_pool = None;
        insert_headers: Reload |it| {
            it.insert_headers = BTreeMap::from([(InsertHeader::RealIp, "true".to_owned())]);
        };
        timeouts: Reload |it| it.timeouts.client_data = 1.try_into().unwrap();
        // Of no meaning where TLS does not end.
        tls: Note |it| it.tls.versions = Some(vec![TlsVersion::V1_3]);
        allowed_cidrs: Reload |it| it.allowed_cidrs = vec!["10.0.0.0/8".parse().unwrap()];
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
    let rows = ways! { Timeouts at |graph| &mut graph.listeners[0].timeouts;
        client_data: Reload |it| it.client_data = 1.try_into().unwrap();
        member_connect: Reload |it| it.member_connect = 1.try_into().unwrap();
        member_data: Reload |it| it.member_data = 1.try_into().unwrap();
        tcp_inspect: Reload |it| it.tcp_inspect = 1.try_into().unwrap();
    };
    let mut tcp = world::load_balancer();
    let pool = tcp.pair(PoolProtocol::Tcp);
    tcp.serve(ListenerProtocol::Tcp, pool);
    check(&tcp, rows);
}

#[test]
fn each_field_of_a_pool_goes_its_way() {
    let rows = ways! { Pool at |graph| &mut graph.pools[0];
        id: Fixed |_| ();
        load_balancer: Fixed |_| ();
        name: Note |it| it.name = label();
        description: Note |it| it.description = label();
        admin_state_up: Reload |it| it.admin_state_up = false;
        protocol: Reload |it| it.protocol = PoolProtocol::Proxy;
        algorithm: Reload |it| it.algorithm = Algorithm::LeastConnections;
        persistence: Reload |it| it.persistence = Some(Persistence::HttpCookie);
        // Of no meaning while it is not enabled.
        tls: Note |it| it.tls.versions = Some(vec![TlsVersion::V1_3]);
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
}

/// TLS on both sides, and content for three slots of each kind and side.
fn secured() -> (LoadBalancerGraph, Material) {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::TerminatedHttps, pool);
    let mut held = Held::default();
    for owner in [TlsOwner::Listener(listener), TlsOwner::Pool(pool)] {
        for kind in MaterialKind::ALL {
            for name in ["a", "b", "c"] {
                held.put(owner, *kind, name, "-----BEGIN-----\n");
            }
        }
    }
    graph.listeners[0].tls = ListenerTls {
        default_container: Some(secret("a")),
        client_authentication: ClientAuthentication::Mandatory,
        client_ca: Some(secret("a")),
        client_crl: Some(secret("a")),
        hsts_max_age: Some(1),
        ..ListenerTls::default()
    };
    graph.pools[0].tls = PoolTls {
        enabled: true,
        container: Some(secret("a")),
        ca: Some(secret("a")),
        crl: Some(secret("a")),
        ..PoolTls::default()
    };
    (graph, held.material())
}

fn secret(name: &str) -> SecretRef {
    name.to_owned().try_into().unwrap()
}

fn ciphers() -> Ciphers {
    "AES128-SHA".to_owned().try_into().unwrap()
}

#[test]
fn each_field_of_tls_goes_its_way() {
    let (graph, material) = secured();
    let rows = ways! { ListenerTls at |graph| &mut graph.listeners[0].tls;
        default_container: Commands |it| it.default_container = Some(secret("b"));
        sni_containers: Commands |it| it.sni_containers.push(secret("b"));
        client_authentication: Reload |it| {
            it.client_authentication = ClientAuthentication::Optional;
        };
        client_ca: Commands |it| it.client_ca = Some(secret("b"));
        client_crl: Commands |it| it.client_crl = Some(secret("b"));
        ciphers: Reload |it| it.ciphers = Some(ciphers());
        versions: Reload |it| it.versions = Some(vec![TlsVersion::V1_3]);
        alpn: Reload |it| it.alpn = Some(vec![Alpn::H2]);
        hsts_max_age: Reload |it| it.hsts_max_age = Some(2);
        hsts_include_subdomains: Reload |it| it.hsts_include_subdomains = true;
        hsts_preload: Reload |it| it.hsts_preload = true;
    };
    check_with(&graph, &material, rows);
    let rows = ways! { PoolTls at |graph| &mut graph.pools[0].tls;
        enabled: Reload |it| it.enabled = false;
        container: Commands |it| it.container = Some(secret("b"));
        ca: Reload |it| it.ca = Some(secret("b"));
        crl: Reload |it| it.crl = Some(secret("b"));
        ciphers: Reload |it| it.ciphers = Some(ciphers());
        versions: Reload |it| it.versions = Some(vec![TlsVersion::V1_3]);
        alpn: Reload |it| it.alpn = Some(vec![Alpn::H2]);
    };
    check_with(&graph, &material, rows);
}

#[test]
fn each_field_of_a_member_goes_its_way() {
    let rows = ways! { Member at |graph| &mut graph.members[0];
        id: Fixed |_| ();
        pool: Fixed |_| ();
        name: Note |it| it.name = label();
        admin_state_up: Commands |it| it.admin_state_up = false;
        address: Reload |it| it.address = address("10.0.0.6").into();
        protocol_port: Reload |it| it.protocol_port = 81.try_into().unwrap();
        weight: Commands |it| it.weight = 0.try_into().unwrap();
        backup: Reload |it| it.backup = true;
        subnet: Note |it| it.subnet = Some(any().into());
        monitor_address: Reload |it| it.monitor_address = Some(address("10.0.0.6").into());
        monitor_port: Reload |it| it.monitor_port = Some(81.try_into().unwrap());
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
}

#[test]
fn each_field_of_a_monitor_goes_its_way() {
    let rows = ways! { HealthMonitor at |graph| &mut graph.health_monitors[0];
        id: Fixed |_| ();
        pool: Fixed |_| ();
        name: Note |it| it.name = label();
        admin_state_up: Reload |it| it.admin_state_up = false;
        probe: Reload |it| it.probe = Probe::TlsHello;
        delay: Reload |it| it.delay = 9.try_into().unwrap();
        timeout: Reload |it| it.timeout = 1.try_into().unwrap();
        rise: Reload |it| it.rise = 1.try_into().unwrap();
        fall: Reload |it| it.fall = 1.try_into().unwrap();
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
}

#[test]
fn each_field_of_a_policy_and_a_rule_goes_its_way() {
    let rows = ways! { L7Policy at |graph| &mut graph.l7_policies[0];
        id: Fixed |_| ();
        listener: Fixed |_| ();
        name: Note |it| it.name = label();
        description: Note |it| it.description = label();
        admin_state_up: Reload |it| it.admin_state_up = false;
        action: Reload |it| {
            let url = "http://example.com/".to_owned().try_into().unwrap();
            let code = RedirectCode::Found;
            it.action = Action::RedirectToUrl { url, code };
        };
        // Only the order counts, and there is one policy.
        position: Note |it| it.position = 7.try_into().unwrap();
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
    let rows = ways! { L7Rule at |graph| &mut graph.l7_rules[0];
        id: Fixed |_| ();
        policy: Fixed |_| ();
        admin_state_up: Reload |it| it.admin_state_up = false;
        condition: Reload |it| {
            let how = Comparison::StartsWith;
            it.condition = Condition::new(RuleKind::Path, how, None, "/".to_owned()).unwrap();
        };
        invert: Reload |it| it.invert = true;
        tags: Note |it| it.tags = tags();
    };
    check(&http(), rows);
}

#[test]
fn each_list_of_a_graph_goes_its_way() {
    let rows = ways! { LoadBalancerGraph at |graph| graph;
        generation: Note |_| ();
        load_balancer: Note |_| ();
        listeners: Reload |it| _ = it.listener(ListenerProtocol::Http, 81);
        l7_policies: Reload |it| it.l7_policies.clear();
        l7_rules: Reload |it| it.l7_rules.clear();
        // It is in the file only when a listener uses it.
        pools: Note |it| _ = it.pair(PoolProtocol::Http);
        members: Commands |it| _ = it.member(it.pools[0].id, "10.0.0.6", 80);
        health_monitors: Reload |it| it.health_monitors.clear();
        // Sealed anew with every graph; what is in it counts where it is named.
        material: Note |_| ();
            attachment: Note |_| ();
            floating: Note |_| ();
    };
    check(&http(), rows);
}
