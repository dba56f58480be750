//! One test per file in this directory.

use std::env;
use std::fs;
use std::path::PathBuf;

use evenkeel_driver::Site;
use evenkeel_haproxy::configuration::Configuration;
use evenkeel_haproxy::render::{NodeLimits, render};
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::flavor::Allowance;
use evenkeel_model::health_monitor::{HttpMethod, HttpVersion, Probe};
use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::listener::InsertHeader;
use evenkeel_model::number::{ConnectionLimit, Milliseconds};
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_vault::Material;

use crate::real;
use crate::world::{self, Build, address, http_probe};

pub(crate) const LIMITS: NodeLimits = NodeLimits { descriptors: 1024 * 1024 };

/// Compares what the graph becomes with the file of this name, and shows it to HAProxy.
fn golden(name: &str, graph: &LoadBalancerGraph) {
    let configuration = render(graph, &world::site(graph), LIMITS, &Material::none()).unwrap();
    comes_back(&configuration);
    let text = configuration.to_string();
    real::accepts(&text);
    is_file(name, &text);
}

/// Compares a text with the file of this name.
pub(crate) fn is_file(name: &str, text: &str) {
    let mut file = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    file.extend(["tests", "golden", &format!("{name}.cfg")]);
    if env::var_os("EVENKEEL_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "if it is meant so: EVENKEEL_BLESS=1");
}

/// A configuration can be kept next to its file and be read back.
pub(crate) fn comes_back(configuration: &Configuration) {
    let kept = serde_json::to_string(configuration).unwrap();
    let back: Configuration = serde_json::from_str(&kept).unwrap();
    assert_eq!(&back, configuration);
}

/// What sections a file begins, in its order and each once.
fn sections(text: &str) -> Vec<&str> {
    let heads = text.lines().filter(|line| line.starts_with(|it: char| it.is_alphanumeric()));
    let mut kinds: Vec<&str> = heads.filter_map(|line| line.split(' ').next()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn files_have_their_sections_in_order_and_no_others() {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let order = ["global", "defaults", "peers", "frontend", "backend"];
    let mut all = 0;
    for entry in fs::read_dir(place).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let seen = sections(&text);
        let is_there = |kind: &&str| seen.contains(kind);
        let wanted: Vec<&str> = order.into_iter().filter(is_there).collect();
        assert_eq!(seen, wanted, "{}", file.display());
        assert!(seen.starts_with(&order[..2]), "{}", file.display());
        all += 1;
    }
    assert!(all > 20, "{all} files");
}

#[test]
fn http() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    golden("http", &graph);
}

#[test]
fn a_user_of_its_own() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Tcp);
    graph.serve(ListenerProtocol::Tcp, pool);
    let site = Site { user: Some(60_001), ..world::site(&graph) };
    let configuration = render(&graph, &site, LIMITS, &Material::none()).unwrap();
    is_file("user", &configuration.to_string());
}

#[test]
fn tcp() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Tcp);
    graph.serve(ListenerProtocol::Tcp, pool);
    graph.listeners[0].timeouts.tcp_inspect = Milliseconds::literal(1_500);
    golden("tcp", &graph);
}

#[test]
fn a_flavor_gives_threads_and_bounds_what_all_listeners_take() {
    let mut graph = world::load_balancer();
    graph.load_balancer.allowance =
        Allowance { threads: 4.try_into().unwrap(), connections: 1_000.try_into().ok() };
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    graph.serve(ListenerProtocol::Http, pool);
    graph.listeners[1].connection_limit = ConnectionLimit::try_from(10).ok();
    golden("flavor", &graph);
}

#[test]
fn https_is_passed_through() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Https);
    graph.serve(ListenerProtocol::Https, pool);
    golden("https", &graph);
}

#[test]
fn a_tcp_listener_may_feed_an_http_pool() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Tcp, pool);
    golden("tcp_to_http", &graph);
}

#[test]
fn two_listeners_two_pools_one_monitor() {
    let mut graph = world::load_balancer();
    for _ in 0..2 {
        let pool = graph.pair(PoolProtocol::Http);
        graph.member(pool, "10.0.0.6", 8080);
        graph.serve(ListenerProtocol::Http, pool);
    }
    let watched = graph.pools[0].id;
    let mut probe = http_probe();
    probe.path = "/index.html".to_owned().try_into().unwrap();
    probe.expected = "200,201,202".to_owned().try_into().unwrap();
    let monitor = graph.monitor(watched, Probe::Http(probe));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 5.try_into().unwrap();
    golden("two_listeners", &graph);
}

#[test]
fn a_pool_of_two_listeners_has_the_longer_timeouts() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    graph.serve(ListenerProtocol::Http, pool);
    let timeouts = &mut graph.listeners[1].timeouts;
    timeouts.client_data = Milliseconds::literal(1_234);
    timeouts.member_connect = Milliseconds::literal(0);
    timeouts.member_data = Milliseconds::literal(60_000);
    golden("shared_pool", &graph);
}

#[test]
fn a_listener_without_a_pool() {
    let mut graph = world::load_balancer();
    graph.listener(ListenerProtocol::Http, 80);
    graph.listener(ListenerProtocol::Tcp, 81);
    golden("no_pool", &graph);
}

#[test]
fn algorithms() {
    let mut graph = world::load_balancer();
    for algorithm in Algorithm::ALL {
        let pool = graph.pair(PoolProtocol::Tcp);
        graph.pools.last_mut().unwrap().algorithm = *algorithm;
        graph.serve(ListenerProtocol::Tcp, pool);
    }
    golden("algorithms", &graph);
}

#[test]
fn members_of_all_kinds() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.members[0].weight = 10.try_into().unwrap();
    graph.members[1].weight = 0.try_into().unwrap();
    graph.member(pool, "10.0.0.6", 80).admin_state_up = false;
    graph.member(pool, "fd00::4", 80);
    graph.member(pool, "10.0.0.7", 80).backup = true;
    graph.member(pool, "10.0.0.8", 80).backup = true;
    graph.serve(ListenerProtocol::Http, pool);
    golden("members", &graph);
}

#[test]
fn what_is_switched_off() {
    let mut graph = world::load_balancer();
    let off = graph.pair(PoolProtocol::Http);
    graph.pools[0].admin_state_up = false;
    let on = graph.pair(PoolProtocol::Http);
    graph.monitor(on, Probe::Tcp).admin_state_up = false;
    graph.serve(ListenerProtocol::Http, off);
    graph.serve(ListenerProtocol::Http, on);
    graph.serve(ListenerProtocol::Http, on);
    graph.listeners[2].admin_state_up = false;
    golden("switched_off", &graph);
}

#[test]
fn a_disabled_load_balancer_and_an_unused_pool() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    graph.load_balancer.admin_state_up = false;
    golden("nothing", &graph);
}

#[test]
fn probes() {
    let mut graph = world::load_balancer();
    let mut asked = http_probe();
    asked.method = HttpMethod::Head;
    asked.path = "/a?b=c%20d#e$HOME".to_owned().try_into().unwrap();
    asked.expected = "200-299".to_owned().try_into().unwrap();
    asked.version = Some(HttpVersion::V1_1);
    let unnamed = asked.clone();
    asked.domain_name = Some("www.example.com".to_owned().try_into().unwrap());
    let probes = [
        Probe::Http(http_probe()),
        Probe::Http(unnamed),
        Probe::Https(asked),
        Probe::Https(http_probe()),
        Probe::Tcp,
        Probe::TlsHello,
        Probe::Ping,
    ];
    for probe in probes {
        let pool = graph.pair(PoolProtocol::Http);
        graph.monitor(pool, probe);
        graph.serve(ListenerProtocol::Http, pool);
    }
    golden("probes", &graph);
}

#[test]
fn probes_elsewhere() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Tcp);
    graph.members[0].monitor_port = Some(9000.try_into().unwrap());
    graph.members[1].monitor_address = Some(address("fd00::5").into());
    let monitor = graph.monitor(pool, Probe::Tcp);
    monitor.delay = 0.try_into().unwrap();
    monitor.timeout = 0.try_into().unwrap();
    monitor.rise = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    graph.serve(ListenerProtocol::Tcp, pool);
    golden("probes_elsewhere", &graph);
}

#[test]
fn inserted_headers() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    let headers = InsertHeader::ALL.iter().filter(|header| !header.needs_tls());
    let headers = headers.map(|header| (*header, "True".to_owned()));
    graph.listeners[0].insert_headers = headers.collect();
    let off = (InsertHeader::SslClientDn, "false".to_owned());
    graph.listeners[0].insert_headers.extend([off]);
    golden("insert_headers", &graph);
}

#[test]
fn limits() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    for limit in [0, 5, 100, 2_147_483_647] {
        graph.serve(ListenerProtocol::Http, pool);
        let listener = graph.listeners.last_mut().unwrap();
        listener.connection_limit = Some(ConnectionLimit::try_from(limit).unwrap());
    }
    golden("limits", &graph);
    graph.listeners.retain(|listener| matches!(listener.connections_at_most(), Some(5 | 100)));
    golden("small_limits", &graph);
}

#[test]
fn persistence() {
    let mut graph = world::load_balancer();
    let source = Persistence::SourceIp { timeout: None, granularity: None };
    let name = "JSESSION'ID".to_owned().try_into().unwrap();
    for kind in [source, Persistence::HttpCookie, Persistence::AppCookie { name }] {
        let pool = graph.pair(PoolProtocol::Http);
        graph.pools.last_mut().unwrap().persistence = Some(kind);
        graph.serve(ListenerProtocol::Http, pool);
    }
    golden("persistence", &graph);
}

#[test]
fn proxy_protocol() {
    let mut graph = world::load_balancer();
    for protocol in [PoolProtocol::Proxy, PoolProtocol::ProxyV2] {
        for listener in [ListenerProtocol::Http, ListenerProtocol::Tcp] {
            let pool = graph.pair(protocol);
            graph.monitor(pool, Probe::Tcp);
            graph.serve(listener, pool);
        }
    }
    golden("proxy", &graph);
}

#[test]
fn proxy_protocol_for_requests_and_bytes_at_once() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::ProxyV2);
    graph.monitor(pool, Probe::Tcp);
    graph.pools[0].persistence = Some(Persistence::SourceIp { timeout: None, granularity: None });
    graph.serve(ListenerProtocol::Tcp, pool);
    graph.serve(ListenerProtocol::Http, pool);
    golden("proxy_both", &graph);
}

#[test]
fn allowed_cidrs_and_more_addresses() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Tcp);
    graph.serve(ListenerProtocol::Tcp, pool);
    graph.additional_vip("fd00::20");
    graph.additional_vip("10.1.0.20");
    let ranges = (0..40).map(|n| format!("10.{n}.0.0/16").parse().unwrap());
    graph.listeners[0].allowed_cidrs = ranges.collect();
    graph.listeners[0].allowed_cidrs.push("fd00::/8".parse().unwrap());
    golden("allowed_cidrs", &graph);
}

#[test]
fn metrics() {
    let mut graph = world::load_balancer();
    graph.listener(ListenerProtocol::Prometheus, 9100);
    golden("metrics", &graph);
}

#[test]
fn policies_keep_their_order() {
    let mut graph = world::load_balancer();
    let default = graph.pair(PoolProtocol::Http);
    let other = graph.pair(PoolProtocol::Http);
    let off = graph.pair(PoolProtocol::Http);
    graph.pools[2].admin_state_up = false;
    let listener = graph.serve(ListenerProtocol::Http, default);
    let url = |text: &str| text.to_owned().try_into().unwrap();
    let found = RedirectCode::Found;
    let path = |graph: &mut LoadBalancerGraph, value: &str| {
        graph.rule(RuleKind::Path, Comparison::StartsWith, "", value);
    };
    graph.policy(listener, Action::Reject);
    path(&mut graph, "/forbidden");
    graph.policy(listener, Action::RedirectToPool { pool: other });
    path(&mut graph, "/api");
    graph.policy(listener, Action::RedirectToPool { pool: off });
    path(&mut graph, "/off");
    let away = url("https://example.com/%[env(HOME)]?a='b'");
    graph.policy(listener, Action::RedirectToUrl { url: away, code: found });
    path(&mut graph, "/old");
    let code = RedirectCode::PermanentRedirect;
    graph.policy(listener, Action::RedirectPrefix { prefix: url("https://example.com/new"), code });
    path(&mut graph, "/move");
    graph.rule(RuleKind::Path, Comparison::EndsWith, "", "/stay").invert = true;
    graph.policy(listener, Action::Reject).admin_state_up = false;
    path(&mut graph, "/disabled");
    graph.policy(listener, Action::Reject);
    golden("policies", &graph);
}

#[test]
fn rules_of_all_kinds() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::Http, pool);
    graph.policy(listener, Action::Reject);
    for how in Comparison::ALL {
        graph.rule(RuleKind::HostName, *how, "", "www.example.com");
        graph.rule(RuleKind::Path, *how, "", "/a#b");
        graph.rule(RuleKind::Header, *how, "X-O'Neil$", "\"two words\"");
        graph.rule(RuleKind::Cookie, *how, "tier", "-f");
        graph.rule(RuleKind::SslDnField, *how, "CN", "Ünï \\ 'x' \"y\"");
    }
    graph.rule(RuleKind::FileType, Comparison::EqualTo, "", ".jpg");
    graph.rule(RuleKind::FileType, Comparison::Regex, "", "^(png|jpe?g)$");
    graph.rule(RuleKind::SslConnHasCert, Comparison::EqualTo, "", "true");
    graph.rule(RuleKind::SslVerifyResult, Comparison::EqualTo, "", "10");
    golden("rules", &graph);
}

#[test]
fn a_policy_with_all_the_rules_it_can_have() {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::Http, pool);
    graph.policy(listener, Action::RedirectToPool { pool });
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/");
    let url = "http://example.com/".to_owned().try_into().unwrap();
    graph.policy(listener, Action::RedirectToUrl { url, code: RedirectCode::Found });
    for n in 0..evenkeel_model::l7_rule::MAX_RULES {
        let rule = graph.rule(RuleKind::Path, Comparison::Contains, "", &format!("/{n}"));
        rule.invert = n % 2 == 0;
    }
    golden("many_rules", &graph);
}
