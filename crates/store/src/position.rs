//! The positions of a listener's policies: dense from 1 (contract 3.9).

use evenkeel_model::number::Position;
use evenkeel_model::{L7PolicyId, ListenerId};

use crate::StoreError;
use crate::engine::{Session, values};

/// The policies of a listener but this one, in their order.
fn others(
    session: &mut Session<'_>,
    listener: ListenerId,
    policy: L7PolicyId,
) -> Result<Vec<(L7PolicyId, i64)>, StoreError> {
    let rows = session.query(
        "SELECT id, position FROM l7_policies WHERE listener_id = ?1 AND id <> ?2 \
         ORDER BY position, created_at, id",
        &values![listener, policy],
    )?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.int(1)?))).collect()
}

/// Makes room for a policy at `wanted`, or as near to it as there are policies; gives where it
/// then stands. The others close up around it.
pub(crate) fn make_room(
    session: &mut Session<'_>,
    listener: ListenerId,
    policy: L7PolicyId,
    wanted: Position,
) -> Result<Position, StoreError> {
    let others = others(session, listener, policy)?;
    let last = i64::try_from(others.len()).unwrap_or(i64::MAX).saturating_add(1);
    let place = i64::from(wanted).min(last);
    for (at, (other, position)) in (1_i64..).zip(others) {
        let right = if at < place { at } else { at + 1 };
        if position != right {
            put(session, other, right)?;
        }
    }
    Position::try_from(place).map_err(|_| StoreError::corrupt("position", &place.to_string()))
}

/// Closes the gap that a policy leaves behind.
pub(crate) fn close_up(session: &mut Session<'_>, listener: ListenerId) -> Result<(), StoreError> {
    let rows = session.query(
        "SELECT id, position FROM l7_policies WHERE listener_id = ?1 \
         ORDER BY position, created_at, id",
        &values![listener],
    )?;
    for (at, row) in (1_i64..).zip(rows) {
        if row.int(1)? != at {
            put(session, row.parse(0)?, at)?;
        }
    }
    Ok(())
}

fn put(session: &mut Session<'_>, policy: L7PolicyId, position: i64) -> Result<(), StoreError> {
    let now = session.moment();
    session
        .execute(
            "UPDATE l7_policies SET position = ?2, updated_at = ?3 WHERE id = ?1",
            &values![policy, position, now],
        )
        .map(drop)
}
