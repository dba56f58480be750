//! What every driver must do, whatever it is.
//!
//! The checks serve a VIP of the loopback, so that they need no right. They say what they found
//! missing by a panic, as tests do. They look from outside, as clients and members do, and at what
//! the driver says; how it does what it does is its own.
//!
//! | Function | What is checked |
//! |---|---|
//! | [`every_driver`] | calls may be repeated, lives change, and nothing is left |
//! | [`every_driver_that_serves`] | balancing, weights, monitors, backups, counters |
//! | [`every_driver_that_takes_connections`] | who may connect where, bytes, limits, metrics |
//! | [`every_driver_that_reads_requests`] | L7 policies and rules, inserted headers |
//! | [`every_driver_that_keeps_clients`] | persistence |
//! | [`every_driver_that_ends_tls`] | certificates, clients' certificates, keys, TLS to members |

#![expect(clippy::expect_used, reason = "a driver that fails has failed the check")]

mod answerer;
mod client;
mod connections;
mod echo;
mod graph;
mod handshake;
mod insertions;
mod metrics;
mod persistence;
mod policies;
mod proxy_header;
mod rotation;
mod rules;
mod scene;
mod secured;
mod traffic;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::observed::{ListenerHealth, Observation, Served};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::Capabilities;
use evenkeel_vault::Material;
use tokio::time::timeout;

use crate::{Driver, DriverError, Loopback, Plug, Site};

use scene::Scene;

/// How long any call may take on a machine that is busy with other checks.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough to see that what should be pending is not ready.
const GLANCE: Duration = Duration::from_millis(50);

/// A load balancer at `vip` with a listener, a pool and a member, which a driver that can do so much
/// can serve: what the checks begin with.
pub fn graph(capabilities: &Capabilities, vip: IpAddr) -> LoadBalancerGraph {
    graph::of(capabilities, vip)
}

/// The node that a driver is checked on.
pub trait Node {
    /// What is checked.
    type Driver: Driver;

    /// One life of the driver. All lives are on this node.
    fn driver(&self) -> Self::Driver;

    /// Whether a client can connect there.
    fn reaches(&self, socket: SocketAddr) -> bool;

    /// Ends what serves at `site`, without the driver.
    fn crash(&self, site: &Site);

    /// The site as it is on this node: with a user of its own, say.
    fn furnished(&self, site: Site) -> Site {
        site
    }
}

/// Checks a driver, whether it serves or only says so.
///
/// It serves at `vip`, an address of 127.0.0.0/8 that nobody else uses, and keeps its files in
/// `directory`, which is empty before and after.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver(node: impl Node, vip: IpAddr, directory: &Path) {
    let (bench, mut graph) = Bench::new(node, vip, directory).await;
    bench.nothing_is_there(&graph).await;
    bench.what_is_applied_is_served(&graph).await;
    bench.the_same_again_changes_nothing(&graph).await;
    graph.generation = graph.generation.next();
    graph::grow(&mut graph);
    bench.what_is_applied_is_served(&graph).await;

    let bench = Bench { driver: bench.node.driver(), ..bench };
    bench.is_served(&graph, "by another life").await;
    bench.the_same_again_changes_nothing(&graph).await;
    bench.what_is_refused_keeps_what_serves(&graph).await;
    bench.another_placement_serves_the_same(&graph).await;
    bench.what_crashes_is_noticed_and_mended(&graph).await;
    bench.removed_twice_nothing_is_left(&graph).await;

    graph.generation = graph.generation.next();
    bench.what_is_applied_is_served(&graph).await;
    // A life that did not make it can remove it as well.
    let bench = Bench { driver: bench.node.driver(), ..bench };
    bench.end(&graph).await;
}

/// Checks a driver that serves: what clients get, and what is said of members and traffic.
///
/// `vip` and `directory` are as with [`every_driver`]; members are on the loopback, and clients at
/// 127.0.1.0/24.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver_that_serves(node: impl Node, vip: IpAddr, directory: &Path) {
    let (bench, graph) = Bench::new(node, vip, directory).await;
    traffic::check(&bench, graph.clone()).await;
    bench.removed_twice_nothing_is_left(&graph).await;
    rotation::check(&mut Scene::new(&bench, graph.clone())).await;
    bench.end(&graph).await;
}

/// Checks a driver with who may connect where, and how many; what members learn of them; that bytes
/// go both ways; and that metrics are told: each of it, if the driver can.
///
/// `vip` and `directory` are as with [`every_driver`], and nobody else uses that address of the next
/// 127.n.0.0/16 either; clients are at 127.0.1.0/24.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver_that_takes_connections(node: impl Node, vip: IpAddr, directory: &Path) {
    let (bench, graph) = Bench::new(node, vip, directory).await;
    let scene = &mut Scene::new(&bench, graph.clone());
    connections::check(scene).await;
    if bench.driver.capabilities().listeners.contains(&ListenerProtocol::Prometheus) {
        metrics::check(scene).await;
    }
    bench.end(&graph).await;
}

/// Checks a driver that reads requests: what policies do with them and which, when each kind of
/// rule holds that needs no TLS, and what members are told of clients.
///
/// `vip` and `directory` are as with [`every_driver`]; clients are at 127.0.1.0/24.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver_that_reads_requests(node: impl Node, vip: IpAddr, directory: &Path) {
    let (bench, graph) = Bench::new(node, vip, directory).await;
    let scene = &mut Scene::new(&bench, graph.clone());
    policies::check(scene).await;
    rules::check(scene).await;
    insertions::check(scene).await;
    bench.end(&graph).await;
}

/// Checks a driver with which clients stay with their members, in each way that it can.
///
/// `vip` and `directory` are as with [`every_driver`]; clients are at 127.0.1.0/24.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver_that_keeps_clients(node: impl Node, vip: IpAddr, directory: &Path) {
    let (bench, graph) = Bench::new(node, vip, directory).await;
    persistence::check(&mut Scene::new(&bench, graph.clone())).await;
    bench.end(&graph).await;
}

/// Checks a driver that ends TLS: which certificates clients see, whose they may show, where keys
/// are, that rules can ask for what clients show, if it reads their requests, and that members are
/// judged, if it speaks TLS to them.
///
/// `vip` and `directory` are as with [`every_driver`]; `secrets` is where keys may be in clear, on a
/// file system in memory, and is not there before and after. The `openssl` command is needed.
///
/// # Panics
///
/// The driver broke a promise.
pub async fn every_driver_that_ends_tls(
    node: impl Node,
    vip: IpAddr,
    directory: &Path,
    secrets: &Path,
) {
    let (mut bench, graph) = Bench::new(node, vip, directory).await;
    bench.site.secrets = secrets.to_owned();
    secured::check(&bench, graph.clone()).await;
    bench.removed_twice_nothing_is_left(&graph).await;
    assert!(!secrets.exists(), "something is left where keys were");
    bench.leave(&graph).await;
}

/// A driver at its site.
struct Bench<N: Node> {
    driver: N::Driver,
    site: Site,
    node: N,
}

impl<N: Node> Bench<N> {
    /// One, and what the checks on it begin with.
    async fn new(node: N, vip: IpAddr, directory: &Path) -> (Self, LoadBalancerGraph) {
        let driver = node.driver();
        let graph = graph::of(&driver.capabilities(), vip);
        let site = Loopback.ensure(directory, &graph).await.expect("the loopback has this VIP");
        let site = node.furnished(site);
        (Self { driver, site, node }, graph)
    }

    /// Leaves nothing.
    async fn end(&self, graph: &LoadBalancerGraph) {
        self.removed_twice_nothing_is_left(graph).await;
        self.leave(graph).await;
    }

    async fn apply(&self, graph: &LoadBalancerGraph) -> Result<(), DriverError> {
        self.apply_with(graph, &Material::none()).await
    }

    async fn apply_with(
        &self,
        graph: &LoadBalancerGraph,
        material: &Material,
    ) -> Result<(), DriverError> {
        let applied = timeout(PATIENCE, self.driver.apply(&self.site, graph, material)).await;
        applied.expect("apply returns")
    }

    async fn observe(&self) -> Observation {
        let seen = timeout(PATIENCE, self.driver.observe(&self.site)).await;
        seen.expect("observe returns").expect("a node that works can be observed")
    }

    async fn nothing_is_there(&self, graph: &LoadBalancerGraph) {
        let seen = self.observe().await;
        assert_eq!(seen.served, Served::Absent);
        assert!(seen.listeners.is_empty() && seen.members.is_empty(), "{seen:?}");
        self.sockets_are_reached(graph, false, "while nothing is served");
        self.nobody_says_that_it_ended("while nothing is served").await;
    }

    async fn what_is_applied_is_served(&self, graph: &LoadBalancerGraph) {
        self.apply(graph).await.expect("the graph is within its capabilities");
        self.is_served(graph, "after it was applied").await;
    }

    /// What is seen may take a round of the data plane's own to appear; what serves may not.
    async fn is_served(&self, graph: &LoadBalancerGraph, when: &str) {
        let seen = self.observe().await;
        assert_eq!(seen.served, Served::Serving(graph.generation), "{when}");
        let open: Vec<_> = graph.listeners.iter().map(|listener| listener.id).collect();
        let seen_open: Vec<_> = seen.listeners.keys().copied().collect();
        assert_eq!(seen_open, open, "{when}");
        assert!(seen.listeners.values().all(|it| *it == ListenerHealth::Open), "{when}");
        let traffic: Vec<_> = seen.traffic.keys().copied().collect();
        assert_eq!(traffic, open, "{when}");
        let members: Vec<_> = graph.members.iter().map(|member| member.id).collect();
        let seen_members: Vec<_> = seen.members.keys().copied().collect();
        assert_eq!(seen_members, members, "{when}");
        self.sockets_are_reached(graph, true, when);
        self.nobody_says_that_it_ended(when).await;
    }

    async fn the_same_again_changes_nothing(&self, graph: &LoadBalancerGraph) {
        let (before, seen) = (self.files(), self.observe().await);
        for _ in 0..2 {
            self.apply(graph).await.expect("the graph is served already");
        }
        assert_eq!(self.files(), before, "the graph that is served was applied again");
        let again = self.observe().await;
        // What passes is not the driver's doing.
        assert_eq!(Observation { traffic: seen.traffic.clone(), ..again }, seen);
        self.is_served(graph, "after it was applied again").await;
    }

    /// What the driver keeps of what it runs: processes among it, if it runs any.
    fn files(&self) -> BTreeMap<OsString, Vec<u8>> {
        let listed = std::fs::read_dir(&self.site.directory).expect("the directory is the check's");
        let entries = listed.map(|entry| entry.expect("the directory is the check's"));
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_file()));
        let read = |path| std::fs::read(path).expect("the files are this user's");
        files.map(|entry| (entry.file_name(), read(entry.path()))).collect()
    }

    async fn what_is_refused_keeps_what_serves(&self, graph: &LoadBalancerGraph) {
        let mut refused = graph.clone();
        refused.generation = graph.generation.next();
        if !graph::exceed(&mut refused, &self.driver.capabilities()) {
            return;
        }
        let error = self.apply(&refused).await.expect_err("it is beyond its capabilities");
        assert!(error.is_final(), "{error:?}");
        self.is_served(graph, "after another was refused").await;
    }

    async fn another_placement_serves_the_same(&self, graph: &LoadBalancerGraph) {
        let site = Site { epoch: self.site.epoch.next(), ..self.site.clone() };
        let applied = timeout(PATIENCE, self.driver.apply(&site, graph, &Material::none())).await;
        applied.expect("apply returns").expect("what serves can be made anew");
        self.is_served(graph, "after a failover").await;
    }

    async fn removed_twice_nothing_is_left(&self, graph: &LoadBalancerGraph) {
        for _ in 0..2 {
            let removed = timeout(PATIENCE, self.driver.remove(&self.site)).await;
            removed.expect("remove returns").expect("what is there can be removed");
            self.nothing_is_there(graph).await;
        }
    }

    /// It may take the driver a moment to notice, and then there are remains, or nothing.
    async fn what_crashes_is_noticed_and_mended(&self, graph: &LoadBalancerGraph) {
        let ended = self.driver.ended(&self.site);
        self.node.crash(&self.site);
        timeout(PATIENCE, ended).await.expect("the end of what serves is noticed");
        let seen = self.observe().await.served;
        assert!(matches!(seen, Served::Remains | Served::Absent), "{seen:?} after a crash");
        self.sockets_are_reached(graph, false, "after a crash");
        self.what_is_applied_is_served(graph).await;
    }

    /// Leaves the site as it was found.
    async fn leave(&self, graph: &LoadBalancerGraph) {
        let directory = &self.site.directory;
        let left = Loopback.remove(directory, graph.load_balancer.id).await;
        left.expect("the loopback can be left");
        let mut files = std::fs::read_dir(directory).expect("the directory is the check's");
        assert!(files.next().is_none(), "something is left in the site's directory");
    }

    fn sockets_are_reached(&self, graph: &LoadBalancerGraph, wanted: bool, when: &str) {
        for listener in &graph.listeners {
            for socket in self.site.sockets_of(listener, graph) {
                assert_eq!(self.node.reaches(socket), wanted, "{socket} {when}");
            }
        }
    }

    async fn nobody_says_that_it_ended(&self, when: &str) {
        let ended = timeout(GLANCE, self.driver.ended(&self.site)).await;
        assert!(ended.is_err(), "what serves is said to have ended {when}");
    }
}
