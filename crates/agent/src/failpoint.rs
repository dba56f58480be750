//! Named points between two effects on the node, where a test can break the agent.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use evenkeel_model::LoadBalancerId;

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A point between two effects on the node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Point {
            /// All of them, in the order of a life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name, as the environment spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

points! {
    /// A graph is on the disk, but not yet in the ledger.
    GraphStaged = "graph-staged",
    /// A graph is in the ledger, and nobody has acted on it.
    GraphWritten = "graph-written",
    /// The site's directory is there.
    DirectoryMade = "directory-made",
    /// The VIP is plugged.
    Plugged = "plugged",
    /// The driver has applied the graph, and that is not noted.
    Applied = "applied",
    /// It is noted.
    Noted = "noted",
    /// The ledger knows that the load balancer leaves, and nobody has acted on it.
    Leaving = "leaving",
    /// Nothing is served any more.
    DriverRemoved = "driver-removed",
    /// The VIP is unplugged.
    Unplugged = "unplugged",
    /// The site's directory is gone.
    DirectoryRemoved = "directory-removed",
    /// The ledger has forgotten the load balancer.
    Forgotten = "forgotten",
}

/// What happens at the points.
#[async_trait]
pub trait Failpoint: Send + Sync + Debug {
    /// The agent is at `point` with `load_balancer`, and goes on when this returns.
    async fn reached(&self, load_balancer: LoadBalancerId, point: Point);
}

/// Nothing happens.
#[derive(Clone, Copy, Debug)]
pub struct Unbroken;

#[async_trait]
impl Failpoint for Unbroken {
    async fn reached(&self, _load_balancer: LoadBalancerId, _point: Point) {}
}

/// What a process uses: nothing happens, unless it was built with the feature `failpoints` and
/// `EVENKEEL_FAILPOINT` names a point; there it ends at once, as if it had been killed.
pub fn configured() -> Arc<dyn Failpoint> {
    #[cfg(feature = "failpoints")]
    if let Ok(name) = std::env::var("EVENKEEL_FAILPOINT") {
        return Arc::new(AbortAt(name));
    }
    Arc::new(Unbroken)
}

#[cfg(feature = "failpoints")]
#[derive(Debug)]
struct AbortAt(String);

#[cfg(feature = "failpoints")]
#[async_trait]
impl Failpoint for AbortAt {
    async fn reached(&self, _load_balancer: LoadBalancerId, point: Point) {
        if self.0 == point.name() {
            std::process::abort();
        }
    }
}
