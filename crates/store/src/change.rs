//! A change of a graph: its generation is raised, and what it touches is marked with it.
//!
//! Setting a row's `changed_generation` is all that "goes PENDING" means.

use evenkeel_model::status::{Change, ProvisioningStatus};
use evenkeel_model::{
    Generation, Listener, ListenerId, LoadBalancer, LoadBalancerId, PoolId, ProjectId, Resource,
    ResourceKind,
};

use crate::StoreError;
use crate::engine::{Session, Value, values};
use crate::pool::USERS;
use crate::status::PROVISIONING;
use crate::stored::{Sealed, Stored, from, pairs};

/// A load balancer whose graph is being changed in this transaction.
#[derive(Clone, Debug)]
pub struct Opened {
    pub(crate) load_balancer: LoadBalancerId,
    pub(crate) project: ProjectId,
    /// The generation of the graph with the change.
    pub(crate) generation: Generation,
}

/// Where a row stands: what it is part of, and how far its last change has come.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) load_balancer: LoadBalancerId,
    pub(crate) status: ProvisioningStatus,
    pub(crate) change: Change,
}

/// Where a row stands.
pub(crate) fn standing<T: Stored>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<Standing, StoreError> {
    let sql = format!("SELECT l.id, {PROVISIONING}, r.change FROM {} WHERE r.id = ?1", from::<T>());
    let row = session.first(&sql, &[Value::Text(id.to_string())])?;
    let row = row.ok_or_else(|| StoreError::not_found::<T>(id))?;
    Ok(Standing {
        load_balancer: row.parse(0)?,
        status: row.word(1, ProvisioningStatus::from_word)?,
        change: row.word(2, Change::from_word)?,
    })
}

impl Standing {
    /// Whether a change may be made of it, or within it: not when it shall go, and in the strict
    /// way only when it is as it was asked for.
    fn is_open(&self, strict: bool) -> bool {
        match self.change {
            Change::Delete => false,
            Change::Create | Change::Update => {
                !strict || matches!(self.status, ProvisioningStatus::Active)
            }
        }
    }
}

/// Who owns a load balancer, and thereby all that is in it.
pub(crate) fn owner(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<ProjectId, StoreError> {
    let row = session.first("SELECT project_id FROM load_balancers WHERE id = ?1", &values![id])?;
    let row = row.ok_or_else(|| StoreError::not_found::<LoadBalancer>(id))?;
    let project = row.text(0)?;
    ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))
}

/// Begins a change within a load balancer: of something that is part of it.
pub(crate) fn open(session: &mut Session<'_>, id: LoadBalancerId) -> Result<Opened, StoreError> {
    let standing = standing::<LoadBalancer>(session, id)?;
    if !standing.is_open(session.config.strict_immutable) {
        return Err(StoreError::Immutable { what: "Load Balancer", id: id.into() });
    }
    raise(session, id)
}

/// Begins a change of the load balancer itself. `despite_error`: deletion and failover are possible
/// in `ERROR` even in the strict way.
pub(crate) fn open_itself(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    despite_error: bool,
) -> Result<Opened, StoreError> {
    let standing = standing::<LoadBalancer>(session, id)?;
    let forgiven = despite_error && standing.status == ProvisioningStatus::Error;
    if !standing.is_open(session.config.strict_immutable && !forgiven) {
        return Err(StoreError::InvalidState { state: standing.status, id });
    }
    raise(session, id)
}

/// Refuses a change within a parent that shall go, or, in the strict way, is not as it was asked
/// for.
pub(crate) fn check_parent<T: Stored>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<Standing, StoreError> {
    let standing = standing::<T>(session, id)?;
    if standing.is_open(session.config.strict_immutable) {
        Ok(standing)
    } else {
        Err(immutable::<T>(id))
    }
}

/// Refuses a change of something that shall go.
pub(crate) fn check_stays<T: Stored>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<Standing, StoreError> {
    let standing = standing::<T>(session, id)?;
    if standing.is_open(false) { Ok(standing) } else { Err(immutable::<T>(id)) }
}

fn immutable<T: Stored>(id: T::Id) -> StoreError {
    // The contract's name for a policy differs here from that elsewhere (1.9).
    let what = match T::KIND {
        ResourceKind::L7Policy => "L7Policy",
        ResourceKind::LoadBalancer
        | ResourceKind::Listener
        | ResourceKind::Pool
        | ResourceKind::Member
        | ResourceKind::HealthMonitor
        | ResourceKind::L7Rule => T::KIND.title(),
    };
    StoreError::Immutable { what, id: id.into() }
}

/// Raises the generation. What is on its way already is as late as it was; after a failure, time
/// begins anew.
pub(crate) fn raise(session: &mut Session<'_>, id: LoadBalancerId) -> Result<Opened, StoreError> {
    let now = session.moment();
    session.execute(
        "UPDATE load_balancers SET generation = generation + 1, \
         changed_generation = generation + 1, \
         change = CASE WHEN change = 'CREATE' AND changed_generation > served_generation \
             THEN 'CREATE' ELSE 'UPDATE' END, \
         pending_since = CASE WHEN failed_generation < generation \
             THEN COALESCE(pending_since, ?2) ELSE ?2 END, trouble = NULL, updated_at = ?2 \
         WHERE id = ?1",
        &values![id, now],
    )?;
    let project = owner(session, id)?;
    let row = session.first("SELECT generation FROM load_balancers WHERE id = ?1", &values![id])?;
    let row = row.ok_or_else(|| StoreError::not_found::<LoadBalancer>(id))?;
    session.desire_changed = true;
    Ok(Opened { load_balancer: id, project, generation: row.generation(0)? })
}

/// Marks a row as updated in the generation. One that shall go stays so.
pub(crate) fn mark<T: Sealed + Resource>(
    session: &mut Session<'_>,
    id: T::Id,
    opened: &Opened,
) -> Result<(), StoreError> {
    let table = T::TABLE;
    let sql = format!(
        "UPDATE {table} SET changed_generation = ?2, updated_at = ?3, \
         change = CASE WHEN change = 'CREATE' AND changed_generation > \
             (SELECT served_generation FROM load_balancers l WHERE l.id = ?4) \
             THEN 'CREATE' ELSE 'UPDATE' END \
         WHERE id = ?1 AND change <> 'DELETE'"
    );
    let now = session.moment();
    let values = values![id.to_string(), opened.generation, now, opened.load_balancer];
    session.execute(&sql, &values).map(drop)
}

/// Marks a row as one that shall go.
pub(crate) fn mark_deleted<T: Sealed + Resource>(
    session: &mut Session<'_>,
    id: T::Id,
    opened: &Opened,
) -> Result<(), StoreError> {
    let table = T::TABLE;
    let sql = format!(
        "UPDATE {table} SET changed_generation = ?2, updated_at = ?3, change = 'DELETE' \
         WHERE id = ?1"
    );
    let now = session.moment();
    session.execute(&sql, &values![id.to_string(), opened.generation, now]).map(drop)
}

/// The listeners that use a pool (contract 3.6).
pub(crate) fn users_of(
    session: &mut Session<'_>,
    pool: PoolId,
) -> Result<Vec<ListenerId>, StoreError> {
    let found = pairs(session, USERS, std::iter::once(pool.to_string()))?;
    found
        .iter()
        .map(|(_, listener)| {
            listener.parse().map_err(|_| StoreError::corrupt("id", listener.as_str()))
        })
        .collect()
}

/// Marks the listeners that use a pool.
pub(crate) fn mark_users(
    session: &mut Session<'_>,
    pool: PoolId,
    opened: &Opened,
) -> Result<(), StoreError> {
    for listener in users_of(session, pool)? {
        mark::<Listener>(session, listener, opened)?;
    }
    Ok(())
}
