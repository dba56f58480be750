//! Keeps one load balancer on this node as its latest graph says, for as long as the agent runs.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use evenkeel_driver::{Driver, Site};
use evenkeel_model::observed::{Observation, Served};
use evenkeel_model::{Epoch, Generation, LoadBalancerGraph, LoadBalancerId};
use evenkeel_wire::Outcome;

use crate::contained::{Panicked, contained};
use crate::failpoint::Point;
use crate::holdings::Holdings;
use crate::ledger::Record;
use crate::node::Node;
use crate::pause::{Pauses, Restarts};
use crate::plan::{Desired, plan};
use crate::step::{Hands, Look, StepError, Target};

/// How often a plan is made within one round before it counts as not kept.
const PLANS: usize = 3;
/// How many observations in a row may fail before the keeper looks closer.
const BLINKS: u32 = 3;

/// What the control plane wants of one load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The placement.
    pub(crate) epoch: Epoch,
    /// The graph; `None` if it shall leave this node.
    pub(crate) graph: Option<Arc<LoadBalancerGraph>>,
}

/// Keeps one load balancer.
#[derive(Debug)]
pub(crate) struct Keeper {
    hands: Hands,
    holdings: Arc<Holdings>,
    wanted: watch::Receiver<Wanted>,
    /// What the ledger has; only this is acted on.
    record: Option<Record>,
    /// Whether the graph of the record was seen serving.
    proven: bool,
    /// Why the driver will not do the graph of the record.
    refused: Option<String>,
    /// What serves, as far as the last look saw.
    serving: Option<Serving>,
    attempts: Pauses,
    restarts: Restarts,
    blinks: u32,
}

#[derive(Clone, Debug)]
struct Serving {
    driver: Arc<dyn Driver>,
    site: Site,
    graph: Arc<LoadBalancerGraph>,
    generation: Generation,
}

enum Round {
    /// Come back after this time, or when something changes.
    Again(Duration),
    /// Nothing is left of the load balancer, and nobody wants it.
    Gone,
}

impl Keeper {
    /// A keeper with what the ledger has.
    pub(crate) fn new(
        id: LoadBalancerId,
        node: Arc<Node>,
        holdings: Arc<Holdings>,
        wanted: watch::Receiver<Wanted>,
        record: Option<Record>,
    ) -> Self {
        let longest = node.timings.longest_pause;
        Self {
            hands: Hands { id, node },
            holdings,
            wanted,
            record,
            proven: false,
            refused: None,
            serving: None,
            attempts: Pauses::new(longest),
            restarts: Restarts::new(longest),
            blinks: 0,
        }
    }

    /// Converges whenever the graph changes, whatever serves it ends, or a recheck is due, until
    /// nothing is left or `stop` is cancelled. A round that has begun is ended.
    #[tracing::instrument(name = "keep", skip_all, fields(load_balancer = %self.hands.id))]
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let round = match contained(self.round()).await {
                Ok(round) => round,
                Err(Panicked) => self.panicked(),
            };
            let Round::Again(pause) = round else { return };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.idle(pause) => {}
            }
        }
    }

    /// Looks, plans and acts, once. What it knows of earlier rounds only tells when to come again.
    async fn round(&mut self) -> Round {
        let wanted = self.wanted.borrow_and_update().clone();
        let Some(graph) = wanted.graph else {
            return self.leave().await;
        };
        let stored = self.store(wanted.epoch, &graph).await;
        let acted = match self.record.clone() {
            Some(record) => self.settle(&record).await,
            None => Ok(()),
        };
        let generation = graph.generation;
        // A refusal is about what the ledger has, which what is wanted may not have reached.
        let refused = self.refused.clone().filter(|_| stored.is_ok());
        match (stored.and(acted), refused) {
            (Ok(()), None) => {
                self.attempts.reset();
                self.say(wanted.epoch, Outcome::Converged(generation));
                Round::Again(self.hands.node.timings.recheck)
            }
            (Ok(()), Some(reason)) => {
                self.attempts.reset();
                self.say(wanted.epoch, Outcome::Refused { generation, reason });
                Round::Again(self.hands.node.timings.recheck)
            }
            (Err(error), refused) => {
                self.failed(wanted.epoch, generation, &error, refused.is_some())
            }
        }
    }

    fn failed(
        &mut self,
        epoch: Epoch,
        generation: Generation,
        error: &StepError,
        refused: bool,
    ) -> Round {
        tracing::warn!(%generation, error = error as &dyn Error, "not converged");
        let reason = error.to_string();
        if !refused && error.is_final() {
            self.refused = Some(reason.clone());
            self.say(epoch, Outcome::Refused { generation, reason });
            // At once a round for what served before.
            return Round::Again(Duration::ZERO);
        }
        // A refusal stands, however what served before fares.
        if !refused {
            self.say(epoch, Outcome::Retrying { generation, reason });
        }
        Round::Again(self.attempts.grow())
    }

    fn panicked(&mut self) -> Round {
        let wanted = self.wanted.borrow().clone();
        match wanted.graph {
            Some(graph) => self.failed(
                wanted.epoch,
                graph.generation,
                &StepError::Panicked,
                self.refused.is_some(),
            ),
            None => Round::Again(self.attempts.grow()),
        }
    }

    /// Brings what is wanted into the ledger, if it is not there.
    async fn store(
        &mut self,
        epoch: Epoch,
        graph: &Arc<LoadBalancerGraph>,
    ) -> Result<(), StepError> {
        let same = |record: &Record| record.epoch == epoch && Arc::ptr_eq(&record.graph, graph);
        if self.record.as_ref().is_some_and(same) {
            return Ok(());
        }
        let record = Record { epoch, graph: Arc::clone(graph), fallback: self.last_good() };
        let (id, ledger) = (self.hands.id, &self.hands.node.ledger);
        let staged = ledger.stage(id, &record).await;
        staged.map_err(StepError::Storage)?;
        self.hands.reached(Point::GraphStaged).await;
        let committed = ledger.commit(id).await;
        committed.map_err(StepError::Storage)?;
        self.hands.reached(Point::GraphWritten).await;
        self.record = Some(record);
        self.proven = false;
        self.refused = None;
        self.attempts.reset();
        Ok(())
    }

    fn last_good(&self) -> Option<Arc<LoadBalancerGraph>> {
        let record = self.record.as_ref()?;
        if self.proven { Some(Arc::clone(&record.graph)) } else { record.fallback.clone() }
    }

    /// Makes the node as the record says; once that is refused, keeps what served before.
    async fn settle(&mut self, record: &Record) -> Result<(), StepError> {
        let epoch = record.epoch;
        if self.refused.is_some() {
            let Some(graph) = record.fallback.clone() else {
                return Ok(());
            };
            return self.converge(Some(&Target { graph, epoch }), true).await;
        }
        let graph = Arc::clone(&record.graph);
        self.converge(Some(&Target { graph, epoch }), false).await?;
        self.proven = true;
        if let Some(record) = &mut self.record {
            record.fallback = None;
        }
        Ok(())
    }

    /// Takes the load balancer down, and forgets it when nothing is left.
    async fn leave(&mut self) -> Round {
        self.record = None;
        let left = self.take_down().await;
        match left {
            Ok(()) if self.holdings.retire(self.hands.id) => {
                tracing::info!("load balancer gone from this node");
                Round::Gone
            }
            // It came back in the meantime.
            Ok(()) => Round::Again(Duration::ZERO),
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "not taken down");
                Round::Again(self.attempts.grow())
            }
        }
    }

    async fn take_down(&mut self) -> Result<(), StepError> {
        let id = self.hands.id;
        let noted = self.hands.node.ledger.leave(id).await;
        noted.map_err(StepError::Storage)?;
        self.hands.reached(Point::Leaving).await;
        self.converge(None, false).await?;
        let forgotten = self.hands.node.ledger.forget(id).await;
        forgotten.map_err(StepError::Storage)?;
        self.hands.reached(Point::Forgotten).await;
        Ok(())
    }

    /// Looks, plans and acts until there is nothing to do. With `any`, whatever generation serves
    /// is right, and the target only says what to serve if nothing does.
    async fn converge(&mut self, target: Option<&Target>, any: bool) -> Result<(), StepError> {
        let graph = target.map(|target| target.graph.as_ref());
        let mut seen = Observation::default();
        for _ in 0..PLANS {
            let node = Arc::clone(&self.hands.node);
            let looking = self.hands.look(graph);
            let look = node.in_turn(&node.watching, looking).await?;
            let mut desired = target.map(|target| Desired::of(&target.graph, target.epoch));
            if let (true, Served::Serving(generation), Some(desired)) =
                (any, look.actual.served, &mut desired)
            {
                desired.generation = generation;
                desired.epoch = look.actual.epoch.unwrap_or(desired.epoch);
            }
            self.note(target, &look);
            seen = look.observation;
            let steps = plan(desired, &look.actual);
            if steps.is_empty() {
                self.report(seen);
                return Ok(());
            }
            let acting = self.hands.take_all(steps, target, look.site);
            let acted = node.in_turn(&node.working, acting).await;
            if acted.is_err() {
                self.report(seen);
                return acted;
            }
        }
        self.report(seen);
        Err(StepError::Unsettled)
    }

    /// Remembers what serves.
    fn note(&mut self, target: Option<&Target>, look: &Look) {
        self.serving = None;
        self.blinks = 0;
        let Some(target) = target else { return };
        if let (Served::Serving(generation), Ok(driver)) =
            (look.actual.served, self.hands.driver(&target.graph))
        {
            self.serving = Some(Serving {
                driver: Arc::clone(driver),
                site: look.site.clone(),
                graph: Arc::clone(&target.graph),
                generation,
            });
        }
    }

    /// Waits until a round is due, observing in the meantime.
    async fn idle(&mut self, pause: Duration) {
        let observe = self.hands.node.timings.observe;
        let mut due = Instant::now() + pause;
        let mut next = Instant::now() + observe;
        let mut fallen = false;
        let serving = self.serving.clone();
        let hands = self.hands.clone();
        loop {
            // Whoever loses may be dropped: drivers bear being broken off anywhere.
            let seen = tokio::select! {
                biased;
                _ = self.wanted.changed() => return,
                () = tokio::time::sleep_until(due) => return,
                () = hands.node.plug.disturbed(hands.id), if serving.is_some() => return,
                () = ended(serving.as_ref()), if !fallen => None,
                seen = watch(&self.hands, serving.as_ref(), next) => Some(seen),
            };
            next = Instant::now() + observe;
            let stands = seen.is_some_and(|seen| self.judge(serving.as_ref(), seen));
            if stands || fallen {
                continue;
            }
            fallen = true;
            tracing::warn!("what served has ended");
            let pause = self.restarts.ended(Instant::now());
            if pause.is_zero() {
                return;
            }
            due = Instant::now() + pause;
            next = Instant::now();
        }
    }

    /// Reports what was seen, and says whether what served still serves.
    fn judge(&mut self, serving: Option<&Serving>, seen: Result<Observation, StepError>) -> bool {
        match seen {
            Ok(observation) => {
                self.blinks = 0;
                let expected = serving.map(|serving| Served::Serving(serving.generation));
                let stands = expected == Some(observation.served);
                self.report(observation);
                stands
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn Error, "not observed");
                self.blinks += 1;
                self.blinks < BLINKS
            }
        }
    }

    fn report(&self, observation: Observation) {
        if let Some(record) = &self.record {
            let (id, epoch) = (self.hands.id, record.epoch);
            self.holdings.observed(id, epoch, observation);
        }
    }

    fn say(&self, epoch: Epoch, outcome: Outcome) {
        self.holdings.report(self.hands.id, epoch, outcome);
    }
}

/// Returns when what serves has ended by itself; never, if nothing serves.
async fn ended(serving: Option<&Serving>) {
    match serving {
        Some(serving) => {
            // A driver that panics here has lost its process as well as one that returns.
            let _ = contained(serving.driver.ended(&serving.site)).await;
        }
        None => std::future::pending().await,
    }
}

/// Observes what serves at the time `at`; never, if nothing serves.
async fn watch(
    hands: &Hands,
    serving: Option<&Serving>,
    at: Instant,
) -> Result<Observation, StepError> {
    let Some(serving) = serving else {
        return std::future::pending().await;
    };
    tokio::time::sleep_until(at).await;
    let node = &hands.node;
    let observing = hands.observe(Some(&serving.graph), &serving.site);
    let observed = contained(node.in_turn(&node.watching, observing)).await;
    observed.unwrap_or(Err(StepError::Panicked))
}
