//! One connected agent: index out, graphs on demand, reports in.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_model::{AgentId, LoadBalancerGraph, LoadBalancerId};
use evenkeel_store::StoreError;
use evenkeel_vault::PublicKey;
use evenkeel_wire::link::ControlEnd;
use evenkeel_wire::peer::Peer;
use evenkeel_wire::{FromAgent, Graph, Hello, Index, ToAgent};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::Instrument;

use crate::said::{self, Said};
use crate::{ControlPlane, handover};

/// How long an agent may take to say who it is, and to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

/// Without a message of the agent for so long, the session is over: it would begin another one.
const SILENCE: Duration = Duration::from_secs(30);

/// How many graphs can be waited for at once; an agent that misses one asks again.
const FETCHES: usize = 4096;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the agent hung up")]
    HungUp,
    #[error("the agent did not say who it is")]
    NoHello,
    #[error("the agent fell silent")]
    Silent,
    #[error("the agent began another session")]
    Replaced,
    #[error("the agent takes no messages")]
    Stuck,
    #[error("the control plane stops")]
    Stopping,
    #[error("the agent could not be recorded")]
    Store(#[from] StoreError),
}

/// Speaks with one agent for as long as it does.
pub(crate) async fn run(control: ControlPlane, peer: Peer, mut end: ControlEnd) {
    let hello = match timeout(PATIENCE, end.receive.recv()).await {
        Ok(Some(FromAgent::Hello(hello))) => hello,
        Ok(Some(FromAgent::Fetch(_) | FromAgent::Inventory(_) | FromAgent::Observed(_)) | None)
        | Err(_) => {
            tracing::warn!(reason = %Ended::NoHello, "session refused");
            return;
        }
    };
    let span = tracing::info_span!("session", agent = %hello.agent, host = hello.host);
    let claim = match control.claims().claim(hello.agent, peer) {
        Ok(claim) => claim,
        Err(taken) => {
            span.in_scope(|| tracing::warn!(%peer, reason = %taken, "session refused"));
            return;
        }
    };
    let ended = tokio::select! {
        ended = converse(control.clone(), end, hello).instrument(span.clone()) => ended,
        () = claim.lost() => Ended::Replaced,
    };
    span.in_scope(|| tracing::info!(reason = %ended, "session ended"));
}

async fn converse(control: ControlPlane, end: ControlEnd, hello: Hello) -> Ended {
    let ControlEnd { send, receive } = end;
    let (agent, key) = (hello.agent, hello.key.clone());
    tracing::info!(providers = ?hello.providers, capacity = hello.capacity, "session began");
    if let Err(error) = control.store().hello(said::hello(hello)).await {
        return error.into();
    }
    let (want, wanted) = mpsc::channel(FETCHES);
    let said = Arc::new(Said::default());
    let speaker =
        Speaker { control: control.clone(), agent, key, send, serial: 0, said: Arc::clone(&said) };
    let listener = Listener { control: control.clone(), agent, want, noted: None, said };
    // Both halves run at once, so that neither side can wait for the other for ever. Whichever
    // ends first ends the session; what it leaves undone, the next session states again.
    tokio::select! {
        Err(ended) = speaker.run(wanted) => ended,
        Err(ended) = listener.run(receive) => ended,
        () = control.stopping().cancelled() => Ended::Stopping,
    }
}

/// The half that tells an agent what it shall hold.
struct Speaker {
    control: ControlPlane,
    agent: AgentId,
    /// Of the agent's node.
    key: PublicKey,
    send: mpsc::Sender<ToAgent>,
    /// Of the last index.
    serial: u64,
    said: Arc<Said>,
}

/// Nothing: a half of a session ends only with a reason.
enum Never {}

impl Speaker {
    async fn run(mut self, mut wanted: mpsc::Receiver<LoadBalancerId>) -> Result<Never, Ended> {
        let mut published = self.control.published().subscribe();
        let mut heartbeat = interval(self.control.config().bounds.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // All three can be dropped half-way without losing anything.
            tokio::select! {
                _ = heartbeat.tick() => self.say_index().await?,
                outcome = published.changed() => match outcome {
                    Ok(()) => self.say_index().await?,
                    Err(_) => return Err(Ended::Stopping),
                },
                fetch = wanted.recv() => match fetch {
                    Some(load_balancer) => self.say_graph(load_balancer).await?,
                    None => return Err(Ended::HungUp),
                },
            }
        }
    }

    async fn say_index(&mut self) -> Result<(), Ended> {
        self.serial += 1;
        match self.control.store().index(self.agent).await {
            Ok(assignments) => {
                let entries: Vec<_> = assignments.iter().map(said::entry).collect();
                self.said.note(self.serial, &entries);
                self.say(ToAgent::Index(Index { serial: self.serial, entries })).await
            }
            Err(error) => {
                postponed("index", &error);
                Ok(())
            }
        }
    }

    async fn say_graph(&self, load_balancer: LoadBalancerId) -> Result<(), Ended> {
        match self.control.store().graph(self.agent, load_balancer).await {
            Ok((epoch, graph)) => {
                let graph = match graph {
                    Some(graph) => self.handed_over(graph).await,
                    None => None,
                };
                self.say(ToAgent::Graph(Box::new(Graph { load_balancer, epoch, graph }))).await
            }
            Err(error) => {
                postponed("graph", &error);
                Ok(())
            }
        }
    }

    /// The graph with its material sealed for the node. If that cannot be, the agent gets none and
    /// keeps what it has, and the load balancer says why; it is asked for again.
    async fn handed_over(&self, mut graph: LoadBalancerGraph) -> Option<LoadBalancerGraph> {
        let keys = self.control.keyring().keys();
        let material = std::mem::take(&mut graph.material);
        match handover::to_node(material, &keys, &self.key) {
            Ok(material) => Some(LoadBalancerGraph { material, ..graph }),
            Err(unfit) => {
                let id = graph.load_balancer.id;
                tracing::warn!(load_balancer = %id, reason = %unfit, "graph not handed over");
                let noted = self.control.store().troubled(id, &unfit.to_string()).await;
                if let Err(error) = noted {
                    postponed("trouble", &error);
                }
                None
            }
        }
    }

    async fn say(&self, message: ToAgent) -> Result<(), Ended> {
        match timeout(PATIENCE, self.send.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::HungUp),
            Err(_) => Err(Ended::Stuck),
        }
    }
}

/// The half that hears what an agent holds.
struct Listener {
    control: ControlPlane,
    agent: AgentId,
    want: mpsc::Sender<LoadBalancerId>,
    /// When it was last noted that the agent lives.
    noted: Option<Instant>,
    said: Arc<Said>,
}

impl Listener {
    async fn run(mut self, mut receive: mpsc::Receiver<FromAgent>) -> Result<Never, Ended> {
        loop {
            let message = match timeout(SILENCE, receive.recv()).await {
                Ok(message) => message.ok_or(Ended::HungUp)?,
                Err(_) => return Err(Ended::Silent),
            };
            let heard = match self.note().await {
                Ok(()) => self.hear(message).await,
                Err(error) => Err(error),
            };
            if let Err(error) = heard {
                postponed("report", &error);
            }
        }
    }

    /// Notes that the agent lives, a few times in each heartbeat at most.
    async fn note(&mut self) -> Result<(), StoreError> {
        let often = self.control.config().bounds.heartbeat / 2;
        if self.noted.is_none_or(|noted| noted.elapsed() >= often) {
            self.control.store().heard(self.agent).await?;
            self.noted = Some(Instant::now());
        }
        Ok(())
    }

    async fn hear(&self, message: FromAgent) -> Result<(), StoreError> {
        let store = self.control.store();
        match message {
            FromAgent::Hello(hello) if hello.agent == self.agent => {
                store.hello(said::hello(hello)).await
            }
            FromAgent::Hello(hello) => {
                tracing::warn!(as_well = %hello.agent, "an agent cannot become another");
                Ok(())
            }
            FromAgent::Fetch(fetch) => {
                if self.want.try_send(fetch.load_balancer).is_err() {
                    tracing::warn!(load_balancer = %fetch.load_balancer, "fetch dropped");
                }
                Ok(())
            }
            FromAgent::Inventory(inventory) => {
                // An answer to nothing that we said: the next one will be to what we say next.
                let Some(indexed) = self.said.in_index(inventory.answers) else {
                    return Ok(());
                };
                let held = inventory.entries.into_iter().map(said::held).collect();
                store.settle(self.agent, held, indexed).await
            }
            FromAgent::Observed(seen) => {
                let (id, epoch) = (seen.load_balancer, seen.epoch);
                store.observe(self.agent, id, epoch, seen.observation).await
            }
        }
    }
}

/// Said again at the next heartbeat, by us or by the agent: the loop is the retry.
fn postponed(what: &'static str, error: &StoreError) {
    tracing::warn!(what, error = error as &dyn std::error::Error, "postponed");
}
