//! SQLite, for one process: a file with a write-ahead log, synced at every commit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection as Sqlite, ErrorCode, OpenFlags, params_from_iter};
use uuid::Uuid;

use super::{Connection, Row, Value};
use crate::StoreError;

/// How long a connection waits for another to let go of the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// What every connection is set to. FULL syncs at each commit: an answer is given only after it.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16000;
";

pub(super) fn open(path: &Path) -> Result<Box<dyn Connection>, StoreError> {
    connected(Sqlite::open(path))
}

/// A database that lives as long as a connection to it does.
pub(super) fn open_in_memory(name: Uuid) -> Result<Box<dyn Connection>, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let uri = format!("file:/{name}?vfs=memdb");
    connected(Sqlite::open_with_flags(uri, flags))
}

fn connected(opened: rusqlite::Result<Sqlite>) -> Result<Box<dyn Connection>, StoreError> {
    let prepare = || -> rusqlite::Result<Sqlite> {
        let connection = opened?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(SETTINGS)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    let connection = prepare().map_err(|error| classify(error, "open the database"))?;
    // Asked, and not believed: without it an acknowledged write could be lost.
    let synchronous: i64 = connection
        .query_row("PRAGMA synchronous", [], |row| row.get(0))
        .map_err(|error| classify(error, "read the settings of the database"))?;
    if synchronous != 2 {
        return Err(StoreError::corrupt("setting that survives a power cut", "synchronous"));
    }
    Ok(Box::new(SqliteConnection(connection)))
}

struct SqliteConnection(Sqlite);

impl Connection for SqliteConnection {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let run = || {
            let mut statement = self.0.prepare_cached(sql)?;
            statement.execute(params_from_iter(values))
        };
        run().map(|count| count as u64).map_err(|error| classify(error, sql))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let run = || {
            let mut statement = self.0.prepare_cached(sql)?;
            let columns = statement.column_count();
            let rows = statement.query_map(params_from_iter(values), |row| {
                let read = |at| row.get_ref(at).map(value);
                (0..columns).map(read).collect::<rusqlite::Result<Vec<_>>>().map(Row)
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| classify(error, sql))
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.0.execute_batch(sql).map_err(|error| classify(error, sql))
    }

    fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn begin_read(&self) -> &'static str {
        "BEGIN"
    }

    fn begin_migration(&self) -> &'static str {
        self.begin()
    }

    fn is_alive(&self) -> bool {
        true
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No column of ours has a fraction.
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers only")]
        ValueRef::Real(number) => Value::Int(number as i64),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, Value as Owned};
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Owned::Null),
            Self::Int(number) => ToSqlOutput::Owned(Owned::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn classify(error: rusqlite::Error, attempt: &str) -> StoreError {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let whole = error.sqlite_error().map(|error| (error.code, error.extended_code));
    match whole {
        Some((ErrorCode::DiskFull | ErrorCode::SystemIoFailure, _)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the disk takes no more");
            StoreError::Full
        }
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => StoreError::Busy,
        Some((_, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)) => StoreError::Duplicate,
        Some(_) | None => {
            StoreError::Database { attempt: attempt.to_owned(), source: Arc::new(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Box<dyn Connection> {
        open_in_memory(Uuid::from_u128(1)).unwrap()
    }

    #[test]
    fn a_full_disk_is_told_from_a_broken_database() {
        let mut connection = memory();
        connection.batch("CREATE TABLE t (a TEXT); PRAGMA max_page_count = 8").unwrap();
        let long = [Value::Text("x".repeat(100_000))];
        let outcome = connection.execute("INSERT INTO t VALUES (?1)", &long);
        assert!(matches!(outcome, Err(StoreError::Full)), "{outcome:?}");
        let outcome = connection.execute("INSERT INTO nowhere VALUES (?1)", &long);
        assert!(matches!(outcome, Err(StoreError::Database { .. })), "{outcome:?}");
    }

    #[test]
    fn only_a_key_that_is_there_twice_is_a_duplicate() {
        let mut connection = memory();
        connection.batch("CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL)").unwrap();
        let insert = "INSERT INTO t VALUES (?1)";
        connection.execute(insert, &["x".into()]).unwrap();
        let twice = connection.execute(insert, &["x".into()]);
        assert!(matches!(twice, Err(StoreError::Duplicate)), "{twice:?}");
        let nothing = connection.execute(insert, &[Value::Null]);
        assert!(matches!(nothing, Err(StoreError::Database { .. })), "{nothing:?}");
    }
}
