//! Graphs that cannot be served, and what is said of them.

use evenkeel_haproxy::render::{NodeLimits, render};
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::TlsVersion;
use evenkeel_vault::Material;

use crate::world::{self, Build};

fn refusal(graph: &LoadBalancerGraph) -> String {
    let limits = NodeLimits { descriptors: 20_000 };
    render(graph, &world::site(graph), limits, &Material::none()).unwrap_err().to_string()
}

#[test]
fn what_is_not_there_yet() {
    let mut graph = world::load_balancer();
    graph.listener(ListenerProtocol::Udp, 53);
    assert_eq!(refusal(&graph), "listener protocol UDP is not supported by this driver.");
}

#[test]
fn a_handshake_that_nobody_could_agree_on() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    let tls = &mut graph.pools[0].tls;
    tls.enabled = true;
    tls.versions = Some(vec![TlsVersion::SslV3]);
    assert_eq!(
        refusal(&graph),
        "Pool 00000022-0000-0000-0000-000000000001: SSLv3 is not spoken any more; name a version \
         of TLS."
    );
    let tls = &mut graph.pools[0].tls;
    tls.versions = Some(vec![TlsVersion::V1_2]);
    tls.ciphers = Some("TLS_AES_128_GCM_SHA256".to_owned().try_into().unwrap());
    assert_eq!(
        refusal(&graph),
        "Pool 00000022-0000-0000-0000-000000000001: the ciphers are all of TLS 1.3, which is not \
         among the versions."
    );
}

#[test]
fn tls_without_a_certificate() {
    let mut graph = world::load_balancer();
    graph.listener(ListenerProtocol::TerminatedHttps, 443);
    let listener = "Listener 00000011-0000-0000-0000-000000000001";
    assert_eq!(refusal(&graph), format!("{listener}: there is no certificate."));
    let tls = &mut graph.listeners[0].tls;
    tls.default_container = Some("www".to_owned().try_into().unwrap());
    assert_eq!(refusal(&graph), format!("{listener}: the content of www is not there."));
}

#[test]
fn policies_look_at_requests() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Tcp);
    let listener = graph.serve(ListenerProtocol::Tcp, pool);
    graph.policy(listener, Action::Reject);
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/");
    assert_eq!(
        refusal(&graph),
        "Listener 00000011-0000-0000-0000-000000000001: TCP protocol listeners do not support L7 \
         policies."
    );
}

#[test]
fn an_expensive_expression() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::Http, pool);
    graph.policy(listener, Action::Reject);
    graph.rule(RuleKind::Path, Comparison::Regex, "", "^/(a+)+$");
    assert_eq!(
        refusal(&graph),
        "L7 Rule 00000066-0000-0000-0000-000000000001: a repetition within a repetition, or of \
         alternatives that begin alike, is too expensive."
    );
}

#[test]
fn a_small_node_still_serves() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    for (descriptors, connections) in [(0, 1), (100, 1), (1024, 317), (20_000, 7_908)] {
        let site = world::site(&graph);
        let configuration =
            render(&graph, &site, NodeLimits { descriptors }, &Material::none()).unwrap();
        assert_eq!(configuration.frontends[0].max_connections, connections);
    }
}
