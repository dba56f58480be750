//! Placements: which load balancer is on which node. An epoch counts them; older loses.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use evenkeel_model::provider::ProviderName;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{
    AgentId, Epoch, Generation, ListenerId, LoadBalancer, LoadBalancerId, PlacementId, PortId,
    ProjectId, Resource, Timestamp,
};

use crate::change::{open_itself, raise, standing};
use crate::engine::{Row, Session, values};
use crate::status::PROVISIONING;
use crate::stored::from;
use crate::{Store, StoreError};

/// A load balancer that needs a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Which one.
    pub id: LoadBalancerId,
    /// Who shall make it so.
    pub provider: ProviderName,
    /// The number of its placement on an agent that is dead; `None` if it was never placed.
    pub epoch: Option<Epoch>,
}

/// What an agent shall hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Which load balancer.
    pub load_balancer: LoadBalancerId,
    /// The number of its placement there.
    pub epoch: Epoch,
    /// The number of its latest graph.
    pub generation: Generation,
}

/// Where a load balancer is, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// On which agent.
    pub agent: AgentId,
    /// On which node, for people.
    pub host: String,
    /// The number of its placement there.
    pub epoch: Epoch,
    /// The number of its latest graph.
    pub generation: Generation,
    /// The generation that serves.
    pub served: Generation,
    /// Where listeners listen that do not listen at VIP and port.
    pub sockets: BTreeMap<ListenerId, SocketAddr>,
    /// Who owns the load balancer.
    pub project: ProjectId,
    /// How far the load balancer itself has come.
    pub status: ProvisioningStatus,
    /// Its VIP.
    pub address: IpAddr,
    /// The port of its VIP.
    pub port: PortId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl Placement {
    /// Its id, which no other stay of the load balancer has.
    pub fn id(&self) -> PlacementId {
        PlacementId::of(self.load_balancer, self.epoch)
    }

    /// Whether this was an earlier stay of the same load balancer.
    pub fn follows(&self, id: PlacementId) -> bool {
        id.epoch_of(self.load_balancer).is_some_and(|epoch| epoch < self.epoch)
    }
}

fn unplaced(session: &mut Session<'_>) -> Result<Vec<Unplaced>, StoreError> {
    let rows = session.query(
        "SELECT l.id, l.provider, p.epoch FROM load_balancers l \
         LEFT JOIN placements p ON p.load_balancer_id = l.id \
         LEFT JOIN agents a ON a.id = p.agent_id \
         WHERE l.change <> 'DELETE' AND (p.load_balancer_id IS NULL OR a.alive = 0) \
         ORDER BY l.created_at, l.id LIMIT 1000",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            let epoch = row.maybe_int(2).map(|_| row.epoch(2)).transpose()?;
            Ok(Unplaced { id: row.parse(0)?, provider: ProviderName::new(row.text(1)?), epoch })
        })
        .collect()
}

/// Places a load balancer, unless somebody else did so since `expected` was read.
fn place(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    agent: AgentId,
    expected: Option<Epoch>,
) -> Result<bool, StoreError> {
    let now = session.moment();
    let stays = session.first(
        "SELECT id FROM load_balancers WHERE id = ?1 AND change <> 'DELETE'",
        &values![id],
    )?;
    if stays.is_none() {
        return Ok(false);
    }
    let Some(expected) = expected else {
        let placed = session.execute(
            "INSERT INTO placements (load_balancer_id, agent_id, epoch, placed_at) \
             VALUES (?1, ?2, 1, ?3) ON CONFLICT (load_balancer_id) DO NOTHING",
            &values![id, agent, now],
        )?;
        session.desire_changed |= placed > 0;
        return Ok(placed > 0);
    };
    let moved = session.execute(
        "UPDATE placements SET agent_id = ?2, epoch = epoch + 1, placed_at = ?4 \
         WHERE load_balancer_id = ?1 AND epoch = ?3",
        &values![id, agent, expected, now],
    )?;
    if moved > 0 {
        // What the old node served is nobody's business now: until the new one serves, the load
        // balancer is on its way.
        raise(session, id)?;
    }
    Ok(moved > 0)
}

fn failover(session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
    open_itself(session, id, true)?;
    session
        .execute(
            "UPDATE placements SET epoch = epoch + 1 WHERE load_balancer_id = ?1",
            &values![id],
        )
        .map(drop)
}

/// The same for an operator who sees a load balancer fail at its place, and only then.
fn remake(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    seen: PlacementId,
) -> Result<(), StoreError> {
    match standing::<LoadBalancer>(session, id)?.status {
        ProvisioningStatus::Error => failover(session, id),
        ProvisioningStatus::Active
        | ProvisioningStatus::Deleted
        | ProvisioningStatus::PendingCreate
        | ProvisioningStatus::PendingUpdate
        | ProvisioningStatus::PendingDelete => {
            Err(StoreError::Immutable { what: "amphora", id: seen.into() })
        }
    }
}

/// The same for one that serves as it shall, and only then.
fn failover_of_active(session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
    match standing::<LoadBalancer>(session, id)?.status {
        ProvisioningStatus::Active => failover(session, id),
        ProvisioningStatus::Error
        | ProvisioningStatus::Deleted
        | ProvisioningStatus::PendingCreate
        | ProvisioningStatus::PendingUpdate
        | ProvisioningStatus::PendingDelete => {
            Err(StoreError::Immutable { what: LoadBalancer::KIND.title(), id: id.into() })
        }
    }
}

fn read(row: &Row) -> Result<Placement, StoreError> {
    let project = row.text(6)?;
    Ok(Placement {
        load_balancer: row.parse(0)?,
        agent: row.parse(1)?,
        host: row.text(2)?.to_owned(),
        epoch: row.epoch(3)?,
        generation: row.generation(4)?,
        served: row.generation(5)?,
        sockets: BTreeMap::new(),
        project: ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))?,
        status: row.word(7, ProvisioningStatus::from_word)?,
        address: row.parse(8)?,
        port: row.parse(9)?,
        created_at: row.time(10)?,
        updated_at: row.maybe_time(11),
    })
}

fn placements(session: &mut Session<'_>) -> Result<Vec<Placement>, StoreError> {
    let sql = format!(
        "SELECT p.load_balancer_id, p.agent_id, COALESCE(a.host, ''), p.epoch, l.generation, \
         l.served_generation, r.project_id, {PROVISIONING}, r.vip_address, r.vip_port_id, \
         r.created_at, r.updated_at FROM {} JOIN placements p ON p.load_balancer_id = l.id \
         LEFT JOIN agents a ON a.id = p.agent_id ORDER BY l.created_at, l.id",
        from::<LoadBalancer>()
    );
    let rows = session.query(&sql, &[])?;
    let mut placements = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    let rows = session.query(
        "SELECT load_balancer_id, listener_id, socket FROM listener_traffic \
         WHERE socket IS NOT NULL",
        &[],
    )?;
    let mut sockets: BTreeMap<LoadBalancerId, BTreeMap<ListenerId, SocketAddr>> = BTreeMap::new();
    for row in rows {
        sockets.entry(row.parse(0)?).or_default().insert(row.parse(1)?, row.parse(2)?);
    }
    for placement in &mut placements {
        placement.sockets = sockets.remove(&placement.load_balancer).unwrap_or_default();
    }
    Ok(placements)
}

impl Store {
    /// The load balancers that need a node, oldest first: those that have none, and those whose
    /// agent is dead. At most a thousand at once.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn unplaced(&self) -> Result<Vec<Unplaced>, StoreError> {
        self.read(unplaced).await
    }

    /// Places a load balancer on an agent, if its placement is still the one that was `expected`.
    ///
    /// Placed anew, it has another epoch and another generation: the load balancer itself is on its
    /// way until the new node serves, while what is in it keeps the status it had.
    ///
    /// # Errors
    ///
    /// Only the database's. That somebody was faster is no error, but false.
    pub async fn place(
        &self,
        id: LoadBalancerId,
        agent: AgentId,
        expected: Option<Epoch>,
    ) -> Result<bool, StoreError> {
        self.write(move |session| place(session, id, agent, expected)).await
    }

    /// All that an agent shall hold, by id. What is being deleted is not in it.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn index(&self, agent: AgentId) -> Result<Vec<Assignment>, StoreError> {
        self.read(move |session| {
            let rows = session.query(
                "SELECT p.load_balancer_id, p.epoch, l.generation FROM placements p \
                 JOIN load_balancers l ON l.id = p.load_balancer_id \
                 WHERE p.agent_id = ?1 AND l.change <> 'DELETE' ORDER BY p.load_balancer_id",
                &values![agent],
            )?;
            rows.iter()
                .map(|row| {
                    Ok(Assignment {
                        load_balancer: row.parse(0)?,
                        epoch: row.epoch(1)?,
                        generation: row.generation(2)?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Has a load balancer made anew where it is: another epoch, another generation.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InvalidState`].
    pub async fn failover(&self, id: LoadBalancerId) -> Result<(), StoreError> {
        self.write(move |session| failover(session, id)).await
    }

    /// Has a load balancer made anew where it is, if it is in `ERROR` there. `seen` is the
    /// placement that shall go, to name it in a refusal.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Immutable`] if it is not in `ERROR`, as after the
    /// first of two such calls.
    pub async fn remake(&self, id: LoadBalancerId, seen: PlacementId) -> Result<(), StoreError> {
        self.write(move |session| remake(session, id, seen)).await
    }

    /// Has a load balancer made anew where it is, if it is `ACTIVE`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Immutable`] if it is not `ACTIVE`.
    pub async fn failover_of_active(&self, id: LoadBalancerId) -> Result<(), StoreError> {
        self.write(move |session| failover_of_active(session, id)).await
    }

    /// Where all load balancers are, oldest first.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn placements(&self) -> Result<Vec<Placement>, StoreError> {
        self.read(placements).await
    }
}
