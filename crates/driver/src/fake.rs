//! A driver that serves nothing and remembers everything.

mod memory;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use evenkeel_model::observed::{MemberHealth, Observation, Served};
use evenkeel_model::provider::{Capabilities, Unsupported};
use evenkeel_model::{LoadBalancerGraph, LoadBalancerId, MemberId};
use evenkeel_vault::Material;
use tokio::sync::watch;

use crate::{Driver, DriverError, Site};

pub use memory::{Answer, Call, Memory};

use memory::Node;

/// Says that it serves what it is told to. Clones share what they remember, as the lives of a real
/// driver share the node: drop one and go on with another.
#[derive(Clone, Debug)]
pub struct FakeDriver {
    capabilities: Capabilities,
    node: Arc<watch::Sender<Node>>,
}

impl Default for FakeDriver {
    fn default() -> Self {
        Self::with(Capabilities::ALL)
    }
}

impl FakeDriver {
    /// A driver that can do this much. Of it, only the protocols of listeners are looked at.
    pub fn with(capabilities: Capabilities) -> Self {
        Self { capabilities, node: Arc::new(watch::Sender::new(Node::default())) }
    }

    /// What becomes of this call for this load balancer from now on. A call that hangs goes on as
    /// soon as it is told something else.
    pub fn answer(&self, load_balancer: LoadBalancerId, call: Call, answer: Answer) {
        self.change(load_balancer, |memory| _ = memory.answers.insert(call, answer));
    }

    /// All calls work again.
    pub fn heal(&self) {
        self.node.send_modify(|node| node.values_mut().for_each(|memory| memory.answers.clear()));
    }

    /// How a member is from now on.
    pub fn set_health(&self, load_balancer: LoadBalancerId, id: MemberId, health: MemberHealth) {
        self.change(load_balancer, |memory| _ = memory.health.insert(id, health));
    }

    /// What serves ends by itself, as a process that was killed.
    pub fn crash(&self, load_balancer: LoadBalancerId) {
        self.change(load_balancer, Memory::crash);
    }

    /// All that is remembered of a load balancer.
    pub fn memory(&self, load_balancer: LoadBalancerId) -> Memory {
        self.node.borrow().get(&load_balancer).cloned().unwrap_or_default()
    }

    /// The load balancers that are served.
    pub fn served(&self) -> Vec<LoadBalancerId> {
        let node = self.node.borrow();
        node.iter().filter(|(_, memory)| memory.graph().is_some()).map(|(id, _)| *id).collect()
    }

    /// Whether nothing at all is left of any load balancer.
    pub fn is_empty(&self) -> bool {
        self.node.borrow().values().all(|memory| memory.served() == Served::Absent)
    }

    /// Whether a client that connected there would be served.
    pub fn reaches(&self, socket: SocketAddr) -> bool {
        self.node.borrow().values().any(|memory| memory.sockets().contains(&socket))
    }

    fn change<T>(&self, id: LoadBalancerId, work: impl FnOnce(&mut Memory) -> T) -> T {
        let mut outcome = None;
        self.node.send_modify(|node| outcome = Some(work(node.entry(id).or_default())));
        #[expect(clippy::expect_used, reason = "send_modify always calls its closure, once")]
        outcome.expect("the closure was called")
    }

    /// Counts a call, and answers it as it was told to.
    async fn answered(&self, id: LoadBalancerId, call: Call) -> Result<(), DriverError> {
        self.change(id, |memory| *memory.calls.entry(call).or_default() += 1);
        let mut answer = Answer::Hang;
        let hangs = |node: &Node| {
            answer = node.get(&id).map_or(Answer::Work, |memory| memory.answer_to(call));
            answer != Answer::Hang
        };
        // The sender is our own: waiting ends only with what is waited for.
        let _ = self.node.subscribe().wait_for(hangs).await;
        match answer {
            Answer::Work | Answer::Hang => Ok(()),
            Answer::Refuse => Err(DriverError::Rejected {
                reason: "this data plane was told to refuse; tell it otherwise".to_owned(),
            }),
            Answer::Fail => Err(DriverError::Unavailable {
                attempt: "could not reach the data plane".to_owned(),
                cure: "it is tried again".to_owned(),
                source: None,
            }),
        }
    }

    fn within_capabilities(&self, graph: &LoadBalancerGraph) -> Result<(), Unsupported> {
        let protocols = self.capabilities.listeners;
        match graph.listeners.iter().find(|it| !protocols.contains(&it.protocol)) {
            Some(listener) => {
                Err(Unsupported(format!("Listener {}: protocol not supported.", listener.id)))
            }
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Driver for FakeDriver {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn apply(
        &self,
        site: &Site,
        graph: &LoadBalancerGraph,
        _: &Material,
    ) -> Result<(), DriverError> {
        self.answered(site.load_balancer, Call::Apply).await?;
        self.within_capabilities(graph)?;
        self.change(site.load_balancer, |memory| memory.serve(site, graph));
        Ok(())
    }

    async fn observe(&self, site: &Site) -> Result<Observation, DriverError> {
        self.answered(site.load_balancer, Call::Observe).await?;
        Ok(Observation {
            sockets: site.sockets.clone(),
            ..self.memory(site.load_balancer).observation()
        })
    }

    async fn remove(&self, site: &Site) -> Result<(), DriverError> {
        self.answered(site.load_balancer, Call::Remove).await?;
        self.change(site.load_balancer, Memory::remove);
        Ok(())
    }

    async fn ended(&self, site: &Site) {
        let has_crashed = |node: &Node| {
            node.get(&site.load_balancer).is_some_and(|it| it.served() == Served::Remains)
        };
        let _ = self.node.subscribe().wait_for(has_crashed).await;
    }
}
