//! What is on this node and belongs to no load balancer that the agent holds.
//!
//! Whatever is built on a node is built after the directory of its site and removed before it, so
//! the directories tell of everything. Only those with the agent's mark count.

use std::sync::Arc;

use crate::holdings::Holdings;
use crate::node::Node;

/// Looks for orphans now and then, and has them taken down.
pub(crate) async fn sweep(node: Arc<Node>, holdings: Arc<Holdings>) {
    // Before the first index, what the ledger lost may well be wanted.
    holdings.has_index().await;
    loop {
        match node.sites.list().await {
            Ok(found) => holdings.take_orphans(found),
            Err(error) => tracing::warn!(%error, "orphans not looked for"),
        }
        tokio::time::sleep(node.timings.sweep).await;
    }
}
