//! Nothing is on its way for ever: what is late is in error, and goes on being tried.

use std::time::Duration;

use evenkeel_model::{Generation, LoadBalancerId};

use crate::engine::{Row, Session, values};
use crate::{Store, StoreError, delete};

/// What is said of a change that is late without a reason.
const LATE: &str = "The change is not served yet, and its node does not say why; it is still \
                    tried. The operator looks at the log of the agent.";

/// What is said when there is nobody to serve it.
const NOBODY: &str = "No agent can take the load balancer; the operator starts one that offers \
                      its provider, or makes room on those there are.";

/// What is said when its agent is not heard.
const SILENT: &str = "The agent that holds the load balancer is not heard, and no other can take \
                      it; the operator starts one of them.";

/// A load balancer that is late.
struct Late {
    id: LoadBalancerId,
    generation: Generation,
    trouble: Option<String>,
    is_leaving: bool,
    is_placed: bool,
    is_heard: bool,
}

fn read(row: &Row) -> Result<Late, StoreError> {
    Ok(Late {
        id: row.parse(0)?,
        generation: row.generation(1)?,
        trouble: row.maybe_text(2).map(str::to_owned),
        is_leaving: row.text(3)? == "DELETE",
        is_placed: row.maybe_text(4).is_some(),
        is_heard: row.maybe_int(5) == Some(1),
    })
}

fn late(session: &mut Session<'_>, older_than: Duration) -> Result<Vec<Late>, StoreError> {
    let age = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
    let since = session.moment().micros().saturating_sub(age);
    let rows = session.query(
        "SELECT l.id, l.generation, l.trouble, l.change, p.agent_id, a.alive \
         FROM load_balancers l LEFT JOIN placements p ON p.load_balancer_id = l.id \
         LEFT JOIN agents a ON a.id = p.agent_id \
         WHERE l.pending_since <= ?1 AND l.generation > l.served_generation \
         AND (l.generation > l.failed_generation OR (l.change = 'DELETE' AND a.alive = 0)) \
         ORDER BY l.id",
        &values![since],
    )?;
    rows.iter().map(read).collect()
}

fn expire(session: &mut Session<'_>, late: &Late) -> Result<(), StoreError> {
    if late.is_leaving && !late.is_heard {
        // Its node is gone. If it comes back, its index does not name the load balancer, and it
        // takes it down by itself.
        return delete::forget(session, late.id);
    }
    let reason = match (&late.trouble, late.is_placed, late.is_heard) {
        (_, false, _) => NOBODY,
        (_, true, false) => SILENT,
        (Some(trouble), true, true) => trouble,
        (None, true, true) => LATE,
    };
    session
        .execute(
            "UPDATE load_balancers SET failed_generation = ?2, failed_reason = ?3 WHERE id = ?1",
            &values![late.id, late.generation, reason],
        )
        .map(drop)
}

impl Store {
    /// Turns what has been on its way for longer than this into an error with its reason. It turns
    /// into what was asked for by itself, when it is served.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn expire_pending(&self, older_than: Duration) -> Result<(), StoreError> {
        let found = self.read(move |session| Ok(!late(session, older_than)?.is_empty())).await?;
        if !found {
            return Ok(());
        }
        self.write(move |session| {
            for late in late(session, older_than)? {
                expire(session, &late)?;
            }
            Ok(())
        })
        .await
    }
}
