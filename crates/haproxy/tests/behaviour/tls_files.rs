//! Files of load balancers with TLS.

use std::fs;

use evenkeel_driver::Site;
use evenkeel_haproxy::render::render;
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::health_monitor::{HttpProbe, HttpVersion, Probe};
use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::listener::InsertHeader;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::{
    Alpn, ClientAuthentication, ListenerTls, MaterialKind, PoolTls, Slot, TlsVersion,
};

use crate::authority::{Authority, Held};
use crate::files::{LIMITS, comes_back, is_file};
use crate::real;
use crate::world::{self, Build, http_probe};

/// As `golden` of the other files.
fn golden(name: &str, graph: &LoadBalancerGraph) {
    is_file(name, &accepted(graph));
}

/// What HAProxy accepts, with real certificates in the places that the text names.
fn accepted(graph: &LoadBalancerGraph) -> String {
    let authority = Authority::new("authority");
    let issued = authority.server("any");
    let list = authority.revoke(&[]);
    let mut held = Held::default();
    for Slot { owner, kind, reference } in slots(graph) {
        let pem = match kind {
            MaterialKind::Certificate => issued.pem(),
            MaterialKind::Authorities => authority.pem(),
            MaterialKind::Revocations => list.clone(),
        };
        held.put(owner, kind, reference.as_str(), pem);
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let site = Site { secrets: directory.path().to_owned(), ..world::site(graph) };
    let configuration = render(graph, &site, LIMITS, &held.material()).unwrap();
    comes_back(&configuration);
    for frontend in configuration.frontends.iter().filter(|it| !it.material.is_empty()) {
        // The certificates are all the same: one is enough.
        let first = &frontend.material[0].path;
        fs::write(first.with_extension("list"), format!("{}\n", first.display())).unwrap();
    }
    for file in configuration.material() {
        let pem = match file.slot.kind {
            MaterialKind::Certificate => issued.pem(),
            MaterialKind::Authorities => authority.pem(),
            MaterialKind::Revocations => list.clone(),
        };
        fs::write(&file.path, pem).unwrap();
    }
    let text = configuration.to_string();
    real::accepts(&text);
    let place = directory.path().to_str().unwrap();
    text.replace(place, "/run/evenkeel")
}

fn slots(graph: &LoadBalancerGraph) -> Vec<Slot> {
    let listeners = graph.listeners.iter().flat_map(|it| it.tls.slots(it.id));
    listeners.chain(graph.pools.iter().flat_map(|it| it.tls.slots(it.id))).collect()
}

/// With a certificate.
fn secured() -> ListenerTls {
    ListenerTls {
        default_container: Some("www".to_owned().try_into().unwrap()),
        versions: Some(vec![TlsVersion::V1_2, TlsVersion::V1_3]),
        alpn: Some(Alpn::ALL.to_vec()),
        ..ListenerTls::default()
    }
}

#[test]
fn tls_ends_here() {
    let mut graph = world::load_balancer();
    graph.additional_vip("fd00::20");
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::TerminatedHttps, pool);
    let ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:!aNULL".to_owned();
    graph.listeners[0].tls = ListenerTls {
        sni_containers: vec!["api".to_owned().try_into().unwrap()],
        ciphers: Some(ciphers.try_into().unwrap()),
        hsts_max_age: Some(31_536_000),
        hsts_include_subdomains: true,
        ..secured()
    };
    let proto = (InsertHeader::ForwardedProto, "true".to_owned());
    graph.listeners[0].insert_headers.extend([proto]);
    graph.policy(listener, Action::Reject);
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/forbidden");
    golden("tls", &graph);
}

#[test]
fn clients_with_certificates() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    for how in ClientAuthentication::ALL {
        let listener = graph.serve(ListenerProtocol::TerminatedHttps, pool);
        let tls = ListenerTls {
            client_authentication: *how,
            client_ca: Some("ca".to_owned().try_into().unwrap()),
            ..secured()
        };
        graph.listeners.iter_mut().find(|it| it.id == listener).unwrap().tls = tls;
    }
    let last = graph.listeners.last_mut().unwrap();
    last.tls.client_crl = Some("crl".to_owned().try_into().unwrap());
    let headers = InsertHeader::ALL.iter().filter(|header| header.needs_tls());
    last.insert_headers = headers.map(|header| (*header, "true".to_owned())).collect();
    golden("tls_clients", &graph);
}

#[test]
fn old_versions_gaps_and_metrics() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::TerminatedHttps, pool);
    graph.listeners[0].tls = ListenerTls {
        versions: Some(vec![TlsVersion::SslV3, TlsVersion::V1, TlsVersion::V1_2]),
        ciphers: Some("ECDHE-ECDSA-AES128-SHA".to_owned().try_into().unwrap()),
        ..secured()
    };
    graph.listener(ListenerProtocol::Prometheus, 9100).tls = secured();
    golden("tls_versions", &graph);
}

#[test]
fn what_a_tenant_calls_his_secrets_is_not_written() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::TerminatedHttps, pool);
    let hostile = "a\nglobal\n    daemon # \"'\\${HOME}%[env(HOME)]/../../etc/passwd";
    let named = |at: usize| format!("{at}{hostile}").try_into().unwrap();
    let ciphers = "ALL:!aNULL:-SHA:+HIGH:@STRENGTH:kRSA=x_y.z".to_owned();
    graph.listeners[0].tls = ListenerTls {
        default_container: Some(named(0)),
        sni_containers: vec![named(1), named(2)],
        client_authentication: ClientAuthentication::Optional,
        client_ca: Some(named(3)),
        client_crl: Some(named(4)),
        ciphers: Some(ciphers.try_into().unwrap()),
        ..secured()
    };
    graph.pools[0].tls = PoolTls {
        enabled: true,
        container: Some(named(5)),
        ca: Some(named(6)),
        crl: Some(named(7)),
        ..PoolTls::default()
    };
    let text = accepted(&graph);
    assert!(!text.contains("daemon") && !text.contains("passwd"), "{text}");
}

#[test]
fn members_over_tls() {
    let mut graph = world::load_balancer();
    let named = HttpProbe {
        version: Some(HttpVersion::V1_1),
        domain_name: Some("www.example.com".to_owned().try_into().unwrap()),
        ..http_probe()
    };
    let probes = [
        Some(Probe::Http(named.clone())),
        Some(Probe::Https(named)),
        Some(Probe::TlsHello),
        Some(Probe::Tcp),
        None,
    ];
    let text = |name: &str| Some(name.to_owned().try_into().unwrap());
    let enabled = PoolTls { enabled: true, ..PoolTls::default() };
    let judged = PoolTls { ca: text("ca"), alpn: Some(Alpn::ALL.to_vec()), ..enabled.clone() };
    let all = [
        enabled.clone(),
        judged.clone(),
        PoolTls { crl: text("crl"), container: text("own"), ..judged },
        PoolTls { versions: Some(vec![TlsVersion::V1, TlsVersion::V1_2]), ..enabled.clone() },
        PoolTls {
            ciphers: Some("TLS_AES_128_GCM_SHA256".to_owned().try_into().unwrap()),
            ..enabled
        },
    ];
    for (number, (tls, probe)) in all.into_iter().zip(probes).enumerate() {
        let (listens, speaks) = match number {
            2 => (ListenerProtocol::Tcp, PoolProtocol::Tcp),
            3 => (ListenerProtocol::Http, PoolProtocol::ProxyV2),
            _ => (ListenerProtocol::Http, PoolProtocol::Http),
        };
        let pool = graph.pair(speaks);
        graph.pools.last_mut().unwrap().tls = tls;
        if let Some(probe) = probe {
            graph.monitor(pool, probe);
            graph.member(pool, "10.0.0.6", 8080).monitor_port = Some(8081.try_into().unwrap());
        }
        graph.serve(listens, pool);
    }
    golden("tls_members", &graph);
}
