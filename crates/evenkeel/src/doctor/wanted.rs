//! What the node is to do: of the agent's configuration, as much as a doctor asks for.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What the node is to do.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) haproxy: PathBuf,
    pub(super) state: PathBuf,
    pub(super) secrets: PathBuf,
    pub(super) logs: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) users: RangeInclusive<u32>,
    pub(super) switch: Option<WantedSwitch>,
}

/// Open vSwitch, where it is used.
#[derive(Clone, Debug)]
pub(super) struct WantedSwitch {
    pub(super) database: PathBuf,
    pub(super) bridge: String,
    pub(super) by_neutron: bool,
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
