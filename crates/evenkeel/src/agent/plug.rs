//! What brings VIPs to the node, as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use evenkeel_driver::{Loopback, Plug};
use evenkeel_plug::{Bridge, Namespaced, OpenVswitch, OvsOptions, Wiring};
use evenkeel_plumbing::Namespaces;

use super::config::{NetworkConfig, PlugKind};

/// The plug of a node.
///
/// # Errors
///
/// The system's.
pub(super) fn plug(config: &NetworkConfig) -> anyhow::Result<Arc<dyn Plug>> {
    let names = Namespaces::new(&config.namespaces);
    let wiring: Arc<dyn Wiring> = match config.plug {
        PlugKind::None => return Ok(Arc::new(Loopback)),
        PlugKind::Bridge => Arc::new(
            Bridge::new(names.clone(), config.bridges.clone())
                .context("could not look at the network of this node")?,
        ),
        PlugKind::OpenVswitch => Arc::new(
            OpenVswitch::new(names.clone(), OvsOptions::from(&config.openvswitch))
                .context("could not look at the network of this node")?,
        ),
    };
    let asked = Duration::from_millis(config.ask_milliseconds.into());
    let plug = Namespaced::new(names, wiring).announcing(config.announcements).asking(asked);
    Ok(Arc::new(plug))
}
