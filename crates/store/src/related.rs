//! The ids of other objects that are shown with an object: one query for a whole page.

use std::collections::BTreeMap;
use std::str::FromStr;

use evenkeel_model::{Record, Resource};

use crate::StoreError;
use crate::engine::Session;
use crate::stored::pairs;

/// Runs `sql`, which gives pairs of one of the records' ids and another id, and puts each of the
/// latter where `put` says. `sql` has `{}` where the records' ids go.
pub(crate) fn attach<T: Resource, I: FromStr>(
    session: &mut Session<'_>,
    records: &mut [Record<T>],
    sql: &str,
    put: impl Fn(&mut T::Related, I),
) -> Result<(), StoreError> {
    let parents: BTreeMap<String, usize> =
        records.iter().enumerate().map(|(at, it)| (it.value.id().to_string(), at)).collect();
    for (parent, child) in pairs(session, sql, parents.keys().cloned())? {
        let id = child.parse().map_err(|_| StoreError::corrupt("id", &child))?;
        if let Some(record) = parents.get(&parent).and_then(|at| records.get_mut(*at)) {
            put(&mut record.related, id);
        }
    }
    Ok(())
}
