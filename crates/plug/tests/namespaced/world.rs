//! A node with a plug, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use evenkeel_driver::conformance;
use evenkeel_driver::{Plug, PlugError, Plugged, Site};
use evenkeel_model::network::MacAddress;
use evenkeel_model::provider::Capabilities;
use evenkeel_model::{Attachment, LoadBalancerGraph, LoadBalancerId, NetworkId, PortId, Route};
use evenkeel_plug::{Bridge, Namespaced, Wiring, names};
use evenkeel_plumbing::isolation::isolated;
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::{Namespace, Namespaces, Netlink};
use uuid::Uuid;

/// A number's id; the names of devices have only its beginning.
pub(crate) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number << 96)
}

pub(crate) fn route(destination: &str, next_hop: &str) -> Route {
    Route { destination: destination.parse().unwrap(), next_hop: next_hop.parse().unwrap() }
}

/// The graph of the load balancer `number` on the network `network`.
pub(crate) fn graph(number: u128, network: u128, addresses: &[&str]) -> LoadBalancerGraph {
    let port = PortId::new(uuid(number));
    let addresses: Vec<ipnet::IpNet> = addresses.iter().map(|it| it.parse().unwrap()).collect();
    let mut graph = conformance::graph(&Capabilities::ALL, addresses[0].addr());
    graph.load_balancer.id = LoadBalancerId::new(uuid(number));
    graph.attachment = Some(Attachment {
        port,
        network: NetworkId::new(uuid(network)),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, u8::try_from(number).unwrap()]),
        mtu: 1450,
        vlan: None,
        addresses,
        routes: Vec::new(),
    });
    graph
}

/// The main scenario's: a default route and a host route.
pub(crate) fn main_graph() -> LoadBalancerGraph {
    let mut graph = graph(1, 100, &["2.2.2.20/24"]);
    let attachment = graph.attachment.as_mut().unwrap();
    attachment.routes = vec![route("10.9.0.0/16", "2.2.2.2"), route("0.0.0.0/0", "2.2.2.1")];
    graph
}

/// The wiring of a node with bridges.
pub(crate) fn bridge() -> Bridge {
    Bridge::new(Namespaces::default(), BTreeMap::new()).unwrap()
}

/// A node with bridges.
pub(crate) struct Node {
    plug: Namespaced,
    pub(crate) root: Netlink,
}

impl Node {
    fn new() -> Self {
        let root = Namespace::current().unwrap().netlink().unwrap();
        Self { plug: Namespaced::new(Namespaces::default(), Arc::new(bridge())), root }
    }

    /// The same, by another wiring.
    pub(crate) fn wired_by(self, wiring: impl Wiring + 'static) -> Self {
        Self { plug: Namespaced::new(Namespaces::default(), Arc::new(wiring)), ..self }
    }

    /// The same, with another number of announcements.
    pub(crate) fn announcing(self, times: u32) -> Self {
        Self { plug: self.plug.announcing(times), ..self }
    }

    /// The same, that asks others so long whether they have an address.
    pub(crate) fn asking(self, patience: std::time::Duration) -> Self {
        Self { plug: self.plug.asking(patience), ..self }
    }

    pub(crate) async fn ensure(&self, graph: &LoadBalancerGraph) -> Result<Site, PlugError> {
        self.plug.ensure(Path::new("/nowhere"), graph).await
    }

    pub(crate) async fn read(&self, graph: &LoadBalancerGraph) -> Result<Plugged, PlugError> {
        self.plug.read(Path::new("/nowhere"), graph.load_balancer.id, Some(graph)).await
    }

    pub(crate) async fn is_ready(&self, graph: &LoadBalancerGraph) -> bool {
        matches!(self.read(graph).await.unwrap(), Plugged::Ready(_))
    }

    pub(crate) async fn remove(&self, graph: &LoadBalancerGraph) -> Result<(), PlugError> {
        self.plug.remove(Path::new("/nowhere"), graph.load_balancer.id).await
    }

    pub(crate) async fn disturbed(&self, graph: &LoadBalancerGraph) {
        self.plug.disturbed(graph.load_balancer.id).await;
    }

    /// What is left, as the plug itself sees it.
    pub(crate) async fn is_absent(&self, graph: &LoadBalancerGraph) -> bool {
        let read = self.plug.read(Path::new("/nowhere"), graph.load_balancer.id, None).await;
        read.unwrap() == Plugged::Absent && self.list().await.is_empty()
    }

    /// The same, with others on the node.
    pub(crate) async fn is_absent_beside(&self, graph: &LoadBalancerGraph) -> bool {
        let id = graph.load_balancer.id;
        let read = self.plug.read(Path::new("/nowhere"), id, None).await;
        read.unwrap() == Plugged::Absent && !self.list().await.contains(&id)
    }

    pub(crate) async fn list(&self) -> Vec<LoadBalancerId> {
        self.plug.list().await.unwrap()
    }

    /// The names of the devices of the node itself, but its loopback.
    pub(crate) fn devices(&self) -> Vec<String> {
        let links = self.root.links().unwrap().into_iter().map(|link| link.name);
        let mut names: Vec<String> = links.filter(|name| name != "lo").collect();
        names.sort();
        names
    }
}

/// The namespace of a load balancer.
pub(crate) fn inside(graph: &LoadBalancerGraph) -> Namespace {
    let path = Namespaces::default().path(&names::namespace(graph.load_balancer.id));
    Namespace::at(&path).unwrap()
}

/// The device of the VIP, in its namespace.
pub(crate) fn device(graph: &LoadBalancerGraph) -> (Netlink, Link) {
    let netlink = inside(graph).netlink().unwrap();
    let links = netlink.links().unwrap();
    let link = links.into_iter().find(|link| link.name.starts_with("ns-")).unwrap();
    (netlink, link)
}

/// What an operator types.
#[expect(clippy::disallowed_methods, reason = "typed as an operator would type it")]
pub(crate) fn ip(words: &[&str]) {
    let status = std::process::Command::new("ip").args(words).status().unwrap();
    assert!(status.success(), "ip {words:?}");
}

/// A test on a node of its own.
pub(crate) fn on_a_node<F: Future<Output = ()>>(work: impl FnOnce(Node) -> F) {
    isolated(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(work(Node::new()));
    });
}
