//! One connection to the control plane after another: turns the index into fetches, and says what
//! became of it.

mod fetches;

use std::sync::Arc;

use tokio::time::Instant;

use evenkeel_wire::link::AgentEnd;
use evenkeel_wire::{Fetch, FromAgent, Hello, Inventory, ToAgent};

use crate::config::{Connector, Timings};
use crate::contained::contained;
use crate::holdings::Holdings;
use crate::pause::Pauses;

use fetches::Fetches;

/// Connects to the control plane, again and again.
pub(crate) async fn run(
    connector: Arc<dyn Connector>,
    hello: Hello,
    holdings: Arc<Holdings>,
    timings: Timings,
) {
    let mut pauses = Pauses::new(timings.longest_pause);
    loop {
        let connecting = contained(tokio::time::timeout(timings.answer, connector.connect()));
        match connecting.await {
            Ok(Ok(Ok(link))) => {
                let session = Session::new(hello.clone(), Arc::clone(&holdings), timings);
                if session.run(link).await {
                    pauses.reset();
                }
                tracing::info!("session ended");
            }
            Ok(Ok(Err(error))) => tracing::warn!(%error, "control plane not reached"),
            Ok(Err(_)) => tracing::warn!("control plane did not answer in time"),
            Err(_) => tracing::error!("the connector panicked"),
        }
        tokio::time::sleep(pauses.grow()).await;
    }
}

/// One connection.
#[derive(Debug)]
struct Session {
    hello: Option<Hello>,
    holdings: Arc<Holdings>,
    timings: Timings,
    /// The serial of the last index taken in; 0 before the first.
    answers: u64,
    fetches: Fetches,
    inventory_due: bool,
    /// Not before this time, so that many changes share an inventory.
    inventory_from: Instant,
    /// At this time at the latest.
    heartbeat: Instant,
    heard: Instant,
}

impl Session {
    fn new(hello: Hello, holdings: Arc<Holdings>, timings: Timings) -> Self {
        let now = Instant::now();
        holdings.say_all_again();
        Self {
            hello: Some(hello),
            holdings,
            timings,
            answers: 0,
            fetches: Fetches::new(timings.fetches, timings.answer),
            inventory_due: true,
            inventory_from: now,
            heartbeat: now + timings.heartbeat,
            heard: now,
        }
    }

    /// Speaks and listens until either end hangs up or the other falls silent. Whether there was
    /// an index.
    async fn run(mut self, mut link: AgentEnd) -> bool {
        let holdings = Arc::clone(&self.holdings);
        loop {
            let now = Instant::now();
            if now - self.heard >= self.timings.silence {
                tracing::warn!("control plane fell silent");
                break;
            }
            self.inventory_due |= now >= self.heartbeat;
            self.fetches.expire(now);
            // Every branch may be dropped: what is to be sent is taken only with a permit.
            tokio::select! {
                biased;
                message = link.receive.recv() => match message {
                    Some(message) => self.hear(message),
                    None => break,
                },
                permit = link.send.reserve(), if self.has_something_to_say(now) => match permit {
                    Ok(permit) => if let Some(message) = self.next_message(now) {
                        permit.send(message);
                    },
                    Err(_) => break,
                },
                () = holdings.outcome_changed.notified() => self.inventory_due = true,
                () = holdings.observed_changed.notified() => {}
                () = tokio::time::sleep_until(self.next_time()) => {}
            }
        }
        self.answers > 0
    }

    fn hear(&mut self, message: ToAgent) {
        self.heard = Instant::now();
        match message {
            ToAgent::Index(index) => {
                let lacking = self.holdings.take_index(&index);
                self.fetches.want(&lacking);
                self.answers = index.serial;
            }
            ToAgent::Graph(graph) => {
                let epoch_and_generation =
                    graph.graph.as_ref().map(|inner| (graph.epoch, inner.generation));
                let id = graph.load_balancer;
                if self.fetches.answered(id, epoch_and_generation) {
                    self.holdings.take_graph(*graph);
                }
            }
            ToAgent::Unusable(unusable) => {
                let numbers = (unusable.epoch, unusable.generation);
                if self.fetches.answered(unusable.load_balancer, Some(numbers)) {
                    self.holdings.take_unusable(unusable);
                }
            }
        }
    }

    fn has_something_to_say(&self, now: Instant) -> bool {
        self.hello.is_some()
            || self.fetches.has_next()
            || (self.inventory_due && now >= self.inventory_from)
            || self.holdings.has_unsaid()
    }

    fn next_message(&mut self, now: Instant) -> Option<FromAgent> {
        if let Some(hello) = self.hello.take() {
            return Some(FromAgent::Hello(hello));
        }
        if let Some(load_balancer) = self.fetches.next(now) {
            return Some(FromAgent::Fetch(Fetch { load_balancer }));
        }
        if self.inventory_due && now >= self.inventory_from {
            self.inventory_due = false;
            self.inventory_from = now + self.timings.inventory_gap;
            self.heartbeat = now + self.timings.heartbeat;
            return Some(FromAgent::Inventory(Inventory {
                answers: self.answers,
                entries: self.holdings.inventory(),
            }));
        }
        self.holdings.next_unsaid().map(FromAgent::Observed)
    }

    /// When there is something to do, if nothing happens before.
    fn next_time(&self) -> Instant {
        let inventory = if self.inventory_due { self.inventory_from } else { self.heartbeat };
        let silence = self.heard + self.timings.silence;
        let soonest = inventory.min(silence);
        self.fetches.next_expiry().map_or(soonest, |expiry| soonest.min(expiry))
    }
}
