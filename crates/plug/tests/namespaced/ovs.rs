//! VIPs on a real Open vSwitch.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use evenkeel_driver::Plugged;
use evenkeel_model::LoadBalancerGraph;
use evenkeel_plug::{OvsOptions, Tagging};
use evenkeel_plumbing::{Namespaces, changes};

use crate::switch::{eventually, on_a_switch, tagged, vsctl};
use crate::world::{Node, inside};

const TAP: &str = "tap00000001-00";

/// Somebody listens on the VIP of `server`, and says so to everybody, for the rest of the test.
fn serve(server: &LoadBalancerGraph) {
    let address = SocketAddr::new(server.attachment.as_ref().unwrap().addresses[0].addr(), 80);
    let listener = inside(server).within(|| TcpListener::bind(address)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Enough for more than one full packet.
            let _ = stream.unwrap().write_all(&[b'x'; 10_000]);
        }
    });
}

/// Whether `client` hears all that `server` says.
fn hears(client: &LoadBalancerGraph, server: &LoadBalancerGraph) -> bool {
    let address = SocketAddr::new(server.attachment.as_ref().unwrap().addresses[0].addr(), 80);
    let heard = inside(client).within(|| {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard)?;
        Ok(heard.len())
    });
    match heard {
        Ok(length) => length == 10_000,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::HostUnreachable));
            false
        }
    }
}

fn options(veth: bool, tagging: Tagging) -> OvsOptions {
    OvsOptions { veth, tagging, ..OvsOptions::default() }
}

async fn is_plugged_and_unplugged(node: Node, kind: &str, device: &str) {
    let graph = tagged(1, 7, "2.2.2.20/24");
    node.ensure(&graph).await.unwrap();
    assert_eq!(vsctl("list-ports br-int"), TAP);
    assert_eq!(vsctl(&format!("get Interface {TAP} type")), kind);
    assert_eq!(vsctl(&format!("get Port {TAP} tag")), "7");
    let ids = vsctl(&format!("get Interface {TAP} external_ids"));
    for expected in [
        "attached-mac=\"fa:16:3e:00:00:01\"",
        "iface-id=\"00000001-0000-0000-0000-000000000000\"",
        "iface-status=active",
        "evenkeel=\"00000001-0000-0000-0000-000000000000\"",
    ] {
        assert!(ids.contains(expected), "{expected} in {ids}");
    }
    let link = inside(&graph).netlink().unwrap().link(device).unwrap().unwrap();
    assert_eq!((link.mac, link.mtu), (graph.attachment.as_ref().map(|it| it.mac), 1450));
    let before = changes();
    assert!(node.is_ready(&graph).await);
    node.ensure(&graph).await.unwrap();
    assert_eq!(changes(), before, "what is as it shall be is not touched");
    assert_eq!(node.list().await, [graph.load_balancer.id]);
    node.remove(&graph).await.unwrap();
    node.remove(&graph).await.unwrap();
    assert!(node.is_absent(&graph).await);
    assert_eq!(vsctl("list-ports br-int"), "");
    assert!(!node.devices().iter().any(|it| it.starts_with("tap")), "{:?}", node.devices());
}

#[test]
fn a_port_of_the_switch_is_plugged_and_unplugged() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| {
        is_plugged_and_unplugged(node, "internal", TAP).await;
    });
}

#[test]
fn a_pair_of_devices_is_plugged_and_unplugged() {
    on_a_switch(options(true, Tagging::Own), async |node, _switch| {
        is_plugged_and_unplugged(node, "\"\"", "ns-00000001-00").await;
    });
}

async fn are_apart(node: Node) {
    let (one, two) = (tagged(1, 7, "2.2.2.20/24"), tagged(2, 8, "2.2.2.20/24"));
    let (near, far) = (tagged(3, 7, "2.2.2.30/24"), tagged(4, 9, "2.2.2.40/24"));
    for graph in [&one, &two, &near, &far] {
        node.ensure(graph).await.unwrap();
    }
    serve(&one);
    assert!(hears(&near, &one), "they have the same tag");
    assert!(!hears(&far, &one), "nobody there has that tag");
}

#[test]
fn ports_hear_only_those_of_their_tag() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| are_apart(node).await);
}

#[test]
fn pairs_of_devices_hear_only_those_of_their_tag() {
    on_a_switch(options(true, Tagging::Own), async |node, _switch| are_apart(node).await);
}

#[test]
fn there_is_no_port_without_a_vlan() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| {
        for vlan in [None, Some(0), Some(4095)] {
            let mut graph = tagged(1, 7, "2.2.2.20/24");
            graph.attachment.as_mut().unwrap().vlan = vlan;
            let refused = node.ensure(&graph).await.unwrap_err().to_string();
            assert!(refused.contains("gives the network a VLAN"), "{refused}");
            assert_eq!(vsctl("list-ports br-int"), "");
        }
    });
}

#[test]
fn neutrons_agent_gives_the_tag_and_keeps_it() {
    on_a_switch(options(false, Tagging::Neutron), async |node, _switch| {
        let (one, near) = (tagged(1, 7, "2.2.2.20/24"), tagged(2, 7, "2.2.2.30/24"));
        for graph in [&one, &near] {
            node.ensure(graph).await.unwrap();
        }
        serve(&one);
        assert_eq!(vsctl(&format!("get Port {TAP} tag")), "4095");
        assert!(!hears(&near, &one), "nobody is reached before the agent has been there");
        for tap in [TAP, "tap00000002-00"] {
            vsctl(&format!("set Port {tap} tag=3 -- clear Port {tap} vlan_mode trunks"));
        }
        // It may have to ask its neighbours again first.
        eventually("it is heard", async || hears(&near, &one)).await;
        let disturbed = node.disturbed(&one);
        tokio::time::timeout(Duration::from_secs(5), disturbed).await.expect("the tag has changed");
        assert!(node.is_ready(&one).await);
        node.ensure(&one).await.unwrap();
        assert_eq!(vsctl(&format!("get Port {TAP} tag")), "3", "it is the agent's");
    });
}

#[test]
fn a_strangers_port_is_refused_and_stays() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| {
        let graph = tagged(1, 7, "2.2.2.20/24");
        vsctl(&format!("add-port br-int {TAP} -- set Interface {TAP} type=internal"));
        let mark = format!("set Interface {TAP} external_ids:evenkeel={}", uuid::Uuid::nil());
        for somebody in ["get Open_vSwitch . next_cfg", &mark] {
            vsctl(somebody);
            let refused = node.ensure(&graph).await.unwrap_err().to_string();
            assert!(refused.contains("made by somebody else"), "{refused}");
            node.remove(&graph).await.unwrap();
            assert_eq!(vsctl("list-ports br-int"), TAP);
        }
        vsctl(&format!("del-port {TAP}"));
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await, "it goes on by itself");
    });
}

#[test]
fn what_somebody_did_to_the_switch_is_told_and_repaired() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| {
        let (graph, other) = (tagged(1, 7, "2.2.2.20/24"), tagged(2, 7, "2.2.2.30/24"));
        node.ensure(&graph).await.unwrap();
        node.ensure(&other).await.unwrap();
        for damage in ["del-port PORT", "set Port PORT tag=9", "clear Port PORT tag"] {
            assert!(node.is_ready(&graph).await);
            vsctl(&damage.replace("PORT", TAP));
            let told = tokio::time::timeout(Duration::from_secs(5), node.disturbed(&graph));
            told.await.unwrap_or_else(|_| panic!("{damage} is told"));
            assert!(!node.is_ready(&graph).await, "{damage} is seen");
            node.ensure(&graph).await.unwrap();
            assert!(node.is_ready(&graph).await, "{damage} is repaired");
        }
        assert!(node.is_ready(&other).await);
        let nothing = tokio::time::timeout(Duration::from_millis(100), node.disturbed(&other));
        assert!(nothing.await.is_err(), "nobody else is woken");
    });
}

#[test]
fn a_lost_namespace_comes_back_with_its_port() {
    on_a_switch(options(false, Tagging::Own), async |node, _switch| {
        let graph = tagged(1, 7, "2.2.2.20/24");
        node.ensure(&graph).await.unwrap();
        let names = Namespaces::default();
        let id = graph.load_balancer.id;
        names.remove(&format!("qlbaas-{id}"), &format!("evenkeel:{id}")).unwrap();
        assert_eq!(node.list().await, [id], "the port tells");
        assert_eq!(node.read(&graph).await.unwrap(), Plugged::Remains);
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
        names.remove(&format!("qlbaas-{id}"), &format!("evenkeel:{id}")).unwrap();
        node.remove(&graph).await.unwrap();
        assert!(node.is_absent(&graph).await);
        assert_eq!(vsctl("list-ports br-int"), "");
    });
}

#[test]
fn a_killed_switch_is_noticed_and_passes_frames_again() {
    on_a_switch(options(false, Tagging::Own), async |node, mut switch| {
        let (one, near) = (tagged(1, 7, "2.2.2.20/24"), tagged(2, 7, "2.2.2.30/24"));
        node.ensure(&one).await.unwrap();
        node.ensure(&near).await.unwrap();
        switch.kill_daemon();
        eventually("the dead device is seen", async || !node.is_ready(&one).await).await;
        let failed = node.ensure(&one).await.unwrap_err().to_string();
        assert!(failed.contains("starts ovs-vswitchd"), "{failed}");
        switch.start_daemon();
        let told = tokio::time::timeout(Duration::from_secs(5), node.disturbed(&near));
        told.await.expect("it is told that the switch has started again");
        for graph in [&one, &near] {
            assert!(!node.is_ready(graph).await);
            node.ensure(graph).await.unwrap();
            assert!(node.is_ready(graph).await);
        }
        serve(&one);
        assert!(hears(&near, &one));
        node.remove(&one).await.unwrap();
        switch.kill_daemon();
        node.remove(&near).await.unwrap();
        assert!(node.is_absent(&near).await);
        switch.start_daemon();
        assert!(!node.devices().iter().any(|it| it.starts_with("tap")), "{:?}", node.devices());
    });
}

#[test]
fn a_killed_database_is_looked_for_again() {
    on_a_switch(options(false, Tagging::Own), async |node, mut switch| {
        let graph = tagged(1, 7, "2.2.2.20/24");
        node.ensure(&graph).await.unwrap();
        switch.kill_database();
        for failed in [node.read(&graph).await.err(), node.remove(&graph).await.err()] {
            let failed = failed.unwrap().to_string();
            assert!(failed.contains("starts Open vSwitch"), "{failed}");
        }
        switch.start_database();
        let told = tokio::time::timeout(Duration::from_secs(5), node.disturbed(&graph));
        told.await.expect("all are told to look");
        node.ensure(&graph).await.unwrap();
        assert!(node.is_ready(&graph).await);
        vsctl("del-br br-int");
        let failed = node.ensure(&graph).await.unwrap_err().to_string();
        assert!(failed.contains("has no bridge br-int"), "{failed}");
    });
}
