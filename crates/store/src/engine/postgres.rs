//! PostgreSQL, which many control planes may share: every transaction is serializable.

use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, Config, NoTls, Statement};
use std::collections::HashMap;
use std::error::Error;

use super::{Connection, Row, Value};
use crate::StoreError;

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 512;

/// No statement may take longer; a lock is waited for as long.
const SETTINGS: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '30s';
    SET client_min_messages = warning;
";

pub(super) fn open(url: &str) -> Result<Box<dyn Connection>, StoreError> {
    let mut config: Config = url.parse().map_err(|error| classify(&error, "read the address"))?;
    config.connect_timeout(PATIENCE);
    // A server that vanished without a word is noticed, so that no wait is for ever.
    config.tcp_user_timeout(PATIENCE * 2);
    config.keepalives_idle(PATIENCE);
    config.keepalives_interval(Duration::from_secs(2));
    config.keepalives_retries(3);
    config.application_name("evenkeel");
    let mut client = config.connect(NoTls).map_err(|error| {
        tracing::warn!(error = &error as &dyn Error, "PostgreSQL does not answer");
        StoreError::Busy
    })?;
    client.batch_execute(SETTINGS).map_err(|error| classify(&error, "set the session"))?;
    Ok(Box::new(PostgresConnection { client: Some(client), statements: HashMap::new() }))
}

struct PostgresConnection {
    /// `None` only while it is dropped.
    client: Option<Client>,
    statements: HashMap<String, Statement>,
}

impl Drop for PostgresConnection {
    /// A client waits for its end, which must not happen on a thread of the runtime.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            std::thread::spawn(move || drop(client));
        }
    }
}

impl PostgresConnection {
    fn client(&mut self) -> Result<&mut Client, StoreError> {
        self.client.as_mut().ok_or(StoreError::Busy)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let prepared = self.client()?.prepare(&sql.replace('?', "$"));
        let statement = prepared.map_err(|error| classify(&error, sql))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl Connection for PostgresConnection {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql)?;
        let done = self.client()?.execute(&statement, &parameters(values));
        done.map_err(|error| classify(&error, sql))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql)?;
        let rows = self.client()?.query(&statement, &parameters(values));
        let rows = rows.map_err(|error| classify(&error, sql))?;
        rows.iter()
            .map(|row| {
                let read = |at| row.try_get::<_, Value>(at);
                (0..row.len()).map(read).collect::<Result<Vec<_>, _>>().map(Row)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| classify(&error, sql))
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client()?.batch_execute(sql).map_err(|error| classify(&error, sql))
    }

    fn begin(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL SERIALIZABLE"
    }

    fn begin_read(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    }

    fn begin_migration(&self) -> &'static str {
        "BEGIN; SELECT pg_advisory_xact_lock(7021915)"
    }

    fn is_alive(&self) -> bool {
        self.client.as_ref().is_some_and(|client| !client.is_closed())
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Int(number) => number.to_sql(&Type::INT8, out),
            Self::Text(text) => text.as_str().to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if *ty == Type::INT8 {
            i64::from_sql(ty, raw).map(Self::Int)
        } else if *ty == Type::INT4 {
            i32::from_sql(ty, raw).map(|number| Self::Int(i64::from(number)))
        } else if *ty == Type::BOOL {
            bool::from_sql(ty, raw).map(|truth| Self::Int(i64::from(truth)))
        } else {
            <&str>::from_sql(ty, raw).map(|text| Self::Text(text.to_owned()))
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn classify(error: &postgres::Error, attempt: &str) -> StoreError {
    // Conflicts, locks, shut-downs and lost connections pass; the transaction is run again.
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    match error.code() {
        Some(code) if *code == SqlState::DISK_FULL => StoreError::Full,
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => StoreError::Duplicate,
        Some(code) if passing.contains(code) => StoreError::Busy,
        None => StoreError::Busy,
        Some(_) => {
            let why = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            StoreError::database(attempt, why)
        }
    }
}
