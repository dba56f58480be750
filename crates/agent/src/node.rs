//! What all keepers of one node share.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use evenkeel_driver::Plug;
use evenkeel_model::LoadBalancerGraph;
use evenkeel_vault::{Context, Material, NodeKey, Piece, Unopenable};

use crate::config::Timings;
use crate::drivers::Drivers;
use crate::failpoint::Failpoint;
use crate::ledger::Ledger;
use crate::site_directory::SiteDirectories;

/// What all keepers of one node share.
pub(crate) struct Node {
    pub(crate) drivers: Drivers,
    pub(crate) plug: Arc<dyn Plug>,
    pub(crate) ledger: Ledger,
    pub(crate) sites: SiteDirectories,
    pub(crate) key: NodeKey,
    /// Below it, keys are in clear.
    pub(crate) secrets: PathBuf,
    pub(crate) failpoint: Arc<dyn Failpoint>,
    pub(crate) timings: Timings,
    /// Places for those that change the node.
    pub(crate) working: Semaphore,
    /// Places for those that only look.
    pub(crate) watching: Semaphore,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("drivers", &self.drivers).finish_non_exhaustive()
    }
}

impl Node {
    /// The certificates and keys of a graph, in clear.
    pub(crate) fn material(&self, graph: &LoadBalancerGraph) -> Result<Material, Unopenable> {
        let opened = graph.material.iter().map(|it| {
            let pem = self.key.open(&it.sealed, &Context::of_slot(&it.project, &it.slot))?;
            Ok((it.slot.clone(), Piece { id: it.id, pem }))
        });
        opened.collect()
    }

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
