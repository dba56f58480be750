//! How the node's Open vSwitch is used, as an agent's configuration says it.

use std::path::PathBuf;

use evenkeel_plug::{OvsOptions, Tagging};
use serde::{Deserialize, Serialize};

/// How the node's Open vSwitch is used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OvsConfig {
    /// Where its database listens.
    socket: PathBuf,
    /// The bridge on which ports are made; it is never made or removed.
    bridge: String,
    tagging: TaggingKind,
    /// Pairs of devices instead of ports of the switch's own.
    veth: bool,
}

/// Who keeps networks apart on the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TaggingKind {
    /// We, by the VLAN of the network.
    Own,
    /// Neutron's agent of the node.
    Neutron,
}

impl Default for OvsConfig {
    fn default() -> Self {
        let usual = OvsOptions::default();
        let tagging = match usual.tagging {
            Tagging::Own => TaggingKind::Own,
            Tagging::Neutron => TaggingKind::Neutron,
        };
        Self { socket: usual.socket, bridge: usual.bridge, tagging, veth: usual.veth }
    }
}

impl From<&OvsConfig> for OvsOptions {
    fn from(config: &OvsConfig) -> Self {
        Self {
            socket: config.socket.clone(),
            bridge: config.bridge.clone(),
            tagging: match config.tagging {
                TaggingKind::Own => Tagging::Own,
                TaggingKind::Neutron => Tagging::Neutron,
            },
            veth: config.veth,
        }
    }
}
