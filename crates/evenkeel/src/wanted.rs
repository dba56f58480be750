//! What the node is to do: of the agent's configuration, as much as is asked for by
//! those who look at it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use evenkeel_plumbing::ovsdb;

/// What the node is to do.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) haproxy: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) secrets: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) users: RangeInclusive<u32>,
    pub(crate) switch: Option<WantedSwitch>,
}

/// Open vSwitch, where it is used.
#[derive(Clone, Debug)]
pub(crate) struct WantedSwitch {
    pub(crate) database: PathBuf,
    pub(crate) bridge: String,
    pub(crate) by_neutron: bool,
}

impl Wanted {
    /// Where Open vSwitch's database listens, even if it is not used any more.
    pub(crate) fn database(&self) -> &Path {
        self.switch.as_ref().map_or(Path::new(ovsdb::SOCKET), |it| &it.database)
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            haproxy: PathBuf::from("/usr/sbin/haproxy"),
            state: PathBuf::from("/var/lib/evenkeel/agent"),
            secrets: PathBuf::from("/run/evenkeel/secrets"),
            logs: PathBuf::from("/var/log/evenkeel"),
            socket: PathBuf::from("/run/evenkeel/agent.sock"),
            users: 300_000..=365_535,
            switch: None,
        }
    }
}
