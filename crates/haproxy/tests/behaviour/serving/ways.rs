//! Which difference needs what: the table of the cheapest ways.

use evenkeel_haproxy::backend_name::BackendName;
use evenkeel_haproxy::change::{Change, between};
use evenkeel_haproxy::command::{Command, ServerName};
use evenkeel_haproxy::configuration::Configuration;
use evenkeel_haproxy::{NodeLimits, render};
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::text::Label;
use evenkeel_vault::Material;

use crate::world::{self, Build};

/// An HTTP listener in front of two members.
fn graph() -> LoadBalancerGraph {
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, pool);
    graph
}

fn rendered(graph: &LoadBalancerGraph) -> Configuration {
    let limits = NodeLimits { descriptors: 20_000 };
    render::render(graph, &world::site(graph), limits, &Material::none()).unwrap()
}

/// The way from `start` to what `edit` makes of it, as the next generation.
fn way(start: &LoadBalancerGraph, edit: impl Fn(&mut LoadBalancerGraph)) -> Change {
    let mut end = start.clone();
    end.generation = start.generation.next();
    edit(&mut end);
    between(&rendered(start), &rendered(&end))
}

fn first_server(graph: &LoadBalancerGraph) -> ServerName {
    ServerName { backend: BackendName::Own(graph.pools[0].id), member: graph.members[0].id }
}

#[test]
fn what_reaches_no_file_is_only_noted() {
    let start = graph();
    assert_eq!(between(&rendered(&start), &rendered(&start)), Change::Nothing);
    let label = || Label::try_from("other".to_owned()).unwrap();
    assert_eq!(way(&start, |_| {}), Change::Note);
    assert_eq!(way(&start, |it| it.load_balancer.name = label()), Change::Note);
    assert_eq!(way(&start, |it| it.listeners[0].description = label()), Change::Note);
    assert_eq!(way(&start, |it| it.members[0].name = label()), Change::Note);
    // A pool that no listener uses is not in the file.
    assert_eq!(way(&start, |it| _ = it.pair(PoolProtocol::Http)), Change::Note);
}

#[test]
fn what_concerns_one_server_goes_through_the_socket() {
    let start = graph();
    let server = first_server(&start);
    let weight = 5.try_into().unwrap();
    assert_eq!(
        way(&start, |it| it.members[0].weight = weight),
        Change::Commands(vec![Command::SetWeight(server, weight)])
    );
    assert_eq!(
        way(&start, |it| it.members[0].admin_state_up = false),
        Change::Commands(vec![Command::SetDisabled(server, true)])
    );
    assert_eq!(
        way(&start, |it| _ = it.members.remove(0)),
        Change::Commands(vec![Command::Retire(server)])
    );
    let pool = start.pools[0].id;
    let added = way(&start, |it| _ = it.member(pool, "10.0.0.6", 80));
    assert!(matches!(&added, Change::Commands(it) if matches!(it[..], [Command::Add(..)])));
}

#[test]
fn who_comes_comes_before_who_goes() {
    let start = graph();
    let pool = start.pools[0].id;
    let way = way(&start, |it| {
        it.member(pool, "10.0.0.6", 80);
        it.members.remove(0);
    });
    let Change::Commands(commands) = way else { panic!("{way:?}") };
    assert!(matches!(commands[..], [Command::Add(..), Command::Retire(_)]), "{commands:?}");
}

#[test]
fn whatever_else_differs_needs_another_process() {
    let start = graph();
    let edits: [fn(&mut LoadBalancerGraph); 9] = [
        |it| _ = it.listener(ListenerProtocol::Http, 81),
        |it| it.listeners[0].admin_state_up = false,
        |it| it.listeners[0].timeouts.client_data = 1.try_into().unwrap(),
        |it| it.pools[0].algorithm = Algorithm::LeastConnections,
        |it| it.pools[0].persistence = Some(Persistence::HttpCookie),
        |it| it.pools[0].admin_state_up = false,
        |it| it.members[0].backup = true,
        |it| it.members[0].protocol_port = 81.try_into().unwrap(),
        |it| _ = it.monitor(it.pools[0].id, Probe::Tcp),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        assert_eq!(way(&start, edit), Change::Reload, "edit {number}");
    }
}

#[test]
fn where_a_cookie_names_the_server_members_need_another_process() {
    let mut start = graph();
    start.pools[0].persistence = Some(Persistence::HttpCookie);
    assert_eq!(way(&start, |it| _ = it.members.remove(0)), Change::Reload);
}

#[test]
fn limits_that_amount_to_the_same_go_through_the_socket() {
    let mut start = graph();
    start.serve(ListenerProtocol::Http, start.pools[0].id);
    let limit = |graph: &mut LoadBalancerGraph, limits: [i64; 2]| {
        for (listener, limit) in graph.listeners.iter_mut().zip(limits) {
            listener.connection_limit = Some(limit.try_into().unwrap());
        }
    };
    limit(&mut start, [10, 20]);
    let (first, second) = (start.listeners[0].id, start.listeners[1].id);
    assert_eq!(
        way(&start, |it| limit(it, [20, 10])),
        Change::Commands(vec![
            Command::SetMaxConnections(first, 20),
            Command::SetMaxConnections(second, 10)
        ])
    );
}
