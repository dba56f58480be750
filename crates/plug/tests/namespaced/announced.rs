//! Neighbours are told where VIPs are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_driver::PlugError;
use evenkeel_model::network::MacAddress;
use evenkeel_model::{Attachment, LoadBalancerGraph, LoadBalancerId};
use evenkeel_plug::wiring::{Wired, Wires};
use evenkeel_plug::{Bridge, Wiring, names};
use evenkeel_plumbing::Namespaces;
use tokio::time::{Instant, interval};

use crate::ear::{Announcement, Ear};
use crate::world::{Node, bridge, graph, inside, on_a_node};

/// Somebody on the network of the others.
async fn neighbour(node: &Node) -> Ear {
    let graph = graph(9, 100, &["2.2.2.90/24"]);
    node.ensure(&graph).await.unwrap();
    Ear::of(&inside(&graph), graph.attachment.unwrap().mac)
}

fn vip(host: u8) -> LoadBalancerGraph {
    graph(host.into(), 100, &["2.2.2.20/24", "2001:db8::20/64"])
}

fn said(host: u8) -> [Announcement; 2] {
    let mac = MacAddress([0xfa, 0x16, 0x3e, 0, 0, host]);
    [("2.2.2.20".parse().unwrap(), mac), ("2001:db8::20".parse().unwrap(), mac)]
}

#[test]
fn all_addresses_are_announced_three_times() {
    on_a_node(async |node| {
        let ear = neighbour(&node).await;
        node.ensure(&vip(1)).await.unwrap();
        for _ in 0..3 {
            assert_eq!([ear.next(), ear.next()], said(1));
        }
        node.remove(&vip(1)).await.unwrap();
        assert_eq!(ear.rest(), []);
    });
}

#[test]
fn who_takes_an_address_over_is_announced() {
    on_a_node(async |node| {
        let ear = neighbour(&node).await;
        node.ensure(&vip(1)).await.unwrap();
        assert_eq!([ear.next(), ear.next()], said(1));
        node.remove(&vip(1)).await.unwrap();
        ear.rest();
        node.ensure(&vip(2)).await.unwrap();
        assert_eq!([ear.next(), ear.next()], said(2));
    });
}

#[test]
fn what_is_not_to_be_announced_is_not() {
    on_a_node(async |node| {
        let node = node.announcing(0);
        let ear = neighbour(&node).await;
        node.ensure(&vip(1)).await.unwrap();
        assert!(node.is_ready(&vip(1)).await);
        // Whatever was to be said is said or given up now.
        node.remove(&vip(1)).await.unwrap();
        assert_eq!(ear.rest(), []);
    });
}

#[test]
fn a_namespace_that_is_lost_while_it_is_announced_comes_back() {
    on_a_node(async |node| {
        // Longer than anybody waits.
        let node = node.announcing(1_000);
        let ear = neighbour(&node).await;
        node.ensure(&vip(1)).await.unwrap();
        ear.next();
        let id = vip(1).load_balancer.id;
        Namespaces::default().remove(&names::namespace(id), &names::mark(id)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut attempts = interval(Duration::from_millis(50));
        // The kernel takes the devices of a lost namespace away when it has time.
        while let Err(error) = node.ensure(&vip(1)).await {
            assert!(Instant::now() < deadline, "{error}");
            attempts.tick().await;
        }
        assert!(node.is_ready(&vip(1)).await);
    });
}

#[test]
fn nothing_is_announced_before_frames_pass() {
    on_a_node(async |node| {
        let ear = neighbour(&node).await;
        let is_live = Arc::new(AtomicBool::new(false));
        let node = node.wired_by(Slow { bridge: bridge(), is_live: Arc::clone(&is_live) });
        node.ensure(&vip(1)).await.unwrap();
        assert!(node.is_ready(&vip(1)).await);
        assert_eq!(ear.rest(), []);
        is_live.store(true, Ordering::Relaxed);
        assert_eq!([ear.next(), ear.next()], said(1));
    });
}

/// Bridges that carry nothing at first, as somebody's who has to be waited for.
#[derive(Debug)]
struct Slow {
    bridge: Bridge,
    is_live: Arc<AtomicBool>,
}

impl Slow {
    fn told(&self, wired: Wired) -> Wired {
        Wired { is_live: self.is_live.load(Ordering::Relaxed), ..wired }
    }
}

#[async_trait]
impl Wiring for Slow {
    async fn ensure(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: &Attachment,
    ) -> Result<Wired, PlugError> {
        Ok(self.told(self.bridge.ensure(load_balancer, namespace, attachment).await?))
    }

    async fn read(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: Option<&Attachment>,
    ) -> Result<Wires, PlugError> {
        let found = self.bridge.read(load_balancer, namespace, attachment).await?;
        Ok(match found {
            Wires::Whole(wired) => Wires::Whole(self.told(wired)),
            Wires::Absent | Wires::Remains => found,
        })
    }

    async fn remove(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        kept: &[Attachment],
    ) -> Result<(), PlugError> {
        self.bridge.remove(load_balancer, namespace, kept).await
    }

    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        self.bridge.list().await
    }
}
