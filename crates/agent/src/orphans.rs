//! What is on this node and belongs to no load balancer that the agent holds.
//!
//! Whatever is built on a node is built after the directory of its site and removed before it, so
//! the directories tell of everything. Only those with the agent's mark count. Keys and what is
//! plugged outlive them if the state directory is lost, and so these are looked at as well.

use std::io;
use std::path::Path;
use std::sync::Arc;

use evenkeel_model::{Epoch, LoadBalancerId};

use crate::holdings::Holdings;
use crate::node::Node;

/// Looks for orphans now and then, and has them taken down; and has drivers remove what they have
/// kept of load balancers that are gone.
pub(crate) async fn sweep(node: Arc<Node>, holdings: Arc<Holdings>) {
    // Before the first index, what the ledger lost may well be wanted.
    holdings.has_index().await;
    loop {
        for found in [node.sites.list().await, with_keys(&node.secrets), plugged(&node).await] {
            match found {
                Ok(found) => holdings.take_orphans(found),
                Err(error) => tracing::warn!(%error, "orphans not looked for"),
            }
        }
        for driver in node.drivers.all() {
            driver.sweep(holdings.belonging()).await;
        }
        tokio::time::sleep(node.timings.sweep).await;
    }
}

/// The load balancers of whom something is plugged.
async fn plugged(node: &Node) -> io::Result<Vec<(LoadBalancerId, Epoch)>> {
    let listing = tokio::time::timeout(node.timings.step_deadline, node.plug.list());
    let found = listing.await?.map_err(io::Error::other)?;
    Ok(found.into_iter().map(|id| (id, Epoch::default())).collect())
}

/// The load balancers that have a directory for keys. It is in memory, so nothing is waited for.
fn with_keys(secrets: &Path) -> io::Result<Vec<(LoadBalancerId, Epoch)>> {
    let entries = match std::fs::read_dir(secrets) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.parse().ok()) {
            found.push((id, Epoch::default()));
        }
    }
    // In the same order each time.
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_keys_are_found_by_their_names() {
        let place = tempfile::tempdir().unwrap();
        let id = LoadBalancerId::new(uuid::Uuid::from_u128(7));
        std::fs::create_dir(place.path().join(id.to_string())).unwrap();
        std::fs::create_dir(place.path().join("strange")).unwrap();
        assert_eq!(with_keys(place.path()).unwrap(), [(id, Epoch::default())]);
        assert_eq!(with_keys(&place.path().join("nowhere")).unwrap(), []);
    }
}
