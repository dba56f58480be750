//! What all keepers of one node share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use evenkeel_driver::Plug;

use crate::config::Timings;
use crate::drivers::Drivers;
use crate::failpoint::Failpoint;
use crate::ledger::Ledger;
use crate::site_directory::SiteDirectories;

/// What all keepers of one node share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) drivers: Drivers,
    pub(crate) plug: Arc<dyn Plug>,
    pub(crate) ledger: Ledger,
    pub(crate) sites: SiteDirectories,
    pub(crate) failpoint: Arc<dyn Failpoint>,
    pub(crate) timings: Timings,
    /// Places for those that change the node.
    pub(crate) working: Semaphore,
    /// Places for those that only look.
    pub(crate) watching: Semaphore,
}

impl Node {
    /// Does `work` when there is a place for it. What takes long waits rather than works, and gives
    /// its place to the next, so that a node full of slow load balancers is no slower for others.
    pub(crate) async fn in_turn<F: Future>(&self, places: &Semaphore, work: F) -> F::Output {
        // The semaphores are never closed; without a place the work would be done all the same.
        let place = places.acquire().await;
        let mut work = pin!(work);
        tokio::select! {
            biased;
            output = &mut work => return output,
            () = tokio::time::sleep(self.timings.patience) => {}
        }
        drop(place);
        work.await
    }
}
