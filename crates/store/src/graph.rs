//! One load balancer whole, as an agent receives it.

use evenkeel_model::{AgentId, Epoch, Generation, LoadBalancer, LoadBalancerGraph, LoadBalancerId};

use crate::engine::{Session, values};
use crate::stored::{Stored, get, select};
use crate::{Store, StoreError, material, network};

/// What shall be of a load balancer: what is being deleted is left out.
pub(crate) fn desired(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<LoadBalancerGraph, StoreError> {
    let row = session.first("SELECT generation FROM load_balancers WHERE id = ?1", &values![id])?;
    let row = row.ok_or_else(|| StoreError::not_found::<LoadBalancer>(id))?;
    let pools = staying(session, id)?;
    let stays = |pool| pools.iter().any(|it: &evenkeel_model::Pool| it.id == pool);
    let mut listeners: Vec<evenkeel_model::Listener> = staying(session, id)?;
    for listener in &mut listeners {
        listener.default_pool = listener.default_pool.filter(|pool| stays(*pool));
    }
    let mut l7_policies: Vec<evenkeel_model::L7Policy> = staying(session, id)?;
    l7_policies.sort_by_key(|policy| (policy.listener, policy.position));
    let mut l7_rules: Vec<evenkeel_model::L7Rule> = staying(session, id)?;
    l7_rules.retain(|rule| l7_policies.iter().any(|policy| policy.id == rule.policy));
    let mut graph = LoadBalancerGraph {
        generation: row.generation(0)?,
        load_balancer: get::<LoadBalancer>(session, id)?.value,
        listeners,
        l7_policies,
        l7_rules,
        pools,
        members: staying(session, id)?,
        health_monitors: staying(session, id)?,
        material: Vec::new(),
        attachment: None,
        floating: Vec::new(),
    };
    graph.material = material::of_graph(session, &graph)?;
    network::attach(session, &mut graph)?;
    Ok(graph)
}

/// The parts of a kind that shall be there, oldest first. A part of something that goes, goes too.
fn staying<T: Stored>(session: &mut Session<'_>, id: LoadBalancerId) -> Result<Vec<T>, StoreError> {
    let parent = match T::TABLE {
        "members" | "health_monitors" => Some(("pools", "pool_id")),
        "l7_policies" => Some(("listeners", "listener_id")),
        "l7_rules" => Some(("l7_policies", "l7_policy_id")),
        _ => None,
    };
    let parent = parent.map_or_else(String::new, |(table, column)| {
        format!(
            " AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.id = r.{column} \
                 AND o.change = 'DELETE')"
        )
    });
    let sql = format!(
        "{} WHERE l.id = ?1 AND r.change <> 'DELETE'{parent} ORDER BY r.created_at, r.id",
        select::<T>()
    );
    let rows = session.query(&sql, &values![id])?;
    rows.iter().map(|row| Ok(crate::stored::record::<T>(row)?.value)).collect()
}

impl Store {
    /// The latest graph of a load balancer and the number of its placement on `agent`; without a
    /// graph if it is not, or no longer, placed there. Its material is sealed as it lies in its
    /// table, with the master keys.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn graph(
        &self,
        agent: AgentId,
        id: LoadBalancerId,
    ) -> Result<(Epoch, Option<LoadBalancerGraph>), StoreError> {
        self.read(move |session| {
            let row = session.first(
                "SELECT p.epoch FROM placements p JOIN load_balancers l \
                 ON l.id = p.load_balancer_id \
                 WHERE p.load_balancer_id = ?1 AND p.agent_id = ?2 AND l.change <> 'DELETE'",
                &values![id, agent],
            )?;
            match row {
                Some(row) => Ok((row.epoch(0)?, Some(desired(session, id)?))),
                None => Ok((Epoch::default(), None)),
            }
        })
        .await
    }

    /// The generation of a load balancer's latest graph.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn generation(&self, id: LoadBalancerId) -> Result<Generation, StoreError> {
        self.read(move |session| {
            let sql = "SELECT generation FROM load_balancers WHERE id = ?1";
            let row = session.first(sql, &values![id])?;
            row.ok_or_else(|| StoreError::not_found::<LoadBalancer>(id))?.generation(0)
        })
        .await
    }
}
