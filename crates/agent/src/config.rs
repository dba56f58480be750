//! What an agent is started with.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use evenkeel_driver::{Driver, Plug};
use evenkeel_model::AgentId;
use evenkeel_model::provider::ProviderName;
use evenkeel_wire::link::AgentEnd;

use crate::disk::Disk;
use crate::failpoint::Failpoint;

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The same for all lives of the agent on its node.
    pub agent: AgentId,
    /// The node's name, for people.
    pub host: String,
    /// Where ledger and sites are kept; one agent at a time. Made if it is not there.
    pub state_directory: PathBuf,
    /// Where keys are in clear while they serve, in a directory for each load balancer: on a file
    /// system in memory. Made when it is needed.
    pub secrets_directory: PathBuf,
    /// The users that data planes become, a number for each load balancer, which nobody else on the
    /// node is; at least as many as it takes load balancers. Only root can have any; `None`: they
    /// stay who the agent is.
    pub users: Option<RangeInclusive<u32>>,
    /// How many load balancers it takes.
    pub capacity: u32,
    /// The drivers, each with the names of its providers, aliases among them.
    pub drivers: Vec<(Vec<ProviderName>, Arc<dyn Driver>)>,
    /// What brings VIPs to this node.
    pub plug: Arc<dyn Plug>,
    /// The way to the control plane.
    pub connector: Arc<dyn Connector>,
    /// How files are written: [`Disk::Durable`] but in simulations.
    pub disk: Disk,
    /// What happens at the named points: nothing, but in tests; see
    /// [`failpoint::configured`](crate::failpoint::configured).
    pub failpoint: Arc<dyn Failpoint>,
    /// How often and how long.
    pub timings: Timings,
}

/// A way to the control plane.
#[async_trait]
pub trait Connector: Send + Sync + std::fmt::Debug {
    /// Opens a connection. Called again, with growing pauses, whenever the last one ended.
    ///
    /// # Errors
    ///
    /// Whatever kept it from doing so; it is logged and tried again.
    async fn connect(&self) -> io::Result<AgentEnd>;
}

/// How often the agent does things, and how long it waits for others.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Between inventories when nothing changes.
    pub heartbeat: Duration,
    /// The least time between two inventories, so that many changes share one.
    pub inventory_gap: Duration,
    /// Without a message of the control plane for so long, the agent connects anew.
    pub silence: Duration,
    /// How long to wait for a connection, or for a graph that was fetched.
    pub answer: Duration,
    /// How many graphs may be on their way at once.
    pub fetches: usize,
    /// Between observations of one load balancer.
    pub observe: Duration,
    /// How long one observation may take.
    pub observe_deadline: Duration,
    /// The least time between two reports of a load balancer that differ only in traffic.
    pub traffic: Duration,
    /// Between two looks at a load balancer that needs nothing.
    pub recheck: Duration,
    /// How long one step may take: applying a graph, plugging a VIP, removing either.
    pub step_deadline: Duration,
    /// How many load balancers may be worked on at once, and how many may be observed at once.
    pub parallel: usize,
    /// A load balancer that takes longer than this gives its place among those to another: it is
    /// waiting rather than working.
    pub patience: Duration,
    /// The longest pause between two attempts; the first is 1 s, and each is twice the last.
    pub longest_pause: Duration,
    /// Between two searches for what belongs to no load balancer.
    pub sweep: Duration,
    /// How long a graceful stop waits for steps that are being taken.
    pub stop: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(2),
            inventory_gap: Duration::from_millis(50),
            silence: Duration::from_secs(30),
            answer: Duration::from_secs(10),
            fetches: 16,
            observe: Duration::from_secs(2),
            observe_deadline: Duration::from_secs(5),
            traffic: Duration::from_secs(5),
            recheck: Duration::from_secs(30),
            step_deadline: Duration::from_secs(30),
            parallel: 16,
            patience: Duration::from_secs(2),
            longest_pause: Duration::from_secs(30),
            sweep: Duration::from_mins(1),
            stop: Duration::from_secs(20),
        }
    }
}
