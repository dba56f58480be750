//! What the node is to do: of the agent's configuration, as much as is asked for by
//! those who look at it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use evenkeel_haproxy::GroupOptions;
use evenkeel_plug::{OvsOptions, Tagging};
use evenkeel_plumbing::ovsdb;

use crate::agent::{self, AgentConfig, PlugKind};
use crate::config::Place;

/// What the node is to do.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) haproxy: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) secrets: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) log_requests: bool,
    pub(crate) group: Option<GroupOptions>,
    pub(crate) namespaces: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) users: Option<RangeInclusive<u32>>,
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
    /// What the agent of this node is told.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is wrong.
    pub(crate) fn read(place: &Place) -> anyhow::Result<Self> {
        agent::configuration(place).map(Self::from)
    }

    /// Where Open vSwitch's database listens, even if it is not used any more.
    pub(crate) fn database(&self) -> &Path {
        self.switch.as_ref().map_or(Path::new(ovsdb::SOCKET), |it| &it.database)
    }
}

impl From<AgentConfig> for Wanted {
    fn from(config: AgentConfig) -> Self {
        let switch = (config.network.plug == PlugKind::OpenVswitch).then(|| {
            let OvsOptions { socket: database, bridge, tagging, .. } =
                OvsOptions::from(&config.network.openvswitch);
            let by_neutron = match tagging {
                Tagging::Own => false,
                Tagging::Neutron => true,
            };
            WantedSwitch { database, bridge, by_neutron }
        });
        Self {
            users: config.haproxy.users(),
            group: config.haproxy.group(),
            log_requests: config.haproxy.log_requests,
            logs: config.haproxy.logs,
            namespaces: config.network.namespaces,
            haproxy: config.haproxy.binary,
            state: config.state,
            secrets: config.secrets,
            socket: config.server,
            switch,
        }
    }
}
