//! Creating what is part of a load balancer.
//!
//! Each asks in the order of the contract, in which the state of what is above comes late: a client
//! that asks for nonsense is told so even while something is on its way.

use evenkeel_model::status::OperatingStatus;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, Member, Pool, PoolId, Record,
    ResourceKind,
};

use crate::StoreError;
use crate::change::{Opened, check_parent, check_stays, mark, mark_users, open, owner, standing};
use crate::engine::{Session, values};
use crate::insert::insert;
use crate::stored::get;
use crate::{Furnished, material, position, quota, rules};

pub(crate) fn listener(
    session: &mut Session<'_>,
    furnished: &Furnished<Listener>,
) -> Result<Record<Listener>, StoreError> {
    let listener = &furnished.value;
    let project = owner(session, listener.load_balancer)?;
    quota::check(session, &project, ResourceKind::Listener, 1)?;
    default_pool_fits(session, listener)?;
    let opened = open(session, listener.load_balancer)?;
    put_listener(session, listener, &opened)?;
    let slots = listener.tls.slots(listener.id);
    material::keep_new(session, opened.load_balancer, &slots, &furnished.furnish)?;
    get(session, listener.id)
}

pub(crate) fn default_pool_fits(
    session: &mut Session<'_>,
    listener: &Listener,
) -> Result<(), StoreError> {
    match listener.default_pool {
        Some(pool) => rules::pool_fits(session, listener.load_balancer, listener.protocol, pool),
        None => Ok(()),
    }
}

pub(crate) fn put_listener(
    session: &mut Session<'_>,
    listener: &Listener,
    opened: &Opened,
) -> Result<(), StoreError> {
    rules::port_is_free(session, listener)?;
    insert(session, listener, opened, OperatingStatus::Offline)
}

/// Creates a pool; with a listener, as its default pool.
pub(crate) fn pool(
    session: &mut Session<'_>,
    furnished: &Furnished<Pool>,
    listener: Option<ListenerId>,
) -> Result<Record<Pool>, StoreError> {
    let pool = &furnished.value;
    let project = owner(session, pool.load_balancer)?;
    if let Some(listener) = listener {
        let (load_balancer, protocol) = rules::listener_of(session, listener)?;
        if load_balancer != pool.load_balancer {
            return Err(StoreError::not_found::<Listener>(listener));
        }
        protocol.may_feed(pool.protocol)?;
    }
    quota::check(session, &project, ResourceKind::Pool, 1)?;
    if let Some(listener) = listener {
        has_no_pool(session, listener)?;
    }
    let opened = open(session, pool.load_balancer)?;
    if let Some(listener) = listener {
        check_stays::<Listener>(session, listener)?;
    }
    insert(session, pool, &opened, OperatingStatus::Offline)?;
    let slots = pool.tls.slots(pool.id);
    material::keep_new(session, opened.load_balancer, &slots, &furnished.furnish)?;
    if let Some(listener) = listener {
        session.execute(
            "UPDATE listeners SET default_pool_id = ?2 WHERE id = ?1",
            &values![listener, pool.id],
        )?;
        mark::<Listener>(session, listener, &opened)?;
    }
    get(session, pool.id)
}

/// A default pool that shall go makes room for another.
fn has_no_pool(session: &mut Session<'_>, listener: ListenerId) -> Result<(), StoreError> {
    let row = session.first(
        "SELECT p.id FROM listeners s JOIN pools p ON p.id = s.default_pool_id \
         WHERE s.id = ?1 AND p.change <> 'DELETE'",
        &values![listener],
    )?;
    if row.is_some() { Err(StoreError::HasDefaultPool) } else { Ok(()) }
}

/// Begins a change within a pool.
pub(crate) fn open_pool(session: &mut Session<'_>, pool: PoolId) -> Result<Opened, StoreError> {
    let standing = check_parent::<Pool>(session, pool)?;
    let opened = open(session, standing.load_balancer)?;
    mark::<Pool>(session, pool, &opened)?;
    mark_users(session, pool, &opened)?;
    Ok(opened)
}

pub(crate) fn member(
    session: &mut Session<'_>,
    member: &Member,
) -> Result<Record<Member>, StoreError> {
    check_quota_of_pool(session, member.pool, ResourceKind::Member)?;
    let opened = open_pool(session, member.pool)?;
    put_member(session, member, &opened)?;
    get(session, member.id)
}

fn check_quota_of_pool(
    session: &mut Session<'_>,
    pool: PoolId,
    kind: ResourceKind,
) -> Result<(), StoreError> {
    let standing = standing::<Pool>(session, pool)?;
    let project = owner(session, standing.load_balancer)?;
    quota::check(session, &project, kind, 1)
}

pub(crate) fn put_member(
    session: &mut Session<'_>,
    member: &Member,
    opened: &Opened,
) -> Result<(), StoreError> {
    rules::member_is_new(session, member)?;
    let monitor = session.first(
        "SELECT id FROM health_monitors WHERE pool_id = ?1 AND change <> 'DELETE'",
        &values![member.pool],
    )?;
    let status =
        if monitor.is_some() { OperatingStatus::Offline } else { OperatingStatus::NoMonitor };
    insert(session, member, opened, status)
}

pub(crate) fn health_monitor(
    session: &mut Session<'_>,
    monitor: &HealthMonitor,
) -> Result<Record<HealthMonitor>, StoreError> {
    check_quota_of_pool(session, monitor.pool, ResourceKind::HealthMonitor)?;
    let opened = open_pool(session, monitor.pool)?;
    put_health_monitor(session, monitor, &opened)?;
    get(session, monitor.id)
}

pub(crate) fn put_health_monitor(
    session: &mut Session<'_>,
    monitor: &HealthMonitor,
    opened: &Opened,
) -> Result<(), StoreError> {
    rules::has_no_monitor(session, monitor.pool)?;
    insert(session, monitor, opened, OperatingStatus::Offline)
}

pub(crate) fn l7_policy(
    session: &mut Session<'_>,
    policy: &L7Policy,
) -> Result<Record<L7Policy>, StoreError> {
    let load_balancer = rules::action_fits(session, policy.listener, &policy.action)?;
    let project = owner(session, load_balancer)?;
    quota::check(session, &project, ResourceKind::L7Policy, 1)?;
    let opened = open(session, load_balancer)?;
    check_stays::<Listener>(session, policy.listener)?;
    put_l7_policy(session, policy, &opened)?;
    mark::<Listener>(session, policy.listener, &opened)?;
    get(session, policy.id)
}

pub(crate) fn put_l7_policy(
    session: &mut Session<'_>,
    policy: &L7Policy,
    opened: &Opened,
) -> Result<(), StoreError> {
    let mut policy = policy.clone();
    policy.position = position::make_room(session, policy.listener, policy.id, policy.position)?;
    insert(session, &policy, opened, OperatingStatus::Offline)
}

pub(crate) fn l7_rule(
    session: &mut Session<'_>,
    rule: &L7Rule,
) -> Result<Record<L7Rule>, StoreError> {
    let load_balancer = standing::<L7Policy>(session, rule.policy)?.load_balancer;
    rules::has_room_for_rule(session, rule.policy)?;
    rules::has_room_for_regex(session, rule)?;
    let project = owner(session, load_balancer)?;
    quota::check(session, &project, ResourceKind::L7Rule, 1)?;
    check_parent::<L7Policy>(session, rule.policy)?;
    let opened = open(session, load_balancer)?;
    insert(session, rule, &opened, OperatingStatus::Offline)?;
    mark_policy(session, rule.policy, &opened)?;
    get(session, rule.id)
}

/// Marks a policy and its listener.
pub(crate) fn mark_policy(
    session: &mut Session<'_>,
    policy: evenkeel_model::L7PolicyId,
    opened: &Opened,
) -> Result<(), StoreError> {
    mark::<L7Policy>(session, policy, opened)?;
    let row =
        session.first("SELECT listener_id FROM l7_policies WHERE id = ?1", &values![policy])?;
    match row {
        Some(row) => mark::<Listener>(session, row.parse(0)?, opened),
        None => Ok(()),
    }
}
