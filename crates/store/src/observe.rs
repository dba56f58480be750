//! What was seen on a node, as operating statuses and counters. No generation moves: health is not
//! desire.

mod traffic;

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::observed::{Observation, Traffic};
use evenkeel_model::roll_up::{OperatingStatuses, roll_up};
use evenkeel_model::status::OperatingStatus;
use evenkeel_model::{
    AgentId, Epoch, HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Member, Pool,
};

use crate::engine::{Session, values};
use crate::graph::desired;
use crate::stored::{Sealed, Stored, get};
use crate::{Store, StoreError};
use traffic::Counted;

/// One load balancer as an agent sees it.
struct Seen {
    agent: AgentId,
    id: LoadBalancerId,
    epoch: Epoch,
    observation: Observation,
}

/// The statuses of a load balancer before and after.
struct Reworded {
    before: OperatingStatuses,
    after: OperatingStatuses,
}

/// What an observation changes.
struct News {
    reworded: Reworded,
    counted: BTreeMap<ListenerId, Counted>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.reworded.before == self.reworded.after && self.counted.is_empty()
    }
}

/// What an observation changes; none if it is not of the placement that counts.
fn news(session: &mut Session<'_>, seen: &Seen) -> Result<Option<News>, StoreError> {
    if !is_current(session, seen)? {
        return Ok(None);
    }
    let reworded = reworded(session, seen.id, Some(&seen.observation))?;
    let is_there = |listener| reworded.before.listeners.contains_key(&listener);
    let kept = traffic::kept(session, seen.id)?;
    let counted = traffic::news(&kept, &seen.observation, is_there);
    Ok(Some(News { reworded, counted }).filter(|news| !news.is_empty()))
}

fn is_current(session: &mut Session<'_>, seen: &Seen) -> Result<bool, StoreError> {
    let row = session.first(
        "SELECT p.epoch FROM placements p JOIN load_balancers l ON l.id = p.load_balancer_id \
         WHERE p.load_balancer_id = ?1 AND p.agent_id = ?2",
        &values![seen.id, seen.agent],
    )?;
    row.map_or(Ok(false), |row| Ok(row.epoch(0)? == seen.epoch))
}

/// The statuses of all that stays of a load balancer; what goes keeps its own.
fn reworded(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    observation: Option<&Observation>,
) -> Result<Reworded, StoreError> {
    let row = session
        .first("SELECT served_generation FROM load_balancers WHERE id = ?1", &values![id])?;
    let served = row.ok_or_else(|| StoreError::not_found::<LoadBalancer>(id))?.generation(0)?;
    let graph = desired(session, id)?;
    let before = previous(session, id)?;
    let after = roll_up(&graph, served, observation, &before);
    let before = of_those_in(&after, before);
    Ok(Reworded { before, after })
}

fn previous(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<OperatingStatuses, StoreError> {
    let load_balancer = statuses::<LoadBalancer>(session, id)?.remove(&id);
    Ok(OperatingStatuses {
        load_balancer: load_balancer.unwrap_or(OperatingStatus::Offline),
        listeners: statuses::<Listener>(session, id)?,
        pools: statuses::<Pool>(session, id)?,
        members: statuses::<Member>(session, id)?,
        health_monitors: statuses::<HealthMonitor>(session, id)?,
        l7_policies: statuses::<L7Policy>(session, id)?,
        l7_rules: statuses::<L7Rule>(session, id)?,
    })
}

fn statuses<T: Stored>(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<BTreeMap<T::Id, OperatingStatus>, StoreError> {
    let sql = format!("SELECT id, operating_status FROM {} WHERE load_balancer_id = ?1", T::TABLE);
    let rows = session.query(&sql, &values![id])?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.word(1, OperatingStatus::from_word)?))).collect()
}

/// `before`, without what is not in `after`.
fn of_those_in(after: &OperatingStatuses, mut before: OperatingStatuses) -> OperatingStatuses {
    before.listeners.retain(|id, _| after.listeners.contains_key(id));
    before.pools.retain(|id, _| after.pools.contains_key(id));
    before.members.retain(|id, _| after.members.contains_key(id));
    before.health_monitors.retain(|id, _| after.health_monitors.contains_key(id));
    before.l7_policies.retain(|id, _| after.l7_policies.contains_key(id));
    before.l7_rules.retain(|id, _| after.l7_rules.contains_key(id));
    before
}

impl Reworded {
    fn write(&self, session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
        let Self { before, after } = self;
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

/// Words a load balancer anew after another generation of it serves: what nobody measures, such as
/// a monitor or a load balancer with nothing to serve, is `ONLINE` at the same moment (contract
/// 3.1). What is measured stands until it is seen.
pub(crate) fn reword(session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
    reworded(session, id, None)?.write(session, id)
}

impl Store {
    /// Takes in what was seen of a load balancer. Under another epoch, or from another agent than
    /// the one it is placed on, it says nothing.
    ///
    /// An observation in which nothing is new costs reads only.
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
        let seen = Arc::new(Seen { agent, id, epoch, observation });
        let asked = Arc::clone(&seen);
        let is_news = self.read(move |session| Ok(news(session, &asked)?.is_some())).await?;
        if !is_news {
            return Ok(());
        }
        // Judged again within the transaction: much may have happened since.
        self.write(move |session| {
            if let Some(News { reworded, counted }) = news(session, &seen)? {
                reworded.write(session, seen.id)?;
                for (listener, counted) in counted {
                    traffic::keep(session, seen.id, listener, counted)?;
                }
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
            traffic::sum(session, "load_balancer_id", id.into())
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
            traffic::sum(session, "listener_id", id.into())
        })
        .await
    }
}
