//! All that this agent holds: a keeper for each load balancer, and what they have to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use evenkeel_model::observed::Observation;
use evenkeel_model::{Epoch, Generation, LoadBalancerId};
use evenkeel_wire::{Graph, Index, IndexEntry, InventoryEntry, Observed, Outcome, Unusable};

use crate::arrival::Arrival;
use crate::keeper::{Keeper, Wanted};
use crate::ledger::{self, Record};
use crate::node::Node;
use crate::observe::Witness;

/// All that this agent holds.
#[derive(Debug)]
pub(crate) struct Holdings {
    node: Arc<Node>,
    state: Mutex<State>,
    arrival: Mutex<Arrival>,
    /// An outcome changed. Wakes one session.
    pub(crate) outcome_changed: Notify,
    /// There is something to say about a load balancer. Wakes one session.
    pub(crate) observed_changed: Notify,
    /// The first index was taken in. Wakes the sweeper.
    first_index: Notify,
    keepers: TaskTracker,
    /// Cancelled: rounds are ended, and no more begun.
    stop: CancellationToken,
    /// Cancelled: whatever is being done is dropped where it is, as in a crash.
    kill: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<LoadBalancerId, Held>,
    /// What the last index of this life named; `None` until there was one.
    named: Option<BTreeSet<LoadBalancerId>>,
    /// The last index of this life.
    index: Vec<IndexEntry>,
    /// Those whose latest graph the agent cannot use; what it had before it keeps.
    unusable: BTreeMap<LoadBalancerId, Unusable>,
    /// Who is to be spoken of.
    unsaid: BTreeSet<LoadBalancerId>,
}

#[derive(Debug)]
struct Held {
    wanted: watch::Sender<Wanted>,
    /// With the placement it is about. `None` until the first round of the keeper.
    outcome: Option<(Epoch, Outcome)>,
    witness: Witness,
    /// Whether its material was sealed for a key that the node has lost: the same graph is wanted
    /// again, sealed for the key of now.
    is_shut: bool,
}

impl Holdings {
    /// Starts with what the ledger has.
    pub(crate) fn start(
        node: Arc<Node>,
        entries: Vec<ledger::Entry>,
        stop: CancellationToken,
        kill: CancellationToken,
    ) -> Arc<Self> {
        let holdings = Arc::new(Self {
            node,
            state: Mutex::default(),
            arrival: Mutex::new(Arrival::new()),
            outcome_changed: Notify::new(),
            observed_changed: Notify::new(),
            first_index: Notify::new(),
            keepers: TaskTracker::new(),
            stop,
            kill,
        });
        let mut state = holdings.state();
        for entry in entries {
            match entry {
                ledger::Entry::Held(id, record) => {
                    let graph = Some(Arc::clone(&record.graph));
                    let epoch = record.epoch;
                    holdings.keep(&mut state, id, Wanted { epoch, graph }, Some(record));
                }
                ledger::Entry::Leaving(id, epoch) => {
                    holdings.keep(&mut state, id, Wanted { epoch, graph: None }, None);
                }
            }
        }
        drop(state);
        holdings
    }

    /// Takes in what the agent shall hold: what is not named leaves. Returns those whose graph the
    /// agent lacks.
    pub(crate) fn take_index(&self, index: &Index) -> Vec<IndexEntry> {
        let mut state = self.state();
        let named: BTreeSet<_> = index.entries.iter().map(|entry| entry.load_balancer).collect();
        for (id, held) in &mut state.held {
            if !named.contains(id) && held.wanted.borrow().graph.is_some() {
                tracing::info!(load_balancer = %id, "load balancer leaves this node");
                let epoch = held.wanted.borrow().epoch;
                held.wanted.send_replace(Wanted { epoch, graph: None });
                held.outcome = Some((epoch, Outcome::Leaving));
                self.outcome_changed.notify_one();
            }
        }
        state.unusable.retain(|id, _| named.contains(id));
        if state.named.replace(named).is_none() {
            self.first_index.notify_one();
        }
        state.index.clone_from(&index.entries);
        self.note_arrival(&state);
        let lacks = |entry: &&IndexEntry| state.lacks(entry);
        index.entries.iter().filter(lacks).copied().collect()
    }

    /// Takes in a graph, unless it is older than what is held or no longer asked for.
    pub(crate) fn take_graph(self: &Arc<Self>, graph: Graph) {
        let (id, epoch) = (graph.load_balancer, graph.epoch);
        // Without a graph the next index says the same, and says it of all.
        let Some(graph) = graph.graph else { return };
        if graph.load_balancer.id != id {
            tracing::error!(load_balancer = %id, "a graph of another load balancer was dropped");
            return;
        }
        let mut state = self.state();
        if !state.named.as_ref().is_some_and(|named| named.contains(&id)) {
            return;
        }
        state.unusable.remove(&id);
        let generation = graph.generation;
        let graph = Some(Arc::new(graph));
        let Some(held) = state.held.get_mut(&id) else {
            self.keep(&mut state, id, Wanted { epoch, graph }, None);
            return;
        };
        if !held.lacks(epoch, generation) {
            return;
        }
        if matches!(held.outcome, Some((_, Outcome::Leaving))) {
            held.outcome = None;
        }
        held.is_shut = false;
        held.wanted.send_replace(Wanted { epoch, graph });
    }

    /// Takes in that the latest graph cannot be used: that generation is refused, until there is a
    /// later one.
    pub(crate) fn take_unusable(&self, unusable: Unusable) {
        let mut state = self.state();
        let id = unusable.load_balancer;
        if state.named.as_ref().is_some_and(|named| named.contains(&id)) {
            tracing::warn!(load_balancer = %id, reason = unusable.reason, "graph refused");
            state.unusable.insert(id, unusable);
            self.note_arrival(&state);
            self.outcome_changed.notify_one();
        }
    }

    /// Returns when there was an index, which says what belongs to this node; to one caller.
    pub(crate) async fn has_index(&self) {
        self.first_index.notified().await;
    }

    /// Takes down what is on this node and belongs to nobody: neither held nor named by the index.
    /// Before the first index nobody can tell.
    pub(crate) fn take_orphans(self: &Arc<Self>, found: Vec<(LoadBalancerId, Epoch)>) {
        let mut state = self.state();
        for (id, epoch) in found {
            let belongs = state.held.contains_key(&id)
                || state.named.as_ref().is_none_or(|named| named.contains(&id));
            if !belongs {
                tracing::warn!(load_balancer = %id, "an orphan is being removed");
                self.keep(&mut state, id, Wanted { epoch, graph: None }, None);
            }
        }
    }

    /// All that belong to this node: held, or named by the index.
    pub(crate) fn belonging(&self) -> BTreeSet<LoadBalancerId> {
        let state = self.state();
        let named = state.named.iter().flatten();
        state.held.keys().chain(named).copied().collect()
    }

    /// How far every load balancer has come, in the order of their ids.
    pub(crate) fn inventory(&self) -> Vec<InventoryEntry> {
        let state = self.state();
        let entry = |(id, held): (&LoadBalancerId, &Held)| {
            let (epoch, outcome) = held.outcome.clone()?;
            Some((*id, InventoryEntry { load_balancer: *id, epoch, outcome }))
        };
        let mut entries: BTreeMap<_, _> = state.held.iter().filter_map(entry).collect();
        let refused = |(id, unusable): (&LoadBalancerId, &Unusable)| {
            let Unusable { load_balancer, epoch, generation, reason } = unusable.clone();
            let outcome = Outcome::Refused { generation, reason };
            (*id, InventoryEntry { load_balancer, epoch, outcome })
        };
        entries.extend(state.unusable.iter().map(refused));
        entries.into_values().collect()
    }

    /// A session begins: everything is to be said again.
    pub(crate) fn say_all_again(&self) {
        let mut state = self.state();
        let known = |(id, held): (&LoadBalancerId, &Held)| held.witness.said().map(|_| *id);
        state.unsaid = state.held.iter().filter_map(known).collect();
    }

    /// Whether there is anything to say about a load balancer.
    pub(crate) fn has_unsaid(&self) -> bool {
        !self.state().unsaid.is_empty()
    }

    /// The next thing to say about a load balancer.
    pub(crate) fn next_unsaid(&self) -> Option<Observed> {
        let mut state = self.state();
        while let Some(id) = state.unsaid.pop_first() {
            let said = state.held.get(&id).and_then(|held| held.witness.said());
            if let Some(observed) = said {
                return Some(observed.clone());
            }
        }
        None
    }

    /// A keeper tells how far it has come.
    pub(crate) fn report(&self, id: LoadBalancerId, epoch: Epoch, outcome: Outcome) {
        let mut state = self.state();
        let Some(held) = state.held.get_mut(&id) else { return };
        // It was told to leave while it was still at it.
        let leaves = held.wanted.borrow().graph.is_none();
        let outcome = Some((epoch, outcome));
        if !leaves && held.outcome != outcome {
            tracing::info!(load_balancer = %id, ?outcome, "outcome changed");
            held.outcome = outcome;
            self.outcome_changed.notify_one();
            self.note_arrival(&state);
        }
    }

    /// A keeper tells what it saw.
    pub(crate) fn observed(&self, id: LoadBalancerId, epoch: Epoch, observation: Observation) {
        let mut state = self.state();
        let Some(held) = state.held.get_mut(&id) else { return };
        let observed = Observed { load_balancer: id, epoch, observation };
        let traffic = self.node.timings.traffic;
        if held.witness.hear(observed, Instant::now(), traffic) {
            state.unsaid.insert(id);
            self.observed_changed.notify_one();
        }
    }

    /// A keeper tells that nothing is left. Whether it may end: not if the load balancer came back.
    pub(crate) fn retire(&self, id: LoadBalancerId) -> bool {
        let mut state = self.state();
        let wanted = |held: &Held| held.wanted.borrow().graph.is_some();
        if state.held.get(&id).is_some_and(wanted) {
            return false;
        }
        state.held.remove(&id);
        state.unsaid.remove(&id);
        self.note_arrival(&state);
        self.outcome_changed.notify_one();
        true
    }

    /// Returns when all keepers have ended, after `stop` or `kill`.
    pub(crate) async fn ended(&self) {
        self.keepers.close();
        self.keepers.wait().await;
    }

    fn keep(
        self: &Arc<Self>,
        state: &mut State,
        id: LoadBalancerId,
        wanted: Wanted,
        record: Option<Record>,
    ) {
        let leaving = wanted.graph.is_none();
        let outcome = leaving.then_some((wanted.epoch, Outcome::Leaving));
        let (wanted, receiver) = watch::channel(wanted);
        // What comes from a control plane is sealed for the key of now; what the ledger has may not be.
        let graph = record.as_ref().map(|record| &record.graph);
        let is_shut = graph.is_some_and(|graph| self.node.material(graph).is_err());
        if is_shut {
            tracing::warn!(load_balancer = %id, "sealed for a key that is lost; fetched again");
        }
        let held = Held { wanted, outcome, witness: Witness::default(), is_shut };
        state.held.insert(id, held);
        let node = Arc::clone(&self.node);
        let keeper = Keeper::new(id, node, Arc::clone(self), receiver, record);
        let (stop, kill) = (self.stop.clone(), self.kill.clone());
        self.keepers.spawn(async move {
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                () = keeper.run(stop) => {}
            }
        });
    }

    /// Says it, the first time that all that the index names is here as it shall be, and nothing
    /// else is.
    fn note_arrival(&self, state: &State) {
        let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        if arrival.is_awaited() && state.is_in_sync() {
            arrival.say(state.held.len());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is whole when the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_in_sync(&self) -> bool {
        let is_settled = |held: &Held| match &held.outcome {
            Some((_, Outcome::Converged(generation) | Outcome::Refused { generation, .. })) => {
                let wanted = held.wanted.borrow();
                wanted.graph.as_ref().is_some_and(|graph| graph.generation == *generation)
            }
            Some((_, Outcome::Retrying { .. } | Outcome::Leaving)) | None => false,
        };
        let is_here = |entry: &IndexEntry| !self.lacks(entry);
        self.named.is_some() && self.held.values().all(is_settled) && self.index.iter().all(is_here)
    }

    /// Whether the agent has neither this graph nor a later one, and does not know either that it
    /// cannot use it.
    fn lacks(&self, entry: &IndexEntry) -> bool {
        let (id, numbers) = (&entry.load_balancer, (entry.epoch, entry.generation));
        if self.unusable.get(id).is_some_and(|it| (it.epoch, it.generation) >= numbers) {
            return false;
        }
        self.held.get(id).is_none_or(|held| held.lacks(entry.epoch, entry.generation))
    }
}

impl Held {
    /// Whether a graph with these numbers is newer than what is held. Older loses; the placement
    /// counts more than the graph.
    fn lacks(&self, epoch: Epoch, generation: Generation) -> bool {
        let wanted = self.wanted.borrow();
        match &wanted.graph {
            Some(graph) if self.is_shut => (epoch, generation) >= (wanted.epoch, graph.generation),
            Some(graph) => (epoch, generation) > (wanted.epoch, graph.generation),
            // It leaves, and is wanted again.
            None => epoch >= wanted.epoch,
        }
    }
}
