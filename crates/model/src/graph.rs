//! One load balancer whole: what is desired of it, and what an agent receives.

use serde::{Deserialize, Serialize};

use crate::tls::SealedMaterial;
use crate::{
    Attachment, FloatingAddress, Generation, HealthMonitor, L7Policy, L7Rule, Listener, ListenerId,
    LoadBalancer, Member, Pool, PoolId,
};

/// A load balancer with everything that shall be in it; what is being deleted is not.
///
/// All lists are in the order of creation, policies in that of their positions, so that the same
/// graph always looks the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerGraph {
    /// Which graph of this load balancer it is.
    pub generation: Generation,
    /// The root.
    pub load_balancer: LoadBalancer,
    /// What the VIP answers.
    pub listeners: Vec<Listener>,
    /// What those do with single requests.
    pub l7_policies: Vec<L7Policy>,
    /// When they do so.
    pub l7_rules: Vec<L7Rule>,
    /// Where traffic goes.
    pub pools: Vec<Pool>,
    /// Who answers.
    pub members: Vec<Member>,
    /// Who may be asked.
    pub health_monitors: Vec<HealthMonitor>,
    /// Certificates and their like, sealed for the node that the graph is sent to.
    #[serde(default)]
    pub material: Vec<SealedMaterial>,
    /// How the VIP's port is attached to its network; `None` if the control plane does not know.
    #[serde(default)]
    pub attachment: Option<Attachment>,
    /// Where else the VIP can be reached.
    #[serde(default)]
    pub floating: Vec<FloatingAddress>,
}

impl LoadBalancerGraph {
    /// Whether there is anything to serve: a load balancer gets its place on a node with its first
    /// enabled listener and loses it with its last.
    pub fn has_work(&self) -> bool {
        self.load_balancer.admin_state_up
            && self.listeners.iter().any(|listener| listener.admin_state_up)
    }

    /// The pool with this id.
    pub fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.id == id)
    }

    /// The members of a pool.
    pub fn members_of(&self, pool: PoolId) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| member.pool == pool)
    }

    /// The monitor of a pool.
    pub fn health_monitor_of(&self, pool: PoolId) -> Option<&HealthMonitor> {
        self.health_monitors.iter().find(|monitor| monitor.pool == pool)
    }

    /// The policies of a listener that can take a request, in the order in which they are asked:
    /// enabled, and with at least one enabled rule.
    pub fn policies_of(&self, listener: ListenerId) -> impl Iterator<Item = &L7Policy> {
        self.l7_policies.iter().filter(move |policy| {
            policy.listener == listener
                && policy.admin_state_up
                && self.rules_of(policy).next().is_some()
        })
    }

    /// The rules of a policy that are asked.
    pub fn rules_of(&self, policy: &L7Policy) -> impl Iterator<Item = &L7Rule> {
        let policy = policy.id;
        self.l7_rules.iter().filter(move |rule| rule.policy == policy && rule.admin_state_up)
    }

    /// The pools that a listener may send traffic to (contract 3.6), each once: its default pool,
    /// then those of its policies.
    pub fn pools_used_by(&self, listener: &Listener) -> Vec<PoolId> {
        let mut pools: Vec<PoolId> = listener.default_pool.into_iter().collect();
        for pool in self.policies_of(listener.id).filter_map(|policy| policy.action.pool()) {
            if !pools.contains(&pool) {
                pools.push(pool);
            }
        }
        pools
    }
}
