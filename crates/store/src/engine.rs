//! Running SQL, whatever the database: a small synchronous face, reads beside each other, writes
//! in groups that share one durable commit.
//!
//! SQL here is written once for both databases. Parameters are `?1`, `?2`, …; booleans are 0 and 1;
//! ids are lower-case text; times are microseconds; lists and maps are JSON.

mod postgres;
mod reader;
mod sqlite;
mod value;
mod writer;

use std::sync::Arc;

use evenkeel_model::{Timestamp, Violation};

use crate::{Backend, StoreConfig, StoreError};

pub(crate) use reader::Readers;
pub(crate) use value::{Row, Value, json, values};
pub(crate) use writer::Writer;

/// A connection to a database. All calls block.
pub(crate) trait Connection: Send {
    /// Runs a statement; gives how many rows it changed.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;
    /// Runs a query.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError>;
    /// Runs statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;
    /// What begins a transaction that writes.
    fn begin(&self) -> &'static str;
    /// What begins a transaction that only reads, and sees one moment.
    fn begin_read(&self) -> &'static str;
    /// What begins a transaction that changes the schema: one at a time, whoever else wants to.
    fn begin_migration(&self) -> &'static str;
    /// Whether it can be used again after an error.
    fn is_alive(&self) -> bool;
}

/// What the operations of a connection share.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    config: StoreConfig,
    /// The last moment that was given to a row.
    last: Timestamp,
}

impl Transaction {
    pub(crate) fn new(config: StoreConfig) -> Self {
        Self { config, last: Timestamp::from_micros(i64::MIN) }
    }

    /// A session for one operation. Its moments come after those of all operations before.
    pub(crate) fn session<'a>(&'a self, connection: &'a mut dyn Connection) -> Session<'a> {
        let now = self.config.clock.now().max(self.last);
        Session { connection, config: &self.config, now, desire_changed: false }
    }

    /// Remembers the last moment of an operation.
    pub(crate) fn pass(&mut self, moment: Timestamp) {
        self.last = self.last.max(moment);
    }
}

/// One operation in a transaction, and what it may know.
pub struct Session<'a> {
    connection: &'a mut dyn Connection,
    /// What the store was opened with.
    pub(crate) config: &'a StoreConfig,
    /// The moment of the transaction; later by a microsecond for each row that is stamped with it.
    now: Timestamp,
    /// Whether what shall be has changed, so that agents must be told.
    pub(crate) desire_changed: bool,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Session<'_> {
    /// A moment for a row: no two of a writer are the same, so that age is an order.
    pub(crate) fn moment(&mut self) -> Timestamp {
        self.now = Timestamp::from_micros(self.now.micros() + 1);
        self.now
    }

    /// Runs a statement; gives how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        refuse_nul(values)?;
        self.connection.execute(sql, values)
    }

    /// Runs a query.
    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        refuse_nul(values)?;
        self.connection.query(sql, values)
    }

    /// The only row of a query, or the first.
    pub(crate) fn first(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }
}

/// PostgreSQL keeps no text with U+0000; both refuse it alike, whoever sends it.
fn refuse_nul(values: &[Value]) -> Result<(), StoreError> {
    let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    if values.iter().any(has_nul) {
        return Err(Violation::rule("A text cannot have the character U+0000.").into());
    }
    Ok(())
}

/// Opens a connection.
pub(crate) type Connect = Arc<dyn Fn() -> Result<Box<dyn Connection>, StoreError> + Send + Sync>;

/// How to connect to the backend of `config`. In memory all connections are the same database.
pub(crate) fn connect(config: &StoreConfig) -> Connect {
    match &config.backend {
        Backend::Sqlite { path } => {
            let path = path.clone();
            Arc::new(move || sqlite::open(&path))
        }
        Backend::Memory => {
            let name = uuid::Uuid::new_v4();
            Arc::new(move || sqlite::open_in_memory(name))
        }
        Backend::Postgres { url } => {
            let url = url.clone();
            Arc::new(move || postgres::open(&url))
        }
    }
}
