//! Creating what is part of a load balancer.

use evenkeel_model::status::OperatingStatus;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, Member, Pool, PoolId, Record,
    ResourceKind,
};

use crate::StoreError;
use crate::change::{Opened, check_parent, check_stays, mark, mark_users, open};
use crate::engine::{Session, values};
use crate::insert::insert;
use crate::stored::get;
use crate::{position, quota, rules};

pub(crate) fn listener(
    session: &mut Session<'_>,
    listener: &Listener,
) -> Result<Record<Listener>, StoreError> {
    let opened = open(session, listener.load_balancer)?;
    quota::check(session, &opened.project, ResourceKind::Listener, 1)?;
    put_listener(session, listener, &opened)?;
    get(session, listener.id)
}

pub(crate) fn put_listener(
    session: &mut Session<'_>,
    listener: &Listener,
    opened: &Opened,
) -> Result<(), StoreError> {
    if let Some(pool) = listener.default_pool {
        rules::pool_fits(session, opened.load_balancer, listener.protocol, pool)?;
    }
    rules::port_is_free(session, listener)?;
    insert(session, listener, opened, OperatingStatus::Offline)
}

/// Creates a pool; with a listener, as its default pool.
pub(crate) fn pool(
    session: &mut Session<'_>,
    pool: &Pool,
    listener: Option<ListenerId>,
) -> Result<Record<Pool>, StoreError> {
    if let Some(listener) = listener {
        check_stays::<Listener>(session, listener)?;
        let (load_balancer, protocol) = rules::listener_of(session, listener)?;
        if load_balancer != pool.load_balancer {
            return Err(StoreError::not_found::<Listener>(listener));
        }
        protocol.may_feed(pool.protocol)?;
        has_no_pool(session, listener)?;
    }
    let opened = open(session, pool.load_balancer)?;
    quota::check(session, &opened.project, ResourceKind::Pool, 1)?;
    insert(session, pool, &opened, OperatingStatus::Offline)?;
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
    let opened = open_pool(session, member.pool)?;
    quota::check(session, &opened.project, ResourceKind::Member, 1)?;
    put_member(session, member, &opened)?;
    get(session, member.id)
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
    let opened = open_pool(session, monitor.pool)?;
    quota::check(session, &opened.project, ResourceKind::HealthMonitor, 1)?;
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
    let opened = open(session, load_balancer)?;
    quota::check(session, &opened.project, ResourceKind::L7Policy, 1)?;
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
    let standing = check_parent::<L7Policy>(session, rule.policy)?;
    let opened = open(session, standing.load_balancer)?;
    quota::check(session, &opened.project, ResourceKind::L7Rule, 1)?;
    rules::has_room_for_rule(session, rule.policy)?;
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
