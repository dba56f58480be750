//! What control plane and agents say to each other.
//!
//! Two complete lists travel, one each way: the [`Index`] says what an agent shall hold, the
//! [`Inventory`] says what it does hold. All detail, the graph of a load balancer, is fetched by
//! id when the index names a generation that the agent lacks. No message tells anyone to *do*
//! something; the only verb is [`Fetch`].
//!
//! The messages know nothing of what carries them: in `evenkeel dev` they pass through a
//! [`link`](link::pair) in memory, between two processes through one of [`grpc`].

pub mod grpc;
pub mod link;
pub mod peer;
mod proto;

use serde::{Deserialize, Serialize};

use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::observed::{Observation, Served};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{AgentId, Epoch, Generation, LoadBalancerGraph, LoadBalancerId};
use evenkeel_vault::PublicKey;

/// Control plane → agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToAgent {
    /// All that the agent shall hold. Said again, in full, whenever something changed and at each
    /// heartbeat.
    Index(Index),
    /// The answer to a [`Fetch`].
    Graph(Box<Graph>),
    /// The answer to a [`Fetch`] that the agent cannot use.
    Unusable(Unusable),
}

/// Agent → control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromAgent {
    /// The first message of a session.
    Hello(Hello),
    /// A graph is wanted.
    Fetch(Fetch),
    /// All that the agent holds. Said whenever an outcome changed and at each heartbeat.
    Inventory(Inventory),
    /// How one load balancer is. Said when it changed.
    Observed(Observed),
}

/// Who the agent is and what it offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The same for all lives of an agent on its node.
    pub agent: AgentId,
    /// The node's name, for people.
    pub host: String,
    /// The drivers it has, by the names of their providers, aliases among them.
    pub providers: Vec<ProviderName>,
    /// How many load balancers it takes.
    pub capacity: u32,
    /// How it can probe members. Empty if it does not say, as agents did before there was this
    /// word: then as its drivers know how to.
    pub probes: Vec<ProbeKind>,
    /// What keys are sealed with on their way to it; only this node can open that.
    pub key: PublicKey,
}

/// All that an agent shall hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Counts the indexes of a session, from 1; an inventory says which one it answers.
    pub serial: u64,
    /// In the order of their ids.
    pub entries: Vec<IndexEntry>,
}

/// One load balancer that an agent shall hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// The number of its placement on this agent.
    pub epoch: Epoch,
    /// The number of its latest graph.
    pub generation: Generation,
}

/// A graph is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Of this load balancer, in its latest generation.
    pub load_balancer: LoadBalancerId,
}

/// The latest graph of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// The number of its placement.
    pub epoch: Epoch,
    /// `None` if it has gone from this agent in the meantime.
    pub graph: Option<LoadBalancerGraph>,
}

/// A graph that did not reach the agent as one: it is in words of a later version, or too large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// Of this load balancer.
    pub load_balancer: LoadBalancerId,
    /// The number of its placement.
    pub epoch: Epoch,
    /// The generation that cannot be had.
    pub generation: Generation,
    /// One sentence with the cure, fit for the tenant.
    pub reason: String,
}

/// All that an agent holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The serial of the last index that the agent has taken in: a load balancer that this index
    /// did not name and that is not in `entries` is gone from the node.
    pub answers: u64,
    /// In the order of their ids; also what is still being taken down.
    pub entries: Vec<InventoryEntry>,
}

/// One load balancer that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// The placement under which it is held.
    pub epoch: Epoch,
    /// How far the agent has come.
    pub outcome: Outcome,
}

/// How far an agent has come with one load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The node is as this generation says, and was seen to be.
    Converged(Generation),
    /// The driver will not do this generation; only another one helps. What was served before is
    /// still served.
    Refused {
        /// The generation that was refused.
        generation: Generation,
        /// One sentence with the cure, fit for the tenant.
        reason: String,
    },
    /// It did not work yet, and is tried again.
    Retrying {
        /// The generation that is tried.
        generation: Generation,
        /// One sentence with the cure, fit for the tenant.
        reason: String,
    },
    /// It shall go, and is being taken down.
    Leaving,
}

/// How one load balancer is on the node that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// The placement under which it is held.
    pub epoch: Epoch,
    /// What was seen.
    pub observation: Observation,
}

impl Observed {
    /// The generation that serves, if one does.
    pub const fn generation(&self) -> Option<Generation> {
        match self.observation.served {
            Served::Serving(generation) => Some(generation),
            Served::Absent | Served::Remains => None,
        }
    }
}
