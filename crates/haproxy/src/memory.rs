//! What the driver remembers of each site while it lives. All of it can be done without.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use evenkeel_model::LoadBalancerId;
use tokio::time::Instant;

use crate::counters::Share;
use crate::logs::Collector;
use crate::ping::Pinger;

/// What is remembered of one site.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When a process last took over from another.
    pub(crate) reloaded: Option<Instant>,
    /// Our own probing.
    pub(crate) pinger: Option<Pinger>,
    /// The collecting of what it tells.
    pub(crate) collector: Option<Collector>,
    /// What the process that served last had counted when it was last seen: it may be killed at
    /// any time, and nobody else knows.
    pub(crate) seen: Option<Share>,
}

/// What is remembered of all sites.
#[derive(Debug, Default)]
pub(crate) struct Memories(Mutex<BTreeMap<LoadBalancerId, Memory>>);

impl Memories {
    /// Reads what is remembered of one site, if anything is.
    pub(crate) fn get<T>(
        &self,
        id: LoadBalancerId,
        read: impl FnOnce(&Memory) -> Option<T>,
    ) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(read)
    }

    /// Changes what is remembered of one site.
    pub(crate) fn of<T>(&self, id: LoadBalancerId, work: impl FnOnce(&mut Memory) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(all.entry(id).or_default())
    }

    /// Forgets a site.
    pub(crate) fn forget(&self, id: LoadBalancerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
