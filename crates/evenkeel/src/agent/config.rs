//! What `evenkeel agent` can be told; `etc/agent.toml` has every key with its default.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use evenkeel_model::NetworkId;
use evenkeel_model::provider::ProviderName;
use serde::{Deserialize, Serialize};

use super::timings::TimingsConfig;

/// What the agent is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentConfig {
    /// What is logged, as `--log` says it.
    pub(crate) log: String,
    /// Where the agent keeps what it holds; one agent at a time.
    pub(crate) state: PathBuf,
    /// Where keys are in clear while they serve: on a file system in memory.
    pub(crate) secrets: PathBuf,
    /// The control plane's socket.
    pub(crate) server: PathBuf,
    /// The node's name, for people; without one, the system's.
    pub(crate) host: Option<String>,
    /// How many load balancers the node takes.
    pub(crate) capacity: u32,
    /// Whose load balancers it takes.
    pub(crate) providers: Vec<ProviderName>,
    pub(crate) network: NetworkConfig,
    pub(crate) haproxy: HaproxyConfig,
    pub(crate) timings: TimingsConfig,
}

/// How VIPs come to the node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NetworkConfig {
    pub(crate) plug: PlugKind,
    /// Where namespaces have their names.
    pub(crate) namespaces: PathBuf,
    /// The operator's bridges, by the ids of their networks; other networks get bridges of ours.
    pub(crate) bridges: BTreeMap<NetworkId, String>,
}

/// What VIPs are plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlugKind {
    /// Linux bridges, one for each network.
    Bridge,
    /// Nothing: VIPs are loopback addresses, for trying out.
    None,
}

/// How load balancers are served.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HaproxyConfig {
    pub(crate) binary: PathBuf,
    /// Lines for every section of every configuration.
    pub(crate) template: Option<PathBuf>,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            state: "/var/lib/evenkeel/agent".into(),
            secrets: "/run/evenkeel/secrets".into(),
            server: "/run/evenkeel/agent.sock".into(),
            host: None,
            capacity: 1000,
            providers: ["haproxy", "amphora", "octavia"].map(ProviderName::new).into(),
            network: NetworkConfig::default(),
            haproxy: HaproxyConfig::default(),
            timings: TimingsConfig::default(),
        }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { plug: PlugKind::Bridge, namespaces: "/run/netns".into(), bridges: BTreeMap::new() }
    }
}

impl Default for HaproxyConfig {
    fn default() -> Self {
        Self { binary: "/usr/sbin/haproxy".into(), template: None }
    }
}

impl AgentConfig {
    /// The node's name.
    ///
    /// # Errors
    ///
    /// The system does not tell it.
    pub(crate) fn host(&self) -> anyhow::Result<String> {
        if let Some(host) = &self.host {
            return Ok(host.clone());
        }
        let name = fs::read_to_string("/proc/sys/kernel/hostname");
        Ok(name.context("could not ask for the name of the node; set host")?.trim().to_owned())
    }
}
