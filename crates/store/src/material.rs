//! Key material beside the listeners and pools that use it, sealed, and written in the transaction
//! that changes them.

use std::fmt;
use std::sync::Arc;

use evenkeel_model::tls::{MaterialId, MaterialKind, Sealed, SealedMaterial, Slot, TlsOwner};
use evenkeel_model::{
    Listener, ListenerId, LoadBalancerGraph, LoadBalancerId, Pool, PoolId, ProjectId, Violation,
};

use crate::engine::{Row, Session, Value, values};
use crate::{Store, StoreError};

/// How many rows are sealed anew in one transaction: other writes come in between.
const AT_ONCE: i64 = 64;

/// How long all that one load balancer has may be when it is sealed, in bytes: more than a thousand
/// certificates with their chains. The whole of it goes to the node with every change.
const LONGEST: u64 = 16 * 1024 * 1024;

const COLUMNS: &str = "id, owner_kind, owner_id, kind, reference, project_id, sealed";

/// What material a change brings along: given what its owner uses from now on, and what it has
/// already, what is put beside that or in its place. Asked within the transaction, perhaps again, so
/// that nothing is sealed with a key that was replaced meanwhile.
#[derive(Clone, Default)]
pub struct Furnish(Option<Arc<Furnishing>>);

type Furnishing =
    dyn Fn(&[Slot], &[SealedMaterial]) -> Result<Vec<SealedMaterial>, Violation> + Send + Sync;

impl Furnish {
    /// What `furnish` says.
    pub fn with(
        furnish: impl Fn(&[Slot], &[SealedMaterial]) -> Result<Vec<SealedMaterial>, Violation>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Some(Arc::new(furnish)))
    }

    fn of(
        &self,
        slots: &[Slot],
        there: &[SealedMaterial],
    ) -> Result<Vec<SealedMaterial>, Violation> {
        self.0.as_ref().map_or_else(|| Ok(Vec::new()), |furnish| furnish(slots, there))
    }
}

impl fmt::Debug for Furnish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Furnish(something)" } else { "Furnish(nothing)" })
    }
}

/// A listener or pool with the material that it brings along.
#[derive(Clone, Debug)]
pub struct Furnished<T> {
    /// What uses it.
    pub value: T,
    /// The material.
    pub furnish: Furnish,
}

impl From<Listener> for Furnished<Listener> {
    fn from(value: Listener) -> Self {
        Self { value, furnish: Furnish::default() }
    }
}

impl From<Pool> for Furnished<Pool> {
    fn from(value: Pool) -> Self {
        Self { value, furnish: Furnish::default() }
    }
}

/// Keeps the material of `owner`, a new or changed part of a load balancer that uses `slots`: what
/// it brings along comes, what it does not use any more goes.
pub(crate) fn keep(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    owner: TlsOwner,
    slots: &[Slot],
    furnish: &Furnish,
) -> Result<(), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tls_material WHERE owner_id = ?1 ORDER BY id");
    let there = read_all(session, &sql, &values![owner.uuid()])?;
    let new = furnish.of(slots, &there)?;
    put(session, load_balancer, slots, &new)?;
    for gone in there.iter().filter(|it| !slots.contains(&it.slot)) {
        session.execute("DELETE FROM tls_material WHERE id = ?1", &values![gone.id.uuid()])?;
    }
    check_length(session, load_balancer, &new)
}

/// Keeps the material of a whole load balancer that is new.
pub(crate) fn keep_new(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    slots: &[Slot],
    furnish: &Furnish,
) -> Result<(), StoreError> {
    let new = furnish.of(slots, &[])?;
    put(session, load_balancer, slots, &new)?;
    check_length(session, load_balancer, &new)
}

fn check_length(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    new: &[SealedMaterial],
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let sql = "SELECT COALESCE(SUM(LENGTH(sealed)), 0) FROM tls_material \
               WHERE load_balancer_id = ?1";
    let length = session.first(sql, &values![load_balancer])?.map_or(Ok(0), |row| row.count(0))?;
    if length <= LONGEST {
        return Ok(());
    }
    let text = "The certificates, keys and lists of one load balancer take more than 16 MiB when \
                they are sealed. Use another load balancer for some of them.";
    Err(Violation::rule(text).into())
}

fn put(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    slots: &[Slot],
    new: &[SealedMaterial],
) -> Result<(), StoreError> {
    for material in new.iter().filter(|it| slots.contains(&it.slot)) {
        let Slot { owner, kind, reference } = &material.slot;
        session.execute(
            "DELETE FROM tls_material WHERE owner_id = ?1 AND kind = ?2 AND reference = ?3",
            &values![owner.uuid(), kind.word(), reference.as_str()],
        )?;
        session.execute(
            &format!(
                "INSERT INTO tls_material ({COLUMNS}, load_balancer_id) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            &values![
                material.id.uuid(),
                owner_kind(*owner),
                owner.uuid(),
                kind.word(),
                reference.as_str(),
                &material.project,
                material.sealed.as_str(),
                load_balancer,
            ],
        )?;
    }
    Ok(())
}

/// The material of a load balancer that its graph uses, sealed as it lies in its table.
pub(crate) fn of_graph(
    session: &mut Session<'_>,
    graph: &LoadBalancerGraph,
) -> Result<Vec<SealedMaterial>, StoreError> {
    let listeners = graph.listeners.iter().flat_map(|it| it.tls.slots(it.id));
    let pools = graph.pools.iter().flat_map(|it| it.tls.slots(it.id));
    let slots: Vec<Slot> = listeners.chain(pools).collect();
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM tls_material WHERE load_balancer_id = ?1 \
         ORDER BY owner_id, kind, reference"
    );
    let mut all = read_all(session, &sql, &values![graph.load_balancer.id])?;
    all.retain(|it| slots.contains(&it.slot));
    Ok(all)
}

/// Removes what has lost its listener or pool.
pub(crate) fn tidy(session: &mut Session<'_>, id: LoadBalancerId) -> Result<(), StoreError> {
    session
        .execute(
            "DELETE FROM tls_material WHERE load_balancer_id = ?1 \
             AND owner_id NOT IN (SELECT id FROM listeners WHERE load_balancer_id = ?1) \
             AND owner_id NOT IN (SELECT id FROM pools WHERE load_balancer_id = ?1)",
            &values![id],
        )
        .map(drop)
}

fn owner_kind(owner: TlsOwner) -> &'static str {
    match owner {
        TlsOwner::Listener(_) => "LISTENER",
        TlsOwner::Pool(_) => "POOL",
    }
}

fn read_all(
    session: &mut Session<'_>,
    sql: &str,
    values: &[Value],
) -> Result<Vec<SealedMaterial>, StoreError> {
    session.query(sql, values)?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<SealedMaterial, StoreError> {
    let owner = match row.text(1)? {
        "LISTENER" => TlsOwner::Listener(row.parse::<ListenerId>(2)?),
        "POOL" => TlsOwner::Pool(row.parse::<PoolId>(2)?),
        other => return Err(StoreError::corrupt("owner", other)),
    };
    let project = row.text(5)?;
    Ok(SealedMaterial {
        slot: Slot { owner, kind: row.word(3, MaterialKind::from_word)?, reference: row.made(4)? },
        project: ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))?,
        id: row.parse::<MaterialId>(0)?,
        sealed: Sealed::new(row.text(6)?.to_owned()),
    })
}

impl Store {
    /// What a listener or pool has, sealed as it lies in its table.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn material_of(&self, owner: TlsOwner) -> Result<Vec<SealedMaterial>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tls_material WHERE owner_id = ?1 ORDER BY id");
        self.read(move |session| read_all(session, &sql, &values![owner.uuid()])).await
    }

    /// Seals some of the material anew: the next few after `after`, as `anew` says, which leaves
    /// what it gives nothing for. The last of them; nothing once there are no more.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn reseal_material(
        &self,
        after: Option<MaterialId>,
        anew: impl Fn(&SealedMaterial) -> Option<Sealed> + Send + Sync + 'static,
    ) -> Result<Option<MaterialId>, StoreError> {
        self.write(move |session| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let sql = format!(
                "SELECT {COLUMNS} FROM tls_material WHERE id > ?1 ORDER BY id LIMIT {AT_ONCE}"
            );
            let some = read_all(session, &sql, &values![after])?;
            for material in &some {
                if let Some(sealed) = anew(material) {
                    session.execute(
                        "UPDATE tls_material SET sealed = ?2 WHERE id = ?1",
                        &values![material.id.uuid(), sealed.as_str()],
                    )?;
                }
            }
            Ok(some.last().map(|it| it.id))
        })
        .await
    }

    /// Notes why what shall be of a load balancer cannot be told to the agent that has it. Shown
    /// once it is late.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn troubled(&self, id: LoadBalancerId, reason: &str) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        let known = reason.clone();
        let is_known = self
            .read(move |session| {
                let sql = "SELECT id FROM load_balancers WHERE id = ?1 AND \
                    (generation <= served_generation OR trouble = ?2 OR failed_reason = ?2)";
                Ok(session.first(sql, &values![id, known.as_str()])?.is_some())
            })
            .await?;
        if is_known {
            return Ok(());
        }
        self.write(move |session| {
            let sql = "UPDATE load_balancers SET trouble = ?2 WHERE id = ?1";
            session.execute(sql, &values![id, reason.as_str()]).map(drop)
        })
        .await
    }
}
