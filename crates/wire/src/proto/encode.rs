//! From the messages to their encoded form.

use serde::Serialize;
use uuid::Uuid;

use super::{AgentWord, ControlWord};
use crate::grpc::DOCUMENT_BYTES;

/// What a node is told of a graph that no message holds.
pub(super) const TOO_LARGE: &str = "the load balancer is too large to be sent to its node; \
     divide its listeners and members among several load balancers";

impl From<crate::ToAgent> for super::ToAgent {
    fn from(message: crate::ToAgent) -> Self {
        let word = match message {
            crate::ToAgent::Index(index) => AgentWord::Index(index.into()),
            crate::ToAgent::Graph(graph) => AgentWord::Graph((*graph).into()),
            crate::ToAgent::Unusable(unusable) => AgentWord::Graph(unusable.into()),
        };
        Self { word: Some(word) }
    }
}

impl From<crate::FromAgent> for super::FromAgent {
    fn from(message: crate::FromAgent) -> Self {
        let word = match message {
            crate::FromAgent::Hello(hello) => ControlWord::Hello(hello.into()),
            crate::FromAgent::Fetch(fetch) => {
                ControlWord::Fetch(super::Fetch { load_balancer: id(fetch.load_balancer) })
            }
            crate::FromAgent::Inventory(inventory) => ControlWord::Inventory(inventory.into()),
            crate::FromAgent::Observed(observed) => ControlWord::Observed(observed.into()),
        };
        Self { word: Some(word) }
    }
}

impl From<crate::Hello> for super::Hello {
    fn from(hello: crate::Hello) -> Self {
        Self {
            agent: id(hello.agent),
            host: hello.host,
            providers: hello.providers.iter().map(ToString::to_string).collect(),
            capacity: hello.capacity,
            key: hello.key.bytes().to_vec(),
            probes: hello.probes.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<crate::Index> for super::Index {
    fn from(index: crate::Index) -> Self {
        let entry = |entry: crate::IndexEntry| super::IndexEntry {
            load_balancer: id(entry.load_balancer),
            epoch: entry.epoch.get(),
            generation: entry.generation.get(),
        };
        Self { serial: index.serial, entries: index.entries.into_iter().map(entry).collect() }
    }
}

impl From<crate::Graph> for super::Graph {
    fn from(graph: crate::Graph) -> Self {
        let encoded = Self {
            load_balancer: id(graph.load_balancer),
            epoch: graph.epoch.get(),
            ..Self::default()
        };
        let Some(graph) = graph.graph else { return encoded };
        let encoded = Self { generation: graph.generation.get(), ..encoded };
        let document = document(&graph);
        if document.len() > DOCUMENT_BYTES {
            return Self { withheld: TOO_LARGE.to_owned(), ..encoded };
        }
        Self { document: Some(document), ..encoded }
    }
}

impl From<crate::Unusable> for super::Graph {
    fn from(unusable: crate::Unusable) -> Self {
        Self {
            load_balancer: id(unusable.load_balancer),
            epoch: unusable.epoch.get(),
            generation: unusable.generation.get(),
            document: None,
            withheld: unusable.reason,
        }
    }
}

impl From<crate::Inventory> for super::Inventory {
    fn from(inventory: crate::Inventory) -> Self {
        let entries = inventory.entries.into_iter().map(Into::into).collect();
        Self { answers: inventory.answers, entries }
    }
}

impl From<crate::InventoryEntry> for super::InventoryEntry {
    fn from(entry: crate::InventoryEntry) -> Self {
        let (outcome, generation, reason) = match entry.outcome {
            crate::Outcome::Converged(generation) => {
                (super::Outcome::Converged, generation.get(), String::new())
            }
            crate::Outcome::Refused { generation, reason } => {
                (super::Outcome::Refused, generation.get(), reason)
            }
            crate::Outcome::Retrying { generation, reason } => {
                (super::Outcome::Retrying, generation.get(), reason)
            }
            crate::Outcome::Leaving => (super::Outcome::Leaving, 0, String::new()),
        };
        let (load_balancer, epoch) = (id(entry.load_balancer), entry.epoch.get());
        Self { load_balancer, epoch, outcome: outcome.into(), generation, reason }
    }
}

impl From<crate::Observed> for super::Observed {
    fn from(observed: crate::Observed) -> Self {
        Self {
            load_balancer: id(observed.load_balancer),
            epoch: observed.epoch.get(),
            document: document(&observed.observation),
        }
    }
}

fn id(id: impl Into<Uuid>) -> Vec<u8> {
    id.into().into_bytes().to_vec()
}

fn document(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("values of the model have a JSON form, and memory takes it")
}
