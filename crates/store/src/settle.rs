//! An agent's report: what was on its way is there, in error, or gone.

mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_model::status::Change;
use evenkeel_model::{
    AgentId, Epoch, Generation, HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer,
    LoadBalancerId, Member, Pool,
};

use crate::engine::{Row, Session, values};
use crate::insert::erase;
use crate::stored::Sealed;
use crate::{Store, StoreError, delete, material, observe, position};
use verdict::{Standing, Verdict, verdicts};

/// How many load balancers settle in one transaction: a node that comes back with a thousand of
/// them lets other writes in between.
const AT_ONCE: usize = 32;

/// What an agent says it holds of one load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which one.
    pub load_balancer: LoadBalancerId,
    /// The placement under which it is held.
    pub epoch: Epoch,
    /// How far the agent has come.
    pub progress: Progress,
}

/// How far an agent has come with one load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The node is as this generation says.
    Converged(Generation),
    /// The driver will not do this generation.
    Refused {
        /// Which one.
        generation: Generation,
        /// One sentence with the cure.
        reason: String,
    },
    /// It did not work yet.
    Retrying {
        /// The generation that is tried.
        generation: Generation,
        /// One sentence with the cure.
        reason: String,
    },
    /// It is being taken down.
    Leaving,
}

fn read_standing(row: &Row) -> Result<Standing, StoreError> {
    Ok(Standing {
        load_balancer: row.parse(0)?,
        epoch: row.epoch(1)?,
        generation: row.generation(2)?,
        served: row.generation(3)?,
        failed: row.generation(4)?,
        reason: row.maybe_text(5).map(str::to_owned),
        trouble: row.maybe_text(6).map(str::to_owned),
        is_leaving: row.word(7, Change::from_word)? == Change::Delete,
    })
}

fn standings(session: &mut Session<'_>, agent: AgentId) -> Result<Vec<Standing>, StoreError> {
    let rows = session.query(
        "SELECT l.id, p.epoch, l.generation, l.served_generation, l.failed_generation, \
         l.failed_reason, l.trouble, l.change FROM placements p \
         JOIN load_balancers l ON l.id = p.load_balancer_id WHERE p.agent_id = ?1 ORDER BY l.id",
        &values![agent],
    )?;
    rows.iter().map(read_standing).collect()
}

fn judge(
    session: &mut Session<'_>,
    agent: AgentId,
    held: &[Held],
    indexed: &BTreeSet<LoadBalancerId>,
) -> Result<Vec<(LoadBalancerId, Verdict)>, StoreError> {
    Ok(verdicts(&standings(session, agent)?, held, indexed))
}

fn carry_out(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    verdict: &Verdict,
) -> Result<(), StoreError> {
    match verdict {
        Verdict::Serves(generation) => serves(session, id, *generation),
        Verdict::Failed(generation, reason) => session
            .execute(
                "UPDATE load_balancers SET failed_generation = ?2, failed_reason = ?3, \
                 trouble = NULL WHERE id = ?1",
                &values![id, *generation, reason.as_str()],
            )
            .map(drop),
        Verdict::Troubled(reason) => session
            .execute(
                "UPDATE load_balancers SET trouble = ?2 WHERE id = ?1",
                &values![id, reason.as_str()],
            )
            .map(drop),
        Verdict::Gone => delete::forget(session, id),
    }
}

fn serves(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    generation: Generation,
) -> Result<(), StoreError> {
    purge(session, id, generation)?;
    let now = session.moment();
    let tables = [
        LoadBalancer::TABLE,
        Listener::TABLE,
        Pool::TABLE,
        Member::TABLE,
        HealthMonitor::TABLE,
        L7Policy::TABLE,
        L7Rule::TABLE,
    ];
    for table in tables {
        // A new status is a change that its owner sees (contract 1.5).
        let sql = format!(
            "UPDATE {table} SET updated_at = ?3 WHERE load_balancer_id = ?1 \
             AND changed_generation <= ?2 AND changed_generation > \
                 (SELECT l.served_generation FROM load_balancers l WHERE l.id = ?1)"
        );
        session.execute(&sql, &values![id, generation, now])?;
    }
    // What is still on its way has its time from now on: the node comes along.
    session.execute(
        "UPDATE load_balancers SET served_generation = ?2, \
         trouble = CASE WHEN generation <= ?2 THEN NULL ELSE trouble END, \
         pending_since = CASE WHEN generation <= ?2 THEN NULL ELSE CAST(?3 AS BIGINT) END \
         WHERE id = ?1",
        &values![id, generation, now],
    )?;
    observe::reword(session, id)
}

/// Removes what was to go in a generation that serves, and what is part of it.
fn purge(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    generation: Generation,
) -> Result<(), StoreError> {
    let gone = "load_balancer_id = ?1 AND change = 'DELETE' AND changed_generation <= ?2";
    let values = values![id, generation];
    let with = |column: &str, table: &str| {
        format!("load_balancer_id = ?1 AND {column} IN (SELECT id FROM {table} WHERE {gone})")
    };
    let of_gone_listeners = format!(
        "load_balancer_id = ?1 AND l7_policy_id IN (SELECT id FROM l7_policies WHERE {})",
        with("listener_id", "listeners")
    );
    erase::<L7Rule>(session, &of_gone_listeners, &values)?;
    erase::<L7Rule>(session, &with("l7_policy_id", "l7_policies"), &values)?;
    erase::<L7Rule>(session, gone, &values)?;
    erase::<L7Policy>(session, &with("listener_id", "listeners"), &values)?;
    close_up(session, id, generation, gone)?;
    erase::<Member>(session, &with("pool_id", "pools"), &values)?;
    erase::<Member>(session, gone, &values)?;
    erase::<HealthMonitor>(session, &with("pool_id", "pools"), &values)?;
    erase::<HealthMonitor>(session, gone, &values)?;
    session.execute(
        &format!("DELETE FROM listener_traffic WHERE {}", with("listener_id", "listeners")),
        &values,
    )?;
    erase::<Listener>(session, gone, &values)?;
    session.execute(
        &format!(
            "UPDATE listeners SET default_pool_id = NULL WHERE {}",
            with("default_pool_id", "pools")
        ),
        &values,
    )?;
    erase::<Pool>(session, gone, &values)?;
    material::tidy(session, id)
}

/// Removes policies, and closes the gaps that they leave.
fn close_up(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    generation: Generation,
    gone: &str,
) -> Result<(), StoreError> {
    let sql = format!("SELECT DISTINCT listener_id FROM l7_policies WHERE {gone}");
    let listeners = session.query(&sql, &values![id, generation])?;
    erase::<L7Policy>(session, gone, &values![id, generation])?;
    for row in listeners {
        position::close_up(session, row.parse(0)?)?;
    }
    Ok(())
}

impl Store {
    /// Takes in what an agent holds. `indexed` are the load balancers that were in the index which
    /// the agent answers: what shall go, was not in it and is not held is gone.
    ///
    /// A report in which nothing is new costs one read.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn settle(
        &self,
        agent: AgentId,
        held: Vec<Held>,
        indexed: BTreeSet<LoadBalancerId>,
    ) -> Result<(), StoreError> {
        let report = Arc::new((held, indexed));
        let asked = Arc::clone(&report);
        let news = self.read(move |session| judge(session, agent, &asked.0, &asked.1)).await?;
        for part in news.chunks(AT_ONCE) {
            let ids: BTreeSet<LoadBalancerId> = part.iter().map(|(id, _)| *id).collect();
            let report = Arc::clone(&report);
            // Judged again within the transaction: much may have happened since.
            self.write(move |session| {
                let verdicts = judge(session, agent, &report.0, &report.1)?;
                for (id, verdict) in verdicts.iter().filter(|(id, _)| ids.contains(id)) {
                    carry_out(session, *id, verdict)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
