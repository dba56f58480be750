//! What a place for a load balancer costs: by netlink, and by the commands that the original system
//! ran for it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_driver::{Plug, Plugged, conformance};
use evenkeel_model::network::MacAddress;
use evenkeel_model::provider::Capabilities;
use evenkeel_model::{Attachment, LoadBalancerGraph, LoadBalancerId, NetworkId, PortId, Route};
use evenkeel_plug::{Bridge, Namespaced};
use evenkeel_plumbing::Namespaces;
use tokio::process::Command;
use tokio::time::Instant;
use uuid::Uuid;

use crate::figures::{Rounds, Row, ms};

const ROUNDS: u8 = 50;
const BRIDGE: &str = "bench";

/// Namespace, device, address and route of a load balancer on a bridge; and looking at them.
pub(crate) async fn against_commands() -> anyhow::Result<Vec<Row>> {
    run(&format!("ip link add {BRIDGE} type bridge")).await?;
    run(&format!("ip link set {BRIDGE} up")).await?;
    let network = NetworkId::new(Uuid::from_u128(1));
    let names = Namespaces::default();
    let wiring = Bridge::new(names.clone(), BTreeMap::from([(network, BRIDGE.to_owned())]))?;
    // The commands ask nobody, and are measured without their three seconds of announcements.
    let plug = Namespaced::new(names, Arc::new(wiring)).announcing(0).asking(Duration::ZERO);
    let (mut ours, mut theirs, mut looks) = <(Rounds, Rounds, Rounds)>::default();
    for round in 0..=ROUNDS {
        let graph = graph(network, round);
        let plugged = ours_of(&plug, &graph).await?;
        let ran = theirs_of(round).await?;
        let looked = look_of(&plug, &graph).await?;
        // The first round warms caches for both.
        if round > 0 {
            ours.push(plugged);
            theirs.push(ran);
            looks.push(looked);
        }
    }
    Ok(rows(&ours, &theirs, &looks))
}

fn rows(ours: &Rounds, theirs: &Rounds, looks: &Rounds) -> Vec<Row> {
    let ratio = theirs.median().as_secs_f64() / ours.median().as_secs_f64();
    let built = Row {
        what: "namespace + port + address + route on a bridge, by netlink".to_owned(),
        aim: "≤ 8 ms, ≥ 15 × the commands".to_owned(),
        measured: format!(
            "p50 {}, p99 {}; {ratio:.0} ×",
            ms(ours.median()),
            ms(ours.percentile(99))
        ),
        compared: format!("`ip` and `sysctl`: p50 {}", ms(theirs.median())),
        met: ours.median() <= Duration::from_millis(8) && ratio >= 15.0,
    };
    let looked = Row {
        what: "comparing an unchanged place with the kernel".to_owned(),
        aim: "≤ 10 ms: 500 in 5 s".to_owned(),
        measured: format!("p50 {}, p99 {}", ms(looks.median()), ms(looks.percentile(99))),
        compared: format!("{} places on the node", 2 * ROUNDS),
        met: looks.median() <= Duration::from_millis(10),
    };
    vec![built, looked]
}

async fn ours_of(plug: &Namespaced, graph: &LoadBalancerGraph) -> anyhow::Result<Duration> {
    let start = Instant::now();
    plug.ensure(Path::new("/"), graph).await?;
    Ok(start.elapsed())
}

async fn look_of(plug: &Namespaced, graph: &LoadBalancerGraph) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let plugged = plug.read(Path::new("/"), graph.load_balancer.id, Some(graph)).await?;
    let took = start.elapsed();
    ensure!(matches!(plugged, Plugged::Ready(_)), "what was plugged is not there");
    Ok(took)
}

/// What the original system ran, but for OVS's command: with a pair of devices in its place.
async fn theirs_of(round: u8) -> anyhow::Result<Duration> {
    let namespace = format!("qlbaas-{round}");
    let exec = format!("ip netns exec {namespace}");
    let (tap, inner) = (format!("theirs{round}"), format!("in{round}"));
    let commands = [
        format!("ip link add {tap} type veth peer name {inner}"),
        format!("ip link set {tap} master {BRIDGE}"),
        format!("ip link set {tap} up"),
        format!("ip link set {inner} address {}", mac(round, 2)),
        format!("ip netns add {namespace}"),
        format!("{exec} sysctl -q -w net.ipv4.conf.all.promote_secondaries=1"),
        format!("{exec} ip link set lo up"),
        format!("ip link set {inner} netns {namespace}"),
        format!("{exec} ip link set {inner} up"),
        format!("{exec} ip addr show {inner} permanent scope global"),
        format!("{exec} ip -4 addr add 10.2.0.{round}/16 brd 10.2.255.255 dev {inner}"),
        format!("{exec} ip route list dev {inner} scope link"),
        format!("{exec} ip route add default via 10.2.255.254"),
    ];
    let start = Instant::now();
    for command in commands {
        run(&command).await?;
    }
    Ok(start.elapsed())
}

async fn run(command: &str) -> anyhow::Result<()> {
    let mut words = command.split(' ');
    let mut child = Command::new(words.next().unwrap_or_default());
    let output = child.args(words).output().await.with_context(|| command.to_owned())?;
    ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

const fn mac(round: u8, whose: u8) -> MacAddress {
    MacAddress([0xfa, 0x16, 0x3e, 0, whose, round])
}

fn graph(network: NetworkId, round: u8) -> LoadBalancerGraph {
    let vip = IpAddr::V4(Ipv4Addr::new(10, 1, 0, round));
    let id = Uuid::from_u128(u128::from(round) << 96);
    let mut graph = conformance::graph(&Capabilities::ALL, vip);
    graph.load_balancer.id = LoadBalancerId::new(id);
    let router = IpAddr::V4(Ipv4Addr::new(10, 1, 255, 254));
    let everywhere = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    graph.attachment = Some(Attachment {
        port: PortId::new(id),
        network,
        mac: mac(round, 1),
        mtu: 1450,
        vlan: None,
        addresses: vec![net((vip, 16))],
        routes: vec![Route { destination: net(everywhere), next_hop: router }],
    });
    graph
}

fn net((address, prefix): (IpAddr, u8)) -> ipnet::IpNet {
    ipnet::IpNet::new(address, prefix).expect("the prefix is one of IPv4's")
}
