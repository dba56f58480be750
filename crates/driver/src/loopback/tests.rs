use std::net::TcpListener as Blocker;

use evenkeel_model::flavor::Allowance;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::ListenerTls;
use evenkeel_model::{Generation, LoadBalancer};
use uuid::Uuid;

use super::*;

fn graph(vip: &str, ports: &[u16]) -> LoadBalancerGraph {
    let load_balancer = LoadBalancer {
        id: Uuid::from_u128(1).into(),
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        vip: Vip {
            address: vip.parse().unwrap(),
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
    };
    let listener = |port: &u16| Listener {
        id: Uuid::from_u128(u128::from(*port)).into(),
        load_balancer: load_balancer.id,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: ListenerProtocol::Http,
        protocol_port: i64::from(*port).try_into().unwrap(),
        connection_limit: None,
        default_pool: None,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    };
    LoadBalancerGraph {
        generation: Generation::new(1),
        listeners: ports.iter().map(listener).collect(),
        load_balancer,
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

fn ports(sockets: &Sockets) -> Vec<u16> {
    sockets.values().map(SocketAddr::port).collect()
}

#[test]
fn ports_that_need_rights_are_shifted_and_clash_with_nobody() {
    let graph = graph("127.0.0.5", &[80, 443, 8080, 9000]);
    let chosen = choose(&graph, &Sockets::new(), |_| true);
    assert_eq!(ports(&chosen), [8081, 8443]);
    let elsewhere = choose(&graph, &Sockets::new(), |socket| socket.port() != 8443);
    assert_eq!(ports(&elsewhere), [8081, 8444]);
}

#[test]
fn a_choice_lasts_as_long_as_its_listener() {
    let first = choose(&graph("127.0.0.5", &[80]), &Sockets::new(), |it| it.port() > 8080);
    assert_eq!(ports(&first), [8081]);
    let second = choose(&graph("127.0.0.5", &[80, 81]), &first, |_| true);
    assert_eq!(ports(&second), [8081, 8082], "our own socket is no free one for another");
    let asked_for = choose(&graph("127.0.0.5", &[80, 81, 8081]), &second, |_| true);
    assert_eq!(ports(&asked_for), [8080, 8082], "8081 belongs to the listener that asks for it");
    assert_eq!(choose(&graph("127.0.0.5", &[]), &second, |_| true), Sockets::new());
}

#[tokio::test]
async fn the_place_is_made_read_and_removed() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path();
    let graph = graph("127.77.200.1", &[80]);
    let id = graph.load_balancer.id;
    let read = async |graph| Loopback.read(directory, id, graph).await.unwrap();
    assert_eq!(read(Some(&graph)).await, Plugged::Absent);

    let blocker = Blocker::bind("127.77.200.1:8080").unwrap();
    let site = Loopback.ensure(directory, &graph).await.unwrap();
    assert_eq!(ports(&site.sockets), [8081]);
    drop(blocker);
    assert_eq!(Loopback.ensure(directory, &graph).await.unwrap(), site);
    assert_eq!(read(Some(&graph)).await, Plugged::Ready(site));
    assert_eq!(read(None).await, Plugged::Remains);

    for _ in 0..2 {
        Loopback.remove(directory, id).await.unwrap();
        assert_eq!(read(None).await, Plugged::Absent);
    }
}

#[tokio::test]
async fn a_load_balancer_without_shifted_ports_has_its_place_too() {
    let place = tempfile::tempdir().unwrap();
    let graph = graph("127.77.200.2", &[8080]);
    let site = Loopback.ensure(place.path(), &graph).await.unwrap();
    assert!(site.sockets.is_empty());
    let read = Loopback.read(place.path(), graph.load_balancer.id, Some(&graph)).await.unwrap();
    assert_eq!(read, Plugged::Ready(site));
}

#[tokio::test]
async fn other_addresses_are_refused_with_the_cure() {
    let place = tempfile::tempdir().unwrap();
    for vip in ["10.0.0.5", "2001:db8::5", "::1"] {
        let refused = Loopback.ensure(place.path(), &graph(vip, &[80])).await.unwrap_err();
        assert!(refused.is_final());
        assert!(refused.to_string().contains("127.0.0.0/8"), "{refused}");
    }
}
