//! A point in an agent's work at which it dies.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use evenkeel_agent::{Failpoint, Point};
use evenkeel_model::LoadBalancerId;

/// Holds an agent between two effects on its node, until somebody ends it.
#[derive(Debug, Default)]
pub struct Trap {
    /// How many points are still to be passed; 0 if the trap is not set.
    ahead: AtomicU64,
    sprung: AtomicBool,
}

impl Trap {
    /// The agent is caught at the point with this number, from 1, that it comes to from now on.
    pub fn set(&self, point: u64) {
        self.ahead.store(point, Ordering::Relaxed);
    }

    /// Catches nobody.
    pub fn clear(&self) {
        self.ahead.store(0, Ordering::Relaxed);
        self.sprung.store(false, Ordering::Relaxed);
    }

    /// Whether the agent was caught.
    pub fn has_sprung(&self) -> bool {
        self.sprung.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Failpoint for Trap {
    async fn reached(&self, _load_balancer: LoadBalancerId, _point: Point) {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.ahead.store(ahead.saturating_sub(1), Ordering::Relaxed);
        if ahead == 1 {
            self.sprung.store(true, Ordering::Relaxed);
        }
        // An agent that is dead does nothing for any load balancer.
        if self.has_sprung() {
            std::future::pending::<()>().await;
        }
    }
}
