//! Quotas: how much of each kind a project may have.

use serde::{Deserialize, Serialize};

use crate::ResourceKind;

/// How many objects of a kind a project may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub enum Limit {
    /// As many as it likes; -1 in the API.
    #[default]
    Unlimited,
    /// At most this many.
    AtMost(u32),
}

impl Limit {
    /// The greatest number that can be set (contract 2.9).
    pub const MAX: i64 = 2_000_000_000;

    /// Whether `count` objects are within it.
    pub const fn allows(self, count: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::AtMost(limit) => count <= limit as u64,
        }
    }
}

impl From<i64> for Limit {
    fn from(number: i64) -> Self {
        u32::try_from(number).map_or(Self::Unlimited, Self::AtMost)
    }
}

impl From<Limit> for i64 {
    fn from(limit: Limit) -> i64 {
        match limit {
            Limit::Unlimited => -1,
            Limit::AtMost(count) => i64::from(count),
        }
    }
}

/// The limits of a project, or the defaults of a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Load balancers.
    pub load_balancer: Limit,
    /// Listeners.
    pub listener: Limit,
    /// Pools.
    pub pool: Limit,
    /// Members.
    pub member: Limit,
    /// Health monitors.
    pub health_monitor: Limit,
    /// L7 policies.
    pub l7_policy: Limit,
    /// L7 rules.
    pub l7_rule: Limit,
}

impl Limits {
    /// The limit of one kind.
    pub const fn of(&self, kind: ResourceKind) -> Limit {
        match kind {
            ResourceKind::LoadBalancer => self.load_balancer,
            ResourceKind::Listener => self.listener,
            ResourceKind::Pool => self.pool,
            ResourceKind::Member => self.member,
            ResourceKind::HealthMonitor => self.health_monitor,
            ResourceKind::L7Policy => self.l7_policy,
            ResourceKind::L7Rule => self.l7_rule,
        }
    }
}
