//! The moment in an agent's life when all that it shall hold is as it shall be.

use evenkeel_plumbing::{changes, starts};
use tokio::time::Instant;

/// Says once in a life of the agent what it took until all was in sync.
#[derive(Debug)]
pub(crate) struct Arrival {
    began: Instant,
    changes: u64,
    starts: u64,
    is_said: bool,
}

impl Arrival {
    /// A life begins.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), changes: changes(), starts: starts(), is_said: false }
    }

    /// Whether the moment is still to come.
    pub(crate) const fn is_awaited(&self) -> bool {
        !self.is_said
    }

    /// All is in sync.
    pub(crate) fn say(&mut self, load_balancers: usize) {
        self.is_said = true;
        let netlink_writes = changes() - self.changes;
        let starts = starts() - self.starts;
        tracing::info!(load_balancers, netlink_writes, starts, took = ?self.began.elapsed(), "in sync");
    }
}
