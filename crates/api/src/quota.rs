//! Quotas in JSON (contract 2.9).

use evenkeel_model::quota::{Limit, Limits};
use serde_json::{Value, json};

use crate::decode::{Patch, body};

body! {
    /// `PUT /quotas/{project}`. Where a kind has two spellings, the one without underscore counts;
    /// null is the default of the deployment.
    #[derive(Default)]
    pub struct Update in "quotas", "quota" {
        /// Load balancers; -1 is unlimited.
        loadbalancer: Patch<Limit>,
        /// The same.
        load_balancer: Patch<Limit>,
        /// Listeners; -1 is unlimited.
        listener: Patch<Limit>,
        /// Pools; -1 is unlimited.
        pool: Patch<Limit>,
        /// Members; -1 is unlimited.
        member: Patch<Limit>,
        /// Health monitors; -1 is unlimited.
        healthmonitor: Patch<Limit>,
        /// The same.
        health_monitor: Patch<Limit>,
        /// L7 policies; -1 is unlimited.
        l7policy: Patch<Limit>,
        /// L7 rules; -1 is unlimited.
        l7rule: Patch<Limit>,
    }
}

/// The limits that a project has of its own; where there is none, the deployment's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Load balancers.
    pub load_balancer: Option<Limit>,
    /// Listeners.
    pub listener: Option<Limit>,
    /// Pools.
    pub pool: Option<Limit>,
    /// Members.
    pub member: Option<Limit>,
    /// Health monitors.
    pub health_monitor: Option<Limit>,
    /// L7 policies.
    pub l7_policy: Option<Limit>,
    /// L7 rules.
    pub l7_rule: Option<Limit>,
}

impl OwnLimits {
    /// What counts, where `defaults` are the deployment's.
    pub fn over(&self, defaults: &Limits) -> Limits {
        Limits {
            load_balancer: self.load_balancer.unwrap_or(defaults.load_balancer),
            listener: self.listener.unwrap_or(defaults.listener),
            pool: self.pool.unwrap_or(defaults.pool),
            member: self.member.unwrap_or(defaults.member),
            health_monitor: self.health_monitor.unwrap_or(defaults.health_monitor),
            l7_policy: self.l7_policy.unwrap_or(defaults.l7_policy),
            l7_rule: self.l7_rule.unwrap_or(defaults.l7_rule),
        }
    }
}

impl Update {
    /// The limits as they shall be; those that are not mentioned stay.
    #[must_use]
    pub fn apply(&self, stored: &OwnLimits) -> OwnLimits {
        let mut limits = *stored;
        self.load_balancer.onto_option(&mut limits.load_balancer);
        self.loadbalancer.onto_option(&mut limits.load_balancer);
        self.listener.onto_option(&mut limits.listener);
        self.pool.onto_option(&mut limits.pool);
        self.member.onto_option(&mut limits.member);
        self.health_monitor.onto_option(&mut limits.health_monitor);
        self.healthmonitor.onto_option(&mut limits.health_monitor);
        self.l7policy.onto_option(&mut limits.l7_policy);
        self.l7rule.onto_option(&mut limits.l7_rule);
        limits
    }
}

/// The limits that count for a project, in both spellings. `project` is any text: asking for the
/// quota of a project that does not exist is no mistake.
pub fn view(project: &str, limits: &Limits) -> Value {
    let number = |limit: Limit| i64::from(limit);
    json!({
        "loadbalancer": number(limits.load_balancer),
        "load_balancer": number(limits.load_balancer),
        "listener": number(limits.listener),
        "pool": number(limits.pool),
        "member": number(limits.member),
        "healthmonitor": number(limits.health_monitor),
        "health_monitor": number(limits.health_monitor),
        "l7policy": number(limits.l7_policy),
        "l7rule": number(limits.l7_rule),
        "project_id": project,
        "tenant_id": project,
    })
}
