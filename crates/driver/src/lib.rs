//! What an agent asks of a data plane and of the node's network.
//!
//! A [`Driver`] makes a graph serve at a [`Site`]; a [`Plug`] makes the site: it brings the VIP to
//! the node and takes it away. Neither is ever told what changed.

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "fake")]
pub mod fake;
pub mod loopback;
pub mod plug;
pub mod site;

use std::collections::BTreeSet;

use async_trait::async_trait;
use evenkeel_model::observed::Observation;
use evenkeel_model::provider::{Capabilities, Unsupported};
use evenkeel_model::{LoadBalancerGraph, LoadBalancerId};
use evenkeel_vault::Material;

#[cfg(feature = "fake")]
pub use fake::FakeDriver;
pub use loopback::Loopback;
pub use plug::{Plug, PlugError, Plugged};
pub use site::Site;

/// How long connections that were opened under an earlier graph may live on.
pub const DRAIN: std::time::Duration = std::time::Duration::from_mins(10);

/// Makes the data path of a load balancer on this node what its graph says.
///
/// The agent hands a driver a site, which is a place with its VIP already plugged and a directory
/// of its own, and never a difference: it is the driver that knows what it runs, and what of that
/// it can change without dropping a connection.
///
/// All calls may be repeated, and may follow a crash at any point of an earlier one. The agent
/// makes them one at a time for each load balancer, and at once for many.
#[async_trait]
pub trait Driver: Send + Sync + std::fmt::Debug {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Serves `graph` at `site` with the certificates and keys of `material`, replacing whatever is
    /// served there. In clear, `material` is only ever written below [`Site::secrets`].
    ///
    /// Returns when new connections to the VIP meet the new graph; connections opened before may
    /// live on under the old one for up to [`DRAIN`]. Applying the graph that is already served
    /// changes nothing, unless the site's epoch is another.
    ///
    /// # Errors
    ///
    /// - [`DriverError::Unsupported`]: the graph asks for what this driver cannot do. Final for
    ///   this generation.
    /// - [`DriverError::Rejected`]: the data plane refused its configuration. Final for this
    ///   generation; what was served before is still served.
    /// - [`DriverError::Unavailable`]: a process or socket failed. The agent will try again.
    async fn apply(
        &self,
        site: &Site,
        graph: &LoadBalancerGraph,
        material: &Material,
    ) -> Result<(), DriverError>;

    /// What is served at `site` now: the generation, each member's health, the counters.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unavailable`]: it could not be found out. That nothing is there, or only
    /// remains, is not an error but an answer.
    async fn observe(&self, site: &Site) -> Result<Observation, DriverError>;

    /// Stops serving and leaves nothing of the driver's at `site`, even if nothing was there.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unavailable`]: something is left. The agent will try again.
    async fn remove(&self, site: &Site) -> Result<(), DriverError>;

    /// Removes what it has kept of load balancers beyond their end, once the time for it is over.
    /// `held` are all that belong to this node. Called now and then; by default nothing is kept.
    async fn sweep(&self, _held: BTreeSet<LoadBalancerId>) {}

    /// Returns when what serves `site` has ended by itself, so that the agent looks at once rather
    /// than at its next round. Pending for ever while nothing serves, or if the driver cannot tell.
    async fn ended(&self, _site: &Site) {
        std::future::pending::<()>().await;
    }
}

/// Why a driver did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The graph asks for what this driver cannot do.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The data plane refused its configuration.
    #[error("the data plane refused the configuration: {reason}")]
    Rejected {
        /// In the data plane's words, without paths of this node; with the cure where one is known.
        reason: String,
    },
    /// A process or socket failed.
    #[error("{attempt}: {cure}")]
    Unavailable {
        /// What was attempted, as `could not start HAProxy`.
        attempt: String,
        /// One sentence on what helps.
        cure: String,
        /// What the system said.
        #[source]
        source: Option<std::io::Error>,
    },
}

impl DriverError {
    /// Whether only another generation helps.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Unsupported(_) | Self::Rejected { .. } => true,
            Self::Unavailable { .. } => false,
        }
    }
}
