//! The default driver: one HAProxy for each load balancer.
//!
//! A graph is rendered to a [`Configuration`](configuration::Configuration), compared with the one
//! that was applied last, and brought about in the cheapest [`way`](change::Change): nothing, a few
//! commands on the runtime socket, or another process that takes over the listening sockets.
//! Which generation serves is said by the process itself, so a restarted agent need not remember.

pub mod backend_name;
mod carried;
pub mod change;
pub mod command;
mod complaint;
pub mod configuration;
mod counters;
mod driver;
mod group;
mod instance;
mod jail;
pub mod logs;
pub mod material;
mod memory;
mod ping;
mod record;
pub mod render;
mod secrets;
mod socket;
mod stats;
mod steer;
pub mod template;
pub mod window;
pub mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use evenkeel_plumbing::Lifetime;

pub use driver::HaproxyDriver;
pub use group::GroupOptions;
pub use logs::LogOptions;
pub use render::NodeLimits;
pub use template::Template;

/// How HAProxy is run on this node.
#[derive(Clone, Debug)]
pub struct HaproxyOptions {
    /// The file to run; looked for at every start, so that it may come and go.
    pub binary: PathBuf,
    /// Whether the processes end with this one.
    pub lifetime: Lifetime,
    /// What the node lets one process have.
    pub limits: NodeLimits,
    /// What the operator adds to every configuration.
    pub template: Option<Arc<Template>>,
    /// What limits each of them; the node's own limits without.
    pub group: Option<GroupOptions>,
    /// What is collected of what they tell; nothing without.
    pub logs: Option<Arc<LogOptions>>,
}
