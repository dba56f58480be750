//! How a resource lies in its table, and is read back as a record.

use std::fmt::Write;

use evenkeel_model::status::{OperatingStatus, ProvisioningStatus};
use evenkeel_model::text::Tags;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerId, Member, Pool,
    ProjectId, Record, Resource,
};

use crate::StoreError;
use crate::column::{COMMON, Column};
use crate::engine::{Row, Session, Value};
use crate::status::{PROVISIONING, REASON};

/// How many columns of a select come before a resource's own.
const SHARED: usize = 10;

/// A resource that the store keeps.
pub trait Stored: Resource + Sealed {
    /// What lists of it can be narrowed and sorted by, besides what all have.
    const COLUMNS: &'static [Column];
}

/// How a resource lies in its table.
pub trait Sealed: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Its columns besides those that all tables have.
    const OWN: &'static [&'static str];

    /// What stands in those columns, in their order.
    fn values(&self) -> Vec<Value>;
    /// Reads them back. `row` is whole; [`Own`] knows where they begin.
    fn read(own: &Own<'_>) -> Result<Self, StoreError>;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Looks up the ids of other objects that are shown with these.
    fn relate(session: &mut Session<'_>, records: &mut [Record<Self>]) -> Result<(), StoreError>
    where
        Self: Resource;
}

/// A row whose own columns are being read.
#[derive(Debug)]
pub struct Own<'a> {
    pub(crate) row: &'a Row,
    pub(crate) load_balancer: LoadBalancerId,
    pub(crate) tags: Tags,
}

impl Own<'_> {
    /// The id.
    pub(crate) fn id<T: std::str::FromStr>(&self) -> Result<T, StoreError> {
        self.row.parse(0)
    }

    /// Where the own column number `at` is in the row.
    pub(crate) const fn at(at: usize) -> usize {
        SHARED + at
    }
}

/// All columns of a resource.
pub(crate) fn columns<T: Stored>() -> impl Iterator<Item = &'static Column> {
    COMMON.iter().chain(T::COLUMNS)
}

/// `FROM` with row `r` and its load balancer `l`.
pub(crate) fn from<T: Sealed>() -> String {
    format!("{} r JOIN load_balancers l ON l.id = r.load_balancer_id", T::TABLE)
}

/// `SELECT` of all that a record needs.
pub(crate) fn select<T: Sealed>() -> String {
    let mut sql = format!(
        "SELECT r.id, l.id, r.project_id, r.created_at, r.updated_at, {PROVISIONING}, \
         r.operating_status, {REASON}, r.tags, r.change"
    );
    for column in T::OWN {
        let _ = write!(sql, ", r.{column}");
    }
    let _ = write!(sql, " FROM {}", from::<T>());
    sql
}

/// Reads one row of [`select`], without what is related.
pub(crate) fn record<T: Stored>(row: &Row) -> Result<Record<T>, StoreError> {
    let load_balancer = row.parse(1)?;
    let own = Own { row, load_balancer, tags: row.json(8)? };
    let project = row.text(2)?;
    Ok(Record {
        value: T::read(&own)?,
        load_balancer,
        project: ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))?,
        created_at: row.time(3)?,
        updated_at: row.maybe_time(4),
        provisioning_status: row.word(5, ProvisioningStatus::from_word)?,
        operating_status: row.word(6, OperatingStatus::from_word)?,
        status_reason: row.maybe_text(7).map(str::to_owned),
        related: T::Related::default(),
    })
}

/// The records of a query that begins with [`select`].
pub(crate) fn records<T: Stored>(
    session: &mut Session<'_>,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Record<T>>, StoreError> {
    let rows = session.query(sql, values)?;
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    T::relate(session, &mut records)?;
    Ok(records)
}

/// The record with this id.
pub(crate) fn get<T: Stored>(
    session: &mut Session<'_>,
    id: T::Id,
) -> Result<Record<T>, StoreError> {
    let sql = format!("{} WHERE r.id = ?1", select::<T>());
    let found = records(session, &sql, &[Value::Text(id.to_string())])?;
    found.into_iter().next().ok_or_else(|| StoreError::not_found::<T>(id))
}

/// The records of one load balancer, oldest first.
pub(crate) fn of_load_balancer<T: Stored>(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
) -> Result<Vec<Record<T>>, StoreError> {
    let sql = format!("{} WHERE l.id = ?1 ORDER BY r.created_at, r.id", select::<T>());
    records(session, &sql, &[load_balancer.into()])
}

/// How many parents one query looks up: what a database takes as parameters has an end.
const PARENTS: usize = 512;

/// Pairs of texts that belong to any of `parents`: `SELECT parent, child … WHERE parent IN (…)`.
/// `sql` has `{}` wherever the list goes.
pub(crate) fn pairs(
    session: &mut Session<'_>,
    sql: &str,
    parents: impl Iterator<Item = String>,
) -> Result<Vec<(String, String)>, StoreError> {
    let parents: Vec<Value> = parents.map(Value::Text).collect();
    let mut pairs = Vec::new();
    for some in parents.chunks(PARENTS) {
        let mut values = some.to_vec();
        // Few lengths are few statements, which a connection keeps. The last one said again finds
        // nothing new.
        if let Some(last) = some.last() {
            values.resize(some.len().next_power_of_two(), last.clone());
        }
        let marks: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
        for row in session.query(&sql.replace("{}", &marks.join(", ")), &values)? {
            pairs.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
    }
    Ok(pairs)
}

macro_rules! stored {
    ($($resource:ty),+) => {$(
        impl Stored for $resource {
            const COLUMNS: &'static [Column] = Self::LISTED;
        }
    )+};
}

/// What lists of a resource can be narrowed and sorted by.
pub(crate) trait Listed {
    const LISTED: &'static [Column];
}

stored!(LoadBalancer, Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule);
