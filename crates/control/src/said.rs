//! What an agent was told lately, so that its answer can be understood; and the two vocabularies
//! of wire and store, word by word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use evenkeel_model::LoadBalancerId;
use evenkeel_store::{AgentHello, Assignment, Held, Progress};
use evenkeel_wire::{Hello, IndexEntry, InventoryEntry, Outcome};

/// How many indexes are remembered. An agent answers the last one, or the one before.
const REMEMBERED: usize = 16;

/// The load balancers that were in the last indexes, by their serials.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<BTreeMap<u64, BTreeSet<LoadBalancerId>>>);

impl Said {
    /// Notes what is said in an index.
    pub(crate) fn note(&self, serial: u64, entries: &[IndexEntry]) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(serial, entries.iter().map(|entry| entry.load_balancer).collect());
        while said.len() > REMEMBERED {
            said.pop_first();
        }
    }

    /// What was in the index of this serial; `None` if that is forgotten, or was never said.
    pub(crate) fn in_index(&self, serial: u64) -> Option<BTreeSet<LoadBalancerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&serial).cloned()
    }
}

pub(crate) fn hello(said: Hello) -> AgentHello {
    let Hello { agent, host, providers, capacity, probes, key: _ } = said;
    AgentHello { agent, host, providers, capacity, probes }
}

pub(crate) fn entry(assignment: &Assignment) -> IndexEntry {
    let Assignment { load_balancer, epoch, generation } = *assignment;
    IndexEntry { load_balancer, epoch, generation }
}

pub(crate) fn held(entry: InventoryEntry) -> Held {
    let progress = match entry.outcome {
        Outcome::Converged(generation) => Progress::Converged(generation),
        Outcome::Refused { generation, reason } => Progress::Refused { generation, reason },
        Outcome::Retrying { generation, reason } => Progress::Retrying { generation, reason },
        Outcome::Leaving => Progress::Leaving,
    };
    Held { load_balancer: entry.load_balancer, epoch: entry.epoch, progress }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_indexes_are_remembered() {
        let said = Said::default();
        for serial in 1..=20 {
            said.note(serial, &[]);
        }
        assert_eq!(said.in_index(20), Some(BTreeSet::new()));
        assert_eq!(said.in_index(4), None);
    }
}
