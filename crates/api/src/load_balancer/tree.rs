//! A load balancer created with all that is in it (contract 3.10).

mod pools;

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::l7_rule::MAX_RULES;
use evenkeel_model::load_balancer::VipRequest;
use evenkeel_model::number::{PortNumber, Position};
use evenkeel_model::protocol::{ListenerProtocol, Transport};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7PolicyId, L7Rule, L7RuleId, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Member, Pool, PoolId, ResourceKind, Violation,
};
use uuid::Uuid;

use super::Create;
use crate::decode::body;
use crate::{Deployment, Fault, l7_policy, l7_rule, listener};

pub use pools::PoolDefinition;
use pools::Pools;

body! {
    /// A listener within a single-call create.
    pub struct ListenerDefinition {
        /// The pool that gets what no L7 policy takes: a definition, or only a name.
        default_pool: Option<PoolDefinition>,
        /// What happens to single requests.
        l7policies: Option<Vec<PolicyDefinition>>,
    }
    with
    /// The rest.
    attributes: listener::Attributes
}

body! {
    /// An L7 policy within a single-call create.
    pub struct PolicyDefinition {
        /// The pool that answers: a definition, or only a name.
        redirect_pool: Option<PoolDefinition>,
        /// What must hold of a request.
        rules: Option<Vec<l7_rule::Create>>,
    }
    with
    /// The rest.
    attributes: l7_policy::Attributes
}

/// A load balancer to be, with all that shall be in it, in the order in which it is created: pools
/// with their monitors and members, then listeners with their policies and rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The root. Its VIP is [`unleased`](super::unleased).
    pub load_balancer: LoadBalancer,
    /// What is said of the VIP.
    pub vip: VipRequest,
    /// Where traffic goes.
    pub pools: Vec<Pool>,
    /// Who may be asked.
    pub health_monitors: Vec<HealthMonitor>,
    /// Who answers.
    pub members: Vec<Member>,
    /// What the VIP answers. Whether their CIDRs fit it is
    /// [`listener::check_cidrs`], once it is leased.
    pub listeners: Vec<Listener>,
    /// What those do with single requests; positions are dense.
    pub l7_policies: Vec<L7Policy>,
    /// When they do so.
    pub l7_rules: Vec<L7Rule>,
}

impl Tree {
    /// How many objects of a kind there are, for the quota.
    pub fn count(&self, kind: ResourceKind) -> usize {
        match kind {
            ResourceKind::LoadBalancer => 1,
            ResourceKind::Listener => self.listeners.len(),
            ResourceKind::Pool => self.pools.len(),
            ResourceKind::Member => self.members.len(),
            ResourceKind::HealthMonitor => self.health_monitors.len(),
            ResourceKind::L7Policy => self.l7_policies.len(),
            ResourceKind::L7Rule => self.l7_rules.len(),
        }
    }
}

impl Create {
    /// The load balancer that is asked for, with all that shall be in it.
    ///
    /// `provider` is the one that was chosen for it; ids come from `new_id`, in the order of
    /// creation.
    ///
    /// # Errors
    ///
    /// The first rule that anything in it breaks: 400; a pool that cannot be there: 404; two that
    /// are in each other's way: 409.
    pub fn into_tree(
        mut self,
        id: LoadBalancerId,
        provider: ProviderName,
        deployment: &Deployment,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Tree, Fault> {
        let vip = self.vip_request(deployment)?;
        let load_balancer = self.root(id, provider)?;
        let definitions = self.pools.take().unwrap_or_default();
        let listeners = self.listeners.take().unwrap_or_default();
        let mut pools = Pools::new(definitions);
        let listeners: Vec<Unplanted> = listeners
            .into_iter()
            .map(|it| Unplanted::new(it, &mut pools))
            .collect::<Result<_, _>>()?;
        let mut tree = Tree {
            load_balancer,
            vip,
            pools: Vec::new(),
            health_monitors: Vec::new(),
            members: Vec::new(),
            listeners: Vec::new(),
            l7_policies: Vec::new(),
            l7_rules: Vec::new(),
        };
        let pools = pools.plant(&mut tree, deployment, new_id)?;
        let mut garden = Garden { tree, pools, ports: BTreeMap::new(), deployment, new_id };
        listeners.into_iter().try_for_each(|it| garden.plant_listener(it))?;
        Ok(garden.tree)
    }
}

/// A listener whose pools have been moved to where they belong; what is left of them is a name.
struct Unplanted {
    attributes: listener::Attributes,
    default_pool: Option<String>,
    policies: Vec<UnplantedPolicy>,
}

struct UnplantedPolicy {
    attributes: l7_policy::Attributes,
    redirect_pool: Option<String>,
    rules: Vec<l7_rule::Create>,
}

impl Unplanted {
    fn new(definition: ListenerDefinition, pools: &mut Pools) -> Result<Self, Violation> {
        let default_pool = definition.default_pool.map(|it| pools.hoist(it)).transpose()?;
        let policies = definition.l7policies.unwrap_or_default();
        let policies = policies.into_iter().map(|policy| {
            Ok(UnplantedPolicy {
                redirect_pool: policy.redirect_pool.map(|it| pools.hoist(it)).transpose()?,
                attributes: policy.attributes,
                rules: policy.rules.unwrap_or_default(),
            })
        });
        Ok(Self {
            policies: policies.collect::<Result<_, Violation>>()?,
            attributes: definition.attributes,
            default_pool,
        })
    }
}

/// Where listeners are planted once the pools stand.
struct Garden<'a> {
    tree: Tree,
    pools: pools::Planted,
    ports: BTreeMap<(Transport, PortNumber), ListenerProtocol>,
    deployment: &'a Deployment,
    new_id: &'a mut dyn FnMut() -> Uuid,
}

impl Garden<'_> {
    fn plant_listener(&mut self, unplanted: Unplanted) -> Result<(), Fault> {
        let id = ListenerId::new((self.new_id)());
        if let Some(pool) = unplanted.attributes.default_pool_id {
            // A load balancer that does not exist yet has no pool with an id.
            return Err(Fault::not_found(ResourceKind::Pool, pool));
        }
        let root = self.tree.load_balancer.id;
        let mut listener = unplanted.attributes.into_listener(id, root, self.deployment)?;
        if let Some(name) = unplanted.default_pool {
            listener.default_pool = Some(self.pool_for(listener.protocol, &name)?);
        }
        self.take_port(&listener)?;
        let protocol = listener.protocol;
        self.tree.listeners.push(listener);
        self.plant_policies(id, protocol, unplanted.policies)
    }

    fn pool_for(&self, protocol: ListenerProtocol, name: &str) -> Result<PoolId, Violation> {
        let (pool, speaks) = self.pools.find(name)?;
        protocol.may_feed(speaks)?;
        Ok(pool)
    }

    fn take_port(&mut self, listener: &Listener) -> Result<(), Fault> {
        let (protocol, port) = (listener.protocol, listener.protocol_port);
        match self.ports.insert((protocol.transport(), port), protocol) {
            None => Ok(()),
            Some(other) => Err(Fault::conflict(format!(
                "Another Listener on this Load Balancer is already using protocol {other} and \
                 protocol_port {port}"
            ))),
        }
    }

    fn plant_policies(
        &mut self,
        listener: ListenerId,
        protocol: ListenerProtocol,
        policies: Vec<UnplantedPolicy>,
    ) -> Result<(), Fault> {
        if protocol == ListenerProtocol::Prometheus && !policies.is_empty() {
            return Err(Violation::PrometheusChildren.into());
        }
        let mut ordered: Vec<L7Policy> = Vec::new();
        for policy in policies {
            let id = L7PolicyId::new((self.new_id)());
            let pool = policy.redirect_pool.map(|name| self.pool_for(protocol, &name));
            let value = policy.attributes.into_l7_policy(id, listener, pool.transpose()?)?;
            // Each pushes those behind its place further back (contract 3.9).
            let place = usize::try_from(value.position.get()).unwrap_or(usize::MAX);
            ordered.insert((place - 1).min(ordered.len()), value);
            self.plant_rules(id, policy.rules)?;
        }
        for (policy, place) in ordered.iter_mut().zip(1..) {
            policy.position = Position::try_from(place)
                .map_err(|refused| Violation::PolicyArguments(refused.to_string()))?;
        }
        self.tree.l7_policies.extend(ordered);
        Ok(())
    }

    fn plant_rules(
        &mut self,
        policy: L7PolicyId,
        rules: Vec<l7_rule::Create>,
    ) -> Result<(), Fault> {
        if rules.len() > MAX_RULES {
            return Err(Fault::conflict(format!("Too many rules on L7 policy {policy}")));
        }
        for rule in rules {
            let id = L7RuleId::new((self.new_id)());
            self.tree.l7_rules.push(rule.into_l7_rule(id, policy, self.deployment)?);
        }
        Ok(())
    }
}

/// Whether no two members of one pool are the same.
fn check_members(members: &[Member]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let twice = members.iter().find(|it| !seen.insert((it.address.spelling(), it.protocol_port)));
    match twice {
        None => Ok(()),
        Some(member) => Err(Fault::conflict(format!(
            "Another member on this pool is already using ip {} on protocol_port {}",
            member.address.spelling(),
            member.protocol_port
        ))),
    }
}
