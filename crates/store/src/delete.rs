//! Deleting: a row is marked, left out of the graph, and removed when a graph without it serves.

use evenkeel_model::status::{Change, ProvisioningStatus};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerId, Member, Pool, PoolId,
    ResourceKind,
};

use crate::StoreError;
use crate::change::{mark_deleted, open_itself, standing};
use crate::engine::{Session, values};
use crate::insert::erase;
use crate::material;
use crate::network;
use crate::rules::pool_is_unused;
use crate::stored::get;
use crate::update::Changed;

/// Marks a resource as one that shall go.
pub(crate) fn delete<T: Changed>(session: &mut Session<'_>, id: T::Id) -> Result<(), StoreError> {
    if T::KIND == ResourceKind::LoadBalancer {
        return load_balancer(session, LoadBalancerId::new(id.into()), false);
    }
    let value = get::<T>(session, id)?.value;
    if T::KIND == ResourceKind::Pool {
        pool_is_unused(session, PoolId::new(id.into()))?;
    }
    if standing::<T>(session, id)?.change == Change::Delete && !session.config.strict_immutable {
        // Said twice, it is said once.
        return Ok(());
    }
    let opened = T::open(session, &value)?;
    mark_deleted::<T>(session, id, &opened)
}

/// Marks a load balancer as one that shall go, with all that is in it.
pub(crate) fn load_balancer(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    cascade: bool,
) -> Result<(), StoreError> {
    let standing = standing::<LoadBalancer>(session, id)?;
    if !cascade && has_parts(session, id)? {
        return Err(StoreError::HasChildren(id));
    }
    let is_deletable =
        !session.config.strict_immutable || standing.status == ProvisioningStatus::Error;
    if standing.change == Change::Delete && is_deletable {
        return Ok(());
    }
    let opened = open_itself(session, id, true)?;
    mark_deleted::<LoadBalancer>(session, id, &opened)?;
    let placed = session
        .first("SELECT agent_id FROM placements WHERE load_balancer_id = ?1", &values![id])?;
    if placed.is_none() {
        // No node has anything of it.
        return forget(session, id);
    }
    Ok(())
}

/// Whether a listener or a pool is there that shall not go.
fn has_parts(session: &mut Session<'_>, id: LoadBalancerId) -> Result<bool, StoreError> {
    let part = session.first(
        "SELECT id FROM listeners WHERE load_balancer_id = ?1 AND change <> 'DELETE' \
         UNION ALL SELECT id FROM pools WHERE load_balancer_id = ?1 AND change <> 'DELETE' \
         LIMIT 1",
        &values![id],
    )?;
    Ok(part.is_some())
}

/// Removes all rows of a load balancer, and gives its address back.
pub(crate) fn forget(session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
    let of = "load_balancer_id = ?1";
    let values = values![id];
    erase::<L7Rule>(session, of, &values)?;
    erase::<L7Policy>(session, of, &values)?;
    erase::<Member>(session, of, &values)?;
    erase::<HealthMonitor>(session, of, &values)?;
    erase::<Listener>(session, of, &values)?;
    erase::<Pool>(session, of, &values)?;
    material::tidy(session, id)?;
    session.execute("DELETE FROM listener_traffic WHERE load_balancer_id = ?1", &values)?;
    session.execute("DELETE FROM placements WHERE load_balancer_id = ?1", &values)?;
    erase::<LoadBalancer>(session, of, &values)?;
    network::release(session, id)
}
