//! An agent that holds nothing but numbers: it answers every index, and serves whatever it is
//! told to.

use std::collections::BTreeMap;

use evenkeel_control::ControlPlane;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{AgentId, Epoch, Generation, LoadBalancerGraph, LoadBalancerId};
use evenkeel_vault::{NodeKey, PublicKey};
use evenkeel_wire::link::AgentEnd;
use evenkeel_wire::{
    Fetch, FromAgent, Graph, Hello, Index, Inventory, InventoryEntry, Outcome, ToAgent,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// What the agent does with a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Serves it at once.
    Willing,
    /// Refuses it, with this reason.
    Refusing(&'static str),
    /// Tries for ever, and says why.
    Trying(&'static str),
    /// Says nothing more.
    Silent,
}

/// A running agent.
pub(crate) struct FakeAgent {
    pub(crate) key: NodeKey,
    pub(crate) id: AgentId,
    temper: watch::Sender<Temper>,
    /// The graphs it holds.
    pub(crate) graphs: watch::Receiver<BTreeMap<LoadBalancerId, LoadBalancerGraph>>,
    task: JoinHandle<()>,
}

impl FakeAgent {
    /// Connects an agent with this number that offers all providers.
    pub(crate) fn connect(control: &ControlPlane, number: u128, temper: Temper) -> Self {
        let id = AgentId::new(Uuid::from_u128(number));
        let providers = control.config().providers.iter().map(|it| it.name.clone()).collect();
        let (temper, tempers) = watch::channel(temper);
        let (held, graphs) = watch::channel(BTreeMap::new());
        let mind = Mind { id, end: control.connect(), tempers, epochs: BTreeMap::new(), held };
        let key = NodeKey::generate();
        let task = tokio::spawn(mind.live(providers, key.public().clone()));
        Self { key, id, temper, graphs, task }
    }

    /// Does something else from now on.
    pub(crate) fn turn(&self, temper: Temper) {
        self.temper.send_replace(temper);
    }

    /// Hangs up.
    pub(crate) fn die(self) {
        self.task.abort();
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Mind {
    id: AgentId,
    end: AgentEnd,
    tempers: watch::Receiver<Temper>,
    epochs: BTreeMap<LoadBalancerId, Epoch>,
    held: watch::Sender<BTreeMap<LoadBalancerId, LoadBalancerGraph>>,
}

impl Mind {
    async fn live(mut self, providers: Vec<ProviderName>, key: PublicKey) {
        let host = format!("node-{}", self.id);
        let hello =
            Hello { agent: self.id, host, providers, capacity: 10_000, probes: Vec::new(), key };
        let _ = self.end.send.send(FromAgent::Hello(hello)).await;
        let mut answers = 0;
        loop {
            let message = tokio::select! {
                message = self.end.receive.recv() => message,
                Ok(()) = self.tempers.changed() => {
                    self.report(answers).await;
                    continue;
                }
            };
            match message {
                Some(ToAgent::Index(index)) => {
                    answers = index.serial;
                    self.follow(index).await;
                    self.report(answers).await;
                }
                Some(ToAgent::Graph(graph)) => {
                    self.hold(*graph);
                    self.report(answers).await;
                }
                // Nothing is lost within a process.
                Some(ToAgent::Unusable(_)) | None => return,
            }
        }
    }

    async fn follow(&mut self, index: Index) {
        let named: BTreeMap<_, _> =
            index.entries.iter().map(|entry| (entry.load_balancer, *entry)).collect();
        self.held.send_modify(|held| held.retain(|id, _| named.contains_key(id)));
        for (id, entry) in named {
            self.epochs.insert(id, entry.epoch);
            let known = self.held.borrow().get(&id).map(|graph| graph.generation);
            if known.is_none_or(|known| known < entry.generation) {
                let fetch = Fetch { load_balancer: id };
                let _ = self.end.send.send(FromAgent::Fetch(fetch)).await;
            }
        }
    }

    fn hold(&mut self, message: Graph) {
        let Graph { load_balancer, epoch, graph } = message;
        if let Some(graph) = graph {
            self.epochs.insert(load_balancer, epoch);
            self.held.send_modify(|held| drop(held.insert(load_balancer, graph)));
        }
    }

    async fn report(&mut self, answers: u64) {
        let temper = *self.tempers.borrow();
        if temper == Temper::Silent {
            return;
        }
        let entry = |(id, graph): (&LoadBalancerId, &LoadBalancerGraph)| InventoryEntry {
            load_balancer: *id,
            epoch: self.epochs[id],
            outcome: outcome(temper, graph.generation),
        };
        let entries = self.held.borrow().iter().map(entry).collect();
        let inventory = Inventory { answers, entries };
        let _ = self.end.send.send(FromAgent::Inventory(inventory)).await;
    }
}

fn outcome(temper: Temper, generation: Generation) -> Outcome {
    match temper {
        Temper::Willing | Temper::Silent => Outcome::Converged(generation),
        Temper::Refusing(reason) => Outcome::Refused { generation, reason: reason.to_owned() },
        Temper::Trying(reason) => Outcome::Retrying { generation, reason: reason.to_owned() },
    }
}
