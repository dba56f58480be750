//! Providers: who makes a load balancer so, and what he can do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::flavor::{Allowance, FlavorKey, ZoneKey};
use crate::health_monitor::ProbeKind;
use crate::pool::{Algorithm, PersistenceKind};
use crate::protocol::{ListenerProtocol, PoolProtocol};
use crate::{HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool};

/// A provider's name, spelt as it was asked for: an alias is a name like any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderName(String);

impl ProviderName {
    /// The provider of this name; whether it exists is another question.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a driver can do. What is not in here it answers with the contract's 501.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a feature that is there or not")]
pub struct Capabilities {
    /// Protocols of listeners.
    pub listeners: &'static [ListenerProtocol],
    /// Protocols of pools.
    pub pools: &'static [PoolProtocol],
    /// Ways to choose a member.
    pub algorithms: &'static [Algorithm],
    /// Ways to probe one.
    pub probes: &'static [ProbeKind],
    /// Ways to stay with one.
    pub persistence: &'static [PersistenceKind],
    /// Protocols of listeners that can have L7 policies and rules.
    pub l7: &'static [ListenerProtocol],
    /// TLS towards members.
    pub pool_tls: bool,
    /// Restricting who may connect.
    pub allowed_cidrs: bool,
    /// More than one VIP.
    pub additional_vips: bool,
    /// `http_version` and `domain_name` of probes.
    pub probe_host: bool,
    /// What a flavor can ask for.
    pub flavor: &'static [FlavorKey],
    /// What an availability zone can ask for.
    pub availability_zone: &'static [ZoneKey],
}

impl Capabilities {
    /// Everything that the API can ask for.
    pub const ALL: Self = Self {
        listeners: ListenerProtocol::ALL,
        pools: PoolProtocol::ALL,
        algorithms: Algorithm::ALL,
        probes: ProbeKind::ALL,
        persistence: PersistenceKind::ALL,
        l7: ListenerProtocol::ALL,
        pool_tls: true,
        allowed_cidrs: true,
        additional_vips: true,
        probe_host: true,
        flavor: FlavorKey::ALL,
        availability_zone: ZoneKey::ALL,
    };

    /// Whether a listener with this protocol can have L7 policies. One for metrics can have no
    /// children at all, which is somebody else's to say.
    ///
    /// # Errors
    ///
    /// The contract's text (3.4).
    pub fn l7_on(&self, protocol: ListenerProtocol) -> Result<(), Unsupported> {
        if self.l7.contains(&protocol) || protocol == ListenerProtocol::Prometheus {
            Ok(())
        } else {
            Err(Unsupported(format!("{protocol} protocol listeners do not support L7 policies")))
        }
    }
}

/// Something was asked for that the driver does not do: HTTP 501, with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// Asks whether a driver with these capabilities can do what a resource wants.
pub trait Demand {
    /// # Errors
    ///
    /// The first thing that it cannot do.
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported>;
}

fn has<T: PartialEq + fmt::Display>(list: &[T], wanted: &T, what: &str) -> Result<(), Unsupported> {
    if list.contains(wanted) { Ok(()) } else { lacks(format!("{what} {wanted}")) }
}

fn lacks(what: impl fmt::Display) -> Result<(), Unsupported> {
    Err(Unsupported(format!("{what} is not supported by this driver.")))
}

impl Demand for LoadBalancer {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        if !self.additional_vips.is_empty() && !capabilities.additional_vips {
            return lacks("additional_vips");
        }
        let allowance = Allowance::default();
        for (key, is_asked) in [
            (FlavorKey::Threads, self.allowance.threads != allowance.threads),
            (FlavorKey::Connections, self.allowance.connections != allowance.connections),
        ] {
            if is_asked && !capabilities.flavor.contains(&key) {
                return lacks(key.word());
            }
        }
        Ok(())
    }
}

impl Demand for Listener {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        has(capabilities.listeners, &self.protocol, "listener protocol")?;
        if !self.allowed_cidrs.is_empty() && !capabilities.allowed_cidrs {
            return lacks("allowed_cidrs");
        }
        Ok(())
    }
}

impl Demand for Pool {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        has(capabilities.pools, &self.protocol, "pool protocol")?;
        has(capabilities.algorithms, &self.algorithm, "algorithm")?;
        if let Some(persistence) = &self.persistence {
            has(capabilities.persistence, &persistence.kind(), "session persistence")?;
        }
        if self.tls.enabled && !capabilities.pool_tls {
            return lacks("tls_enabled");
        }
        Ok(())
    }
}

impl Demand for Member {
    /// Whatever a member is, every driver can send traffic to it.
    fn within(&self, _: &Capabilities) -> Result<(), Unsupported> {
        Ok(())
    }
}

impl Demand for HealthMonitor {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        has(capabilities.probes, &self.probe.kind(), "health monitor type")?;
        let names_a_host = self
            .probe
            .http()
            .is_some_and(|http| http.version.is_some() || http.domain_name.is_some());
        if names_a_host && !capabilities.probe_host {
            return lacks("http_version with domain_name");
        }
        Ok(())
    }
}

impl Demand for L7Policy {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        if capabilities.l7.is_empty() { lacks("an L7 policy") } else { Ok(()) }
    }
}

impl Demand for L7Rule {
    fn within(&self, capabilities: &Capabilities) -> Result<(), Unsupported> {
        if capabilities.l7.is_empty() { lacks("an L7 rule") } else { Ok(()) }
    }
}
