//! From the encoded form to the messages, as far as this version knows them.

use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{Epoch, Generation};
use evenkeel_vault::PublicKey;
use uuid::Uuid;

use super::{AgentWord, ControlWord};

/// What a tenant is told of a graph in words that his node does not know.
pub(super) const NODE_TOO_OLD: &str =
    "the node's evenkeel is older than the control plane and cannot do this; upgrade it";

/// What a tenant is told of an outcome in words that the control plane does not know.
pub(super) const CONTROL_TOO_OLD: &str =
    "the control plane is older than the node's evenkeel and does not understand it; upgrade it";

/// A message that is passed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Of a kind that came later than this version, or of none.
    #[error("it is of a kind that this version does not know")]
    Kind,
    /// What should be an id is none.
    #[error("it holds an id that is not of 16 bytes")]
    Id,
    /// What should be a document is none, or is one of another version.
    #[error("it holds a document that cannot be read")]
    Document(#[source] serde_json::Error),
}

impl TryFrom<super::ToAgent> for crate::ToAgent {
    type Error = Unread;

    fn try_from(message: super::ToAgent) -> Result<Self, Unread> {
        match message.word.ok_or(Unread::Kind)? {
            AgentWord::Index(index) => Ok(Self::Index(index.try_into()?)),
            AgentWord::Graph(graph) => read(graph),
        }
    }
}

impl TryFrom<super::FromAgent> for crate::FromAgent {
    type Error = Unread;

    fn try_from(message: super::FromAgent) -> Result<Self, Unread> {
        match message.word.ok_or(Unread::Kind)? {
            ControlWord::Hello(hello) => Ok(Self::Hello(hello.try_into()?)),
            ControlWord::Fetch(fetch) => {
                let load_balancer = id(&fetch.load_balancer)?;
                Ok(Self::Fetch(crate::Fetch { load_balancer }))
            }
            ControlWord::Inventory(inventory) => Ok(Self::Inventory(inventory.try_into()?)),
            ControlWord::Observed(observed) => Ok(Self::Observed(observed.try_into()?)),
        }
    }
}

impl TryFrom<super::Hello> for crate::Hello {
    type Error = Unread;

    fn try_from(hello: super::Hello) -> Result<Self, Unread> {
        Ok(Self {
            agent: id(&hello.agent)?,
            host: hello.host,
            providers: hello.providers.into_iter().map(ProviderName::new).collect(),
            capacity: hello.capacity,
            key: PublicKey::new(hello.key),
            probes: hello.probes.iter().filter_map(|it| ProbeKind::from_word(it)).collect(),
        })
    }
}

// One entry that cannot be read spoils the index: what an index does not name is taken down.
impl TryFrom<super::Index> for crate::Index {
    type Error = Unread;

    fn try_from(index: super::Index) -> Result<Self, Unread> {
        let entry = |entry: super::IndexEntry| {
            Ok(crate::IndexEntry {
                load_balancer: id(&entry.load_balancer)?,
                epoch: Epoch::new(entry.epoch),
                generation: Generation::new(entry.generation),
            })
        };
        let entries = index.entries.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { serial: index.serial, entries })
    }
}

/// A graph in words that are not known here is refused, and the session goes on.
fn read(graph: super::Graph) -> Result<crate::ToAgent, Unread> {
    let (load_balancer, epoch) = (id(&graph.load_balancer)?, Epoch::new(graph.epoch));
    let generation = Generation::new(graph.generation);
    let unusable = |reason| {
        let unusable = crate::Unusable { load_balancer, epoch, generation, reason };
        Ok(crate::ToAgent::Unusable(unusable))
    };
    let graph = match graph.document {
        None if graph.withheld.is_empty() => None,
        None => return unusable(graph.withheld),
        Some(document) => match serde_json::from_slice(&document) {
            Ok(graph) => Some(graph),
            Err(error) => {
                tracing::warn!(%load_balancer, %error, "graph not understood");
                return unusable(NODE_TOO_OLD.to_owned());
            }
        },
    };
    Ok(crate::ToAgent::Graph(Box::new(crate::Graph { load_balancer, epoch, graph })))
}

impl TryFrom<super::Inventory> for crate::Inventory {
    type Error = Unread;

    fn try_from(inventory: super::Inventory) -> Result<Self, Unread> {
        let entries = inventory.entries.into_iter().map(TryInto::try_into);
        Ok(Self { answers: inventory.answers, entries: entries.collect::<Result<_, _>>()? })
    }
}

impl TryFrom<super::InventoryEntry> for crate::InventoryEntry {
    type Error = Unread;

    fn try_from(entry: super::InventoryEntry) -> Result<Self, Unread> {
        let (generation, reason) = (Generation::new(entry.generation), entry.reason);
        let outcome = match super::Outcome::try_from(entry.outcome) {
            Ok(super::Outcome::Converged) => crate::Outcome::Converged(generation),
            Ok(super::Outcome::Refused) => crate::Outcome::Refused { generation, reason },
            Ok(super::Outcome::Retrying) => crate::Outcome::Retrying { generation, reason },
            Ok(super::Outcome::Leaving) => crate::Outcome::Leaving,
            Ok(super::Outcome::Unspecified) | Err(_) => {
                crate::Outcome::Retrying { generation, reason: CONTROL_TOO_OLD.to_owned() }
            }
        };
        let (load_balancer, epoch) = (id(&entry.load_balancer)?, Epoch::new(entry.epoch));
        Ok(Self { load_balancer, epoch, outcome })
    }
}

impl TryFrom<super::Observed> for crate::Observed {
    type Error = Unread;

    fn try_from(observed: super::Observed) -> Result<Self, Unread> {
        Ok(Self {
            load_balancer: id(&observed.load_balancer)?,
            epoch: Epoch::new(observed.epoch),
            observation: serde_json::from_slice(&observed.document).map_err(Unread::Document)?,
        })
    }
}

fn id<Id: From<Uuid>>(bytes: &[u8]) -> Result<Id, Unread> {
    Uuid::from_slice(bytes).map(Id::from).map_err(|_| Unread::Id)
}
