//! What `evenkeel agent` can be told; `etc/agent.toml` has every key with its default.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use evenkeel_haproxy::{GroupOptions, LogOptions};
use evenkeel_model::NetworkId;
use evenkeel_model::provider::ProviderName;
use evenkeel_plumbing::process::is_root;
use serde::{Deserialize, Serialize};

use super::ovs::OvsConfig;
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
    /// How often each address is announced when it is plugged, a second apart; 0 announces none.
    pub(crate) announcements: u32,
    /// For how many milliseconds it is asked whether somebody else has an IPv4 address, before it
    /// is taken; 0 asks nobody.
    pub(crate) ask_milliseconds: u32,
    /// The operator's bridges, by the ids of their networks; other networks get bridges of ours.
    /// For `plug = "bridge"`.
    pub(crate) bridges: BTreeMap<NetworkId, String>,
    /// For `plug = "openvswitch"`.
    pub(crate) openvswitch: OvsConfig,
}

/// What VIPs are plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlugKind {
    /// Linux bridges, one for each network.
    Bridge,
    /// Open vSwitch.
    #[serde(alias = "ovs")]
    OpenVswitch,
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
    /// The first and the last number of the users that load balancers are served as. Without it,
    /// an agent that is root has those from 300000 to 365535, and no other has any.
    pub(crate) users: Option<[u32; 2]>,
    /// Where what HAProxies tell is kept.
    pub(crate) logs: PathBuf,
    /// Whether they tell of each request, too.
    pub(crate) log_requests: bool,
    /// For how many days after the last of them the lines of a load balancer are kept that is gone.
    pub(crate) keep_logs_days: u32,
    /// The control group (version 2) below which each has one of its own.
    pub(crate) group: Option<PathBuf>,
    /// The most memory of each, in bytes, if it has a group.
    pub(crate) memory: Option<u64>,
    /// The most processes and threads of each, if it has a group.
    pub(crate) processes: Option<u32>,
    /// The share of each of the processor, from 1 to 10000, if it has a group.
    pub(crate) processor_weight: Option<u16>,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            state: "/var/lib/evenkeel/agent".into(),
            secrets: "/run/evenkeel-agent/secrets".into(),
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
        Self {
            plug: PlugKind::Bridge,
            namespaces: "/run/netns".into(),
            announcements: 3,
            ask_milliseconds: 50,
            bridges: BTreeMap::new(),
            openvswitch: OvsConfig::default(),
        }
    }
}

impl Default for HaproxyConfig {
    fn default() -> Self {
        Self {
            binary: "/usr/sbin/haproxy".into(),
            template: None,
            users: None,
            logs: "/var/log/evenkeel".into(),
            log_requests: false,
            keep_logs_days: 7,
            group: None,
            memory: None,
            processes: None,
            processor_weight: None,
        }
    }
}

impl HaproxyConfig {
    /// The users that load balancers are served as.
    pub(crate) fn users(&self) -> Option<RangeInclusive<u32>> {
        match self.users {
            Some([first, last]) => Some(first..=last),
            None => is_root().then_some(300_000..=365_535),
        }
    }

    /// What limits each HAProxy.
    pub(crate) fn group(&self) -> Option<GroupOptions> {
        self.group.as_ref().map(|parent| GroupOptions {
            parent: parent.clone(),
            memory: self.memory,
            processes: self.processes,
            processor_weight: self.processor_weight,
        })
    }

    /// What is kept of what they tell.
    pub(crate) fn logs(&self) -> LogOptions {
        let usual = LogOptions::in_directory(self.logs.clone());
        let keep = Duration::from_hours(24 * u64::from(self.keep_logs_days));
        LogOptions { requests: self.log_requests, keep, ..usual }
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

#[cfg(test)]
mod tests {
    use crate::config::{assert_spelt_out, parse};

    use super::*;

    #[test]
    fn the_file_spells_out_every_default() {
        assert_spelt_out::<AgentConfig>(include_str!("../../../../etc/agent.toml"));
    }

    #[test]
    fn times_are_more_than_nothing() {
        let read = |recheck| {
            let text = format!("[timings]\nrecheck = {recheck}");
            parse::<AgentConfig>(&text, "agent.toml".as_ref())
        };
        assert!(read("0.5").is_ok());
        for nonsense in ["0", "-1", "nan", "1e9"] {
            assert!(read(nonsense).is_err(), "{nonsense}");
        }
    }
}
