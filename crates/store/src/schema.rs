//! Bringing a database to the schema of this program, step by step.

use crate::StoreError;
use crate::engine::{Connection, Value};

/// The steps, in their order. One that was released is never changed.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_resources.sql"),
    include_str!("../migrations/0002_node.sql"),
    include_str!("../migrations/0003_offerings.sql"),
    include_str!("../migrations/0004_secrets.sql"),
];

/// Takes the steps that the database has not taken.
pub(crate) fn migrate(connection: &mut dyn Connection) -> Result<(), StoreError> {
    let begin = connection.begin_migration();
    connection.batch(begin)?;
    connection.batch("CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY)")?;
    let rows = connection.query("SELECT COALESCE(MAX(step), 0) FROM schema_steps", &[])?;
    let taken = rows.first().map_or(Ok(0), |row| row.int(0))?;
    if usize::try_from(taken).is_ok_and(|taken| taken > STEPS.len()) {
        return Err(StoreError::database(
            "open the database",
            format!("it is at step {taken} of its schema and this program knows {}", STEPS.len()),
        ));
    }
    for (number, step) in (1_i64..).zip(STEPS) {
        if number > taken {
            connection.batch(step)?;
            let values = [Value::Int(number)];
            connection.execute("INSERT INTO schema_steps (step) VALUES (?1)", &values)?;
        }
    }
    connection.batch("COMMIT")
}
