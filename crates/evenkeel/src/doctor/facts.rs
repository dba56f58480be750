//! What is known of a node: gathered from it, or made up by a test.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::finding::Trial;

/// All that findings are made from.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The rights of this process.
    pub(crate) rights: Rights,
    /// What the kernel can do.
    pub(crate) kernel: Kernel,
    /// HAProxy, if its file is there and says what it is.
    pub(crate) haproxy: Result<Haproxy, String>,
    /// Whether `nft` can translate addresses here.
    pub(crate) nft: Trial,
    /// Routers that are not ours.
    pub(crate) routers: Routers,
    /// Open vSwitch, if the node is to use it.
    pub(crate) switch: Option<Switch>,
    /// Control groups.
    pub(crate) groups: Groups,
    /// What keeps each load balancer from being limited as the agent is told, if it is.
    pub(crate) limits: Option<Vec<String>>,
    /// How many files one process may have open.
    pub(crate) descriptors: u64,
    /// How many lines can wait for the agent of each load balancer, if each request has one.
    pub(crate) requests: Option<u64>,
    /// Directories, in the order in which they are told.
    pub(crate) places: Vec<Place>,
    /// Names of users within the range that load balancers run as, if there is one.
    pub(crate) users: Option<Vec<String>>,
    /// Whether the clock is later than this program was made.
    pub(crate) is_clock_plausible: bool,
    /// The control plane's socket.
    pub(crate) server: Server,
    /// Whether an agent runs here, and what there is.
    pub(crate) agent: AgentHere,
}

/// The rights of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Whether it is root.
    pub(crate) root: bool,
    /// What it lacks of what the agent needs, by the kernel's names.
    pub(crate) lacking: Vec<&'static str>,
}

/// What the kernel can do.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) namespaces: Trial,
    pub(crate) names: Trial,
    pub(crate) veth: Trial,
    pub(crate) bridge: Trial,
    pub(crate) ipv6: Trial,
    pub(crate) packets: Trial,
    pub(crate) ping: Trial,
}

/// What HAProxy says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Haproxy {
    pub(crate) path: PathBuf,
    /// Major and minor; `None` if it said neither.
    pub(crate) version: Option<(u32, u32)>,
    /// What it was built with, as `+LUA` without the sign.
    pub(crate) features: BTreeSet<String>,
}

/// Neutron's routers on this node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Routers {
    /// Whether Neutron's L3 agent runs here.
    pub(crate) agent_runs: bool,
    /// How many namespaces are called as those of floating addresses, and are not ours.
    pub(crate) strange: usize,
}

/// What is there of Open vSwitch.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) database: PathBuf,
    pub(crate) reachable: Trial,
    /// The process that forwards frames; the database alone does nothing.
    pub(crate) forwards: bool,
    pub(crate) bridge: String,
    /// What is known of the bridge; nothing if the database was not asked.
    pub(crate) found: Option<Bridge>,
    /// Whether Neutron is said to set the tags.
    pub(crate) by_neutron: bool,
    /// Whether Neutron's agent runs here.
    pub(crate) neutron_runs: bool,
}

/// A bridge of Open vSwitch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bridge {
    pub(crate) exists: bool,
    pub(crate) datapath: String,
    pub(crate) fail_mode: String,
}

/// Control groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    pub(crate) mounted: bool,
    pub(crate) writable: bool,
    pub(crate) controllers: BTreeSet<String>,
}

/// What a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// What must outlive a reboot.
    State,
    /// Keys in clear.
    Secrets,
    /// Logs of HAProxies.
    Logs,
}

/// Whose a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This user's, and nobody else can read it.
    Ours,
    /// This user's, and others can read it.
    Open,
    /// Another user's.
    Strange,
}

/// A directory that the agent uses, or the nearest one above it that is there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) what: Use,
    pub(crate) path: PathBuf,
    /// Whether it is there already.
    pub(crate) exists: bool,
    pub(crate) in_memory: bool,
    pub(crate) owner: Owner,
    /// Bytes and files for which there is room.
    pub(crate) room: Result<(u64, u64), String>,
}

/// The control plane's socket on this node.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) socket: PathBuf,
    pub(crate) answers: Trial,
}

/// The agent of this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentHere {
    /// Whether one holds the state directory; nothing if that could not be seen.
    pub(crate) runs: Option<bool>,
    /// How many things of load balancers are on the node.
    pub(crate) things: usize,
}
