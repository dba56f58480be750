//! What was seen on a node, as operating statuses and counters. No generation moves: health is not
//! desire.

use std::collections::BTreeMap;

use evenkeel_model::observed::{Observation, Traffic};
use evenkeel_model::roll_up::{OperatingStatuses, roll_up};
use evenkeel_model::status::OperatingStatus;
use evenkeel_model::{
    AgentId, Epoch, HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Member, Pool,
};

use crate::engine::{Session, Value, values};
use crate::graph::desired;
use crate::stored::{Sealed, Stored, get};
use crate::{Store, StoreError};

/// One load balancer as an agent sees it.
struct Seen<'a> {
    agent: AgentId,
    id: LoadBalancerId,
    epoch: Epoch,
    observation: &'a Observation,
}

fn is_current(session: &mut Session<'_>, seen: &Seen<'_>) -> Result<bool, StoreError> {
    let row = session.first(
        "SELECT epoch FROM placements WHERE load_balancer_id = ?1 AND agent_id = ?2",
        &values![seen.id, seen.agent],
    )?;
    match row {
        Some(row) => Ok(row.epoch(0)? == seen.epoch),
        None => Ok(false),
    }
}

fn statuses<T: Stored>(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<BTreeMap<T::Id, OperatingStatus>, StoreError> {
    let sql = format!("SELECT id, operating_status FROM {} WHERE load_balancer_id = ?1", T::TABLE);
    let rows = session.query(&sql, &values![id])?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.word(1, OperatingStatus::from_word)?))).collect()
}

fn previous(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<OperatingStatuses, StoreError> {
    Ok(OperatingStatuses {
        load_balancer: get::<LoadBalancer>(session, id)?.operating_status,
        listeners: statuses::<Listener>(session, id)?,
        pools: statuses::<Pool>(session, id)?,
        members: statuses::<Member>(session, id)?,
        health_monitors: statuses::<HealthMonitor>(session, id)?,
        l7_policies: statuses::<L7Policy>(session, id)?,
        l7_rules: statuses::<L7Rule>(session, id)?,
    })
}

/// What changes, if anything does: the statuses before and after.
fn news(
    session: &mut Session<'_>,
    seen: &Seen<'_>,
) -> Result<Option<(OperatingStatuses, OperatingStatuses)>, StoreError> {
    if !is_current(session, seen)? {
        return Ok(None);
    }
    let row = session
        .first("SELECT served_generation FROM load_balancers WHERE id = ?1", &values![seen.id])?;
    let Some(row) = row else { return Ok(None) };
    let served = row.generation(0)?;
    let graph = desired(session, seen.id)?;
    let before = previous(session, seen.id)?;
    let after = roll_up(&graph, served, Some(seen.observation), &before);
    Ok(Some((before, after)))
}

fn note<T: Sealed + evenkeel_model::Resource>(
    session: &mut Session<'_>,
    before: &BTreeMap<T::Id, OperatingStatus>,
    after: &BTreeMap<T::Id, OperatingStatus>,
) -> Result<(), StoreError> {
    for (id, status) in after {
        if before.get(id) != Some(status) {
            set_status::<T>(session, *id, *status)?;
        }
    }
    Ok(())
}

fn set_status<T: Sealed + evenkeel_model::Resource>(
    session: &mut Session<'_>,
    id: T::Id,
    status: OperatingStatus,
) -> Result<(), StoreError> {
    let now = session.moment();
    let sql =
        format!("UPDATE {} SET operating_status = ?2, updated_at = ?3 WHERE id = ?1", T::TABLE);
    session.execute(&sql, &values![id.to_string(), status.word(), now]).map(drop)
}

fn write_statuses(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    before: &OperatingStatuses,
    after: &OperatingStatuses,
) -> Result<(), StoreError> {
    if before.load_balancer != after.load_balancer {
        set_status::<LoadBalancer>(session, id, after.load_balancer)?;
    }
    note::<Listener>(session, &before.listeners, &after.listeners)?;
    note::<Pool>(session, &before.pools, &after.pools)?;
    note::<Member>(session, &before.members, &after.members)?;
    note::<HealthMonitor>(session, &before.health_monitors, &after.health_monitors)?;
    note::<L7Policy>(session, &before.l7_policies, &after.l7_policies)?;
    note::<L7Rule>(session, &before.l7_rules, &after.l7_rules)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Counters are totals and replace those that are there. What is not served any more has its last
/// totals.
fn write_traffic(session: &mut Session<'_>, seen: &Seen<'_>) -> Result<(), StoreError> {
    for (listener, traffic) in &seen.observation.traffic {
        let socket = seen.observation.sockets.get(listener).map(ToString::to_string);
        let there = session.first(
            "SELECT id FROM listeners WHERE id = ?1 AND load_balancer_id = ?2",
            &values![*listener, seen.id],
        )?;
        if there.is_none() {
            continue;
        }
        session.execute(
            "INSERT INTO listener_traffic (listener_id, load_balancer_id, bytes_in, bytes_out, \
             active_connections, total_connections, request_errors, socket) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (listener_id) DO UPDATE SET \
             bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out, \
             active_connections = excluded.active_connections, \
             total_connections = excluded.total_connections, \
             request_errors = excluded.request_errors, socket = excluded.socket",
            &values![
                *listener,
                seen.id,
                number(traffic.bytes_in),
                number(traffic.bytes_out),
                number(traffic.active_connections),
                number(traffic.total_connections),
                number(traffic.request_errors),
                socket
            ],
        )?;
    }
    Ok(())
}

fn traffic(session: &mut Session<'_>, column: &str, id: Value) -> Result<Traffic, StoreError> {
    let sql = format!(
        "SELECT bytes_in, bytes_out, active_connections, total_connections, request_errors \
         FROM listener_traffic WHERE {column} = ?1"
    );
    let mut total = Traffic::default();
    for row in session.query(&sql, &[id])? {
        total = total.plus(Traffic {
            bytes_in: row.count(0)?,
            bytes_out: row.count(1)?,
            active_connections: row.count(2)?,
            total_connections: row.count(3)?,
            request_errors: row.count(4)?,
        });
    }
    Ok(total)
}

impl Store {
    /// Takes in what was seen of a load balancer. Under another epoch, or from another agent than
    /// the one it is placed on, it says nothing.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn observe(
        &self,
        agent: AgentId,
        id: LoadBalancerId,
        epoch: Epoch,
        observation: Observation,
    ) -> Result<(), StoreError> {
        self.write(move |session| {
            let seen = Seen { agent, id, epoch, observation: &observation };
            if let Some((before, after)) = news(session, &seen)? {
                write_statuses(session, id, &before, &after)?;
                write_traffic(session, &seen)?;
            }
            Ok(())
        })
        .await
    }

    /// What passed all listeners of a load balancer.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn traffic(&self, id: LoadBalancerId) -> Result<Traffic, StoreError> {
        self.read(move |session| {
            get::<LoadBalancer>(session, id)?;
            traffic(session, "load_balancer_id", id.into())
        })
        .await
    }

    /// What passed a listener.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn traffic_of(&self, id: ListenerId) -> Result<Traffic, StoreError> {
        self.read(move |session| {
            get::<Listener>(session, id)?;
            traffic(session, "listener_id", id.into())
        })
        .await
    }
}
