//! Bringing a VIP to this node, and taking it away.

use std::path::Path;

use async_trait::async_trait;
use evenkeel_model::{LoadBalancerGraph, LoadBalancerId};

use crate::Site;

/// Makes the place where a load balancer is served.
///
/// All calls may be repeated, and may follow a crash at any point of an earlier one; everything is
/// named after the load balancer's id, made or adopted, deleted or absent. What a stranger made
/// under such a name is refused and never deleted.
#[async_trait]
pub trait Plug: Send + Sync + std::fmt::Debug {
    /// Brings the VIP of `graph` here. `directory` is the site's.
    ///
    /// # Errors
    ///
    /// See [`PlugError`].
    async fn ensure(&self, directory: &Path, graph: &LoadBalancerGraph) -> Result<Site, PlugError>;

    /// Whether the place is as `graph` wants it; without a graph, whether anything of it is left.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: it could not be found out.
    async fn read(
        &self,
        directory: &Path,
        load_balancer: LoadBalancerId,
        graph: Option<&LoadBalancerGraph>,
    ) -> Result<Plugged, PlugError>;

    /// Takes the VIP away and leaves nothing, even if nothing was there.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: something is left. The agent will try again.
    async fn remove(
        &self,
        directory: &Path,
        load_balancer: LoadBalancerId,
    ) -> Result<(), PlugError>;

    /// The load balancers of whom anything of ours is on this node, even if the agent has lost all
    /// its files; in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: it could not be found out.
    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        Ok(Vec::new())
    }

    /// Returns when the place of `load_balancer` may have been disturbed, so that the agent looks
    /// at once rather than at its next round. Pending for ever if the plug cannot tell. It may be
    /// dropped and called again; what happened in between is told by the next call.
    async fn disturbed(&self, _load_balancer: LoadBalancerId) {
        std::future::pending::<()>().await;
    }
}

/// What is there of the place of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plugged {
    /// Nothing.
    #[default]
    Absent,
    /// Some of it, or another graph's.
    Remains,
    /// All that the graph wants.
    Ready(Site),
}

/// Why a VIP could not be brought to this node, or taken away.
#[derive(Debug, thiserror::Error)]
pub enum PlugError {
    /// This plug cannot carry such a VIP. Final for this generation.
    #[error("{0}")]
    Refused(String),
    /// The system failed. The agent will try again.
    #[error("{attempt}: {cure}")]
    Unavailable {
        /// What was attempted.
        attempt: String,
        /// One sentence on what helps.
        cure: String,
        /// What the system said.
        #[source]
        source: Option<std::io::Error>,
    },
}

impl PlugError {
    /// Whether only another generation helps.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Unavailable { .. } => false,
        }
    }
}
