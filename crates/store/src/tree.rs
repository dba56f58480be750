//! A load balancer whole: created in one call, and read in one.

use evenkeel_model::load_balancer::{Vip, VipRequest};
use evenkeel_model::status::OperatingStatus;
use evenkeel_model::{
    Generation, HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerId, Member,
    NetworkId, Pool, PortId, ProjectId, Record, ResourceKind, SubnetId,
};

use crate::StoreError;
use crate::change::Opened;
use crate::create::{
    default_pool_fits, put_health_monitor, put_l7_policy, put_listener, put_member,
};
use crate::engine::{Session, values};
use crate::insert::insert;
use crate::stored::{get, of_load_balancer};
use crate::{Furnish, material, network, offering, quota, rules};

/// A load balancer to be, with all that shall be in it. Ids are chosen by the caller, and name
/// each other.
#[derive(Clone, Debug)]
pub struct TreeDraft {
    /// The root. Its VIP is a placeholder, and replaced by what is leased.
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
    /// The key material of its listeners and pools.
    pub furnish: Furnish,
}

/// A load balancer with all that is in it, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The root.
    pub load_balancer: Record<LoadBalancer>,
    /// What the VIP answers.
    pub listeners: Vec<Record<Listener>>,
    /// What those do with single requests.
    pub l7_policies: Vec<Record<L7Policy>>,
    /// When they do so.
    pub l7_rules: Vec<Record<L7Rule>>,
    /// Where traffic goes.
    pub pools: Vec<Record<Pool>>,
    /// Who answers.
    pub members: Vec<Record<Member>>,
    /// Who may be asked.
    pub health_monitors: Vec<Record<HealthMonitor>>,
}

/// A VIP that has not been leased yet.
pub fn no_vip() -> Vip {
    let nil = uuid::Uuid::nil();
    Vip {
        address: std::net::IpAddr::from([0, 0, 0, 0]),
        port: PortId::new(nil),
        subnet: SubnetId::new(nil),
        network: NetworkId::new(nil),
    }
}

/// Creates a load balancer whole, or not at all.
pub(crate) fn create(
    session: &mut Session<'_>,
    draft: &TreeDraft,
    request: &VipRequest,
    project: &ProjectId,
    new_port: PortId,
) -> Result<Tree, StoreError> {
    let counts = [
        (ResourceKind::LoadBalancer, 1),
        (ResourceKind::Pool, draft.pools.len()),
        (ResourceKind::HealthMonitor, draft.health_monitors.len()),
        (ResourceKind::Member, draft.members.len()),
        (ResourceKind::Listener, draft.listeners.len()),
        (ResourceKind::L7Policy, draft.l7_policies.len()),
        (ResourceKind::L7Rule, draft.l7_rules.len()),
    ];
    for (kind, count) in counts {
        if count > 0 {
            quota::check(session, project, kind, count as u64)?;
        }
    }
    let mut load_balancer = draft.load_balancer.clone();
    offering::check_named(session, &load_balancer)?;
    let rules = session.config.address_rules.clone();
    let tenant =
        network::Tenant { load_balancer: load_balancer.id, project, new_port, rules: &rules };
    let (vip, additional) = network::lease(session, request, &tenant)?;
    (load_balancer.vip, load_balancer.additional_vips) = (vip, additional);
    let opened = put_load_balancer(session, &load_balancer, project)?;
    put_parts(session, draft, &opened)?;
    let listeners = draft.listeners.iter().flat_map(|it| it.tls.slots(it.id));
    let pools = draft.pools.iter().flat_map(|it| it.tls.slots(it.id));
    let slots: Vec<_> = listeners.chain(pools).collect();
    material::keep_new(session, load_balancer.id, &slots, &draft.furnish)?;
    read(session, load_balancer.id)
}

fn put_load_balancer(
    session: &mut Session<'_>,
    load_balancer: &LoadBalancer,
    project: &ProjectId,
) -> Result<Opened, StoreError> {
    let generation = Generation::new(1);
    let opened = Opened { load_balancer: load_balancer.id, project: project.clone(), generation };
    insert(session, load_balancer, &opened, OperatingStatus::Offline)?;
    let now = session.moment();
    session.execute(
        "UPDATE load_balancers SET generation = 1, pending_since = ?2 WHERE id = ?1",
        &values![load_balancer.id, now],
    )?;
    session.desire_changed = true;
    Ok(opened)
}

fn put_parts(
    session: &mut Session<'_>,
    draft: &TreeDraft,
    opened: &Opened,
) -> Result<(), StoreError> {
    for pool in &draft.pools {
        insert(session, pool, opened, OperatingStatus::Offline)?;
        for monitor in draft.health_monitors.iter().filter(|it| it.pool == pool.id) {
            put_health_monitor(session, monitor, opened)?;
        }
        for member in draft.members.iter().filter(|it| it.pool == pool.id) {
            put_member(session, member, opened)?;
        }
    }
    for listener in &draft.listeners {
        default_pool_fits(session, listener)?;
        put_listener(session, listener, opened)?;
        for policy in draft.l7_policies.iter().filter(|it| it.listener == listener.id) {
            rules::action_fits(session, policy.listener, &policy.action)?;
            put_l7_policy(session, policy, opened)?;
            for rule in draft.l7_rules.iter().filter(|it| it.policy == policy.id) {
                rules::has_room_for_rule(session, rule.policy)?;
                rules::has_room_for_regex(session, rule)?;
                insert(session, rule, opened, OperatingStatus::Offline)?;
            }
        }
    }
    Ok(())
}

/// Reads a load balancer whole.
pub(crate) fn read(session: &mut Session<'_>, id: LoadBalancerId) -> Result<Tree, StoreError> {
    Ok(Tree {
        load_balancer: get(session, id)?,
        listeners: of_load_balancer(session, id)?,
        l7_policies: of_load_balancer(session, id)?,
        l7_rules: of_load_balancer(session, id)?,
        pools: of_load_balancer(session, id)?,
        members: of_load_balancer(session, id)?,
        health_monitors: of_load_balancer(session, id)?,
    })
}
