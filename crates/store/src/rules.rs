//! Rules between objects, asked within the transaction that would break them.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, MAX_REGEXES, MAX_RULES};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::{
    L7PolicyId, L7Rule, Listener, ListenerId, LoadBalancerId, Member, Pool, PoolId, Violation,
};

use crate::StoreError;
use crate::engine::{Session, values};

/// No other listener of the transport has the port. One that shall go does not count.
pub(crate) fn port_is_free(
    session: &mut Session<'_>,
    listener: &Listener,
) -> Result<(), StoreError> {
    let rows = session.query(
        "SELECT protocol FROM listeners WHERE load_balancer_id = ?1 AND protocol_port = ?2 \
         AND id <> ?3 AND change <> 'DELETE'",
        &values![listener.load_balancer, i64::from(listener.protocol_port), listener.id],
    )?;
    for row in rows {
        let protocol = row.word(0, ListenerProtocol::from_word)?;
        if protocol.transport() == listener.protocol.transport() {
            return Err(StoreError::PortTaken { protocol, port: listener.protocol_port });
        }
    }
    Ok(())
}

/// No other member of the pool has address and port, as they are spelt.
pub(crate) fn member_is_new(session: &mut Session<'_>, member: &Member) -> Result<(), StoreError> {
    let taken = session.first(
        "SELECT id FROM members WHERE pool_id = ?1 AND address = ?2 AND protocol_port = ?3 \
         AND id <> ?4 AND change <> 'DELETE'",
        &values![
            member.pool,
            member.address.spelling(),
            i64::from(member.protocol_port),
            member.id
        ],
    )?;
    match taken {
        None => Ok(()),
        Some(_) => Err(StoreError::MemberTaken {
            address: member.address.spelling().to_owned(),
            port: member.protocol_port,
        }),
    }
}

/// The pool has no monitor, or only one that shall go.
pub(crate) fn has_no_monitor(session: &mut Session<'_>, pool: PoolId) -> Result<(), StoreError> {
    let monitor = session.first(
        "SELECT id FROM health_monitors WHERE pool_id = ?1 AND change <> 'DELETE'",
        &values![pool],
    )?;
    if monitor.is_some() { Err(StoreError::MonitorTaken) } else { Ok(()) }
}

/// The pool is one of this load balancer, stays, and its protocol fits that of the listener.
pub(crate) fn pool_fits(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    protocol: ListenerProtocol,
    pool: PoolId,
) -> Result<(), StoreError> {
    if protocol == ListenerProtocol::Prometheus {
        return Err(Violation::PrometheusChildren.into());
    }
    let row = session.first(
        "SELECT protocol FROM pools WHERE id = ?1 AND load_balancer_id = ?2 AND change <> 'DELETE'",
        &values![pool, load_balancer],
    )?;
    let row = row.ok_or_else(|| StoreError::not_found::<Pool>(pool))?;
    protocol.may_feed(row.word(0, PoolProtocol::from_word)?)?;
    Ok(())
}

/// What a listener speaks, and whose it is.
pub(crate) fn listener_of(
    session: &mut Session<'_>,
    listener: ListenerId,
) -> Result<(LoadBalancerId, ListenerProtocol), StoreError> {
    let row = session.first(
        "SELECT load_balancer_id, protocol FROM listeners WHERE id = ?1",
        &values![listener],
    )?;
    let row = row.ok_or_else(|| StoreError::not_found::<Listener>(listener))?;
    Ok((row.parse(0)?, row.word(1, ListenerProtocol::from_word)?))
}

/// The listener can have policies, and the pool that this one sends requests to can be one.
pub(crate) fn action_fits(
    session: &mut Session<'_>,
    listener: ListenerId,
    action: &Action,
) -> Result<LoadBalancerId, StoreError> {
    let (load_balancer, protocol) = listener_of(session, listener)?;
    if protocol == ListenerProtocol::Prometheus {
        return Err(Violation::PrometheusChildren.into());
    }
    if let Some(pool) = action.pool() {
        pool_fits(session, load_balancer, protocol, pool)?;
    }
    Ok(load_balancer)
}

/// One more rule is not too many.
pub(crate) fn has_room_for_rule(
    session: &mut Session<'_>,
    policy: L7PolicyId,
) -> Result<(), StoreError> {
    let row = session.first(
        "SELECT COUNT(*) FROM l7_rules WHERE l7_policy_id = ?1 AND change <> 'DELETE'",
        &values![policy],
    )?;
    let count = row.map_or(Ok(0), |row| row.count(0))?;
    if count < MAX_RULES as u64 { Ok(()) } else { Err(StoreError::TooManyRules(policy)) }
}

/// The listener can have the regular expression of this rule, if it has one, with those that it has
/// already: whether rules and policies are enabled or not, so that enabling them breaks nothing.
pub(crate) fn has_room_for_regex(
    session: &mut Session<'_>,
    rule: &L7Rule,
) -> Result<(), StoreError> {
    if rule.condition.comparison() != Comparison::Regex {
        return Ok(());
    }
    let row = session.first(
        "SELECT p.listener_id, COUNT(r.id) FROM l7_policies o \
         JOIN l7_policies p ON p.listener_id = o.listener_id AND p.change <> 'DELETE' \
         LEFT JOIN l7_rules r ON r.l7_policy_id = p.id AND r.compare_type = 'REGEX' \
         AND r.id <> ?2 AND r.change <> 'DELETE' \
         WHERE o.id = ?1 GROUP BY p.listener_id",
        &values![rule.policy, rule.id],
    )?;
    match row {
        Some(row) if row.count(1)? >= MAX_REGEXES as u64 => {
            Err(StoreError::TooManyRegexes(row.parse(0)?))
        }
        Some(_) | None => Ok(()),
    }
}

/// No policy that stays, of a listener that stays, sends requests to the pool.
pub(crate) fn pool_is_unused(session: &mut Session<'_>, pool: PoolId) -> Result<(), StoreError> {
    let row = session.first(
        "SELECT p.id FROM l7_policies p JOIN listeners s ON s.id = p.listener_id \
         WHERE p.redirect_pool_id = ?1 AND p.change <> 'DELETE' AND s.change <> 'DELETE' \
         ORDER BY p.created_at, p.id",
        &values![pool],
    )?;
    match row {
        None => Ok(()),
        Some(row) => Err(StoreError::PoolInUse { pool, policy: row.parse(0)? }),
    }
}
