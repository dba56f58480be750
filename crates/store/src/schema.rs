//! Bringing a database to the schema of this program, step by step.

use crate::StoreError;
use crate::engine::{Connection, Value};

/// The steps, in their order. One that was released is never changed.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_resources.sql"),
    include_str!("../migrations/0002_node.sql"),
    include_str!("../migrations/0003_offerings.sql"),
    include_str!("../migrations/0004_secrets.sql"),
    include_str!("../migrations/0005_networks.sql"),
    include_str!("../migrations/0006_allowed_projects.sql"),
    include_str!("../migrations/0007_probes.sql"),
];

/// Takes the steps that the database has not taken.
pub(crate) fn migrate(connection: &mut dyn Connection) -> Result<(), StoreError> {
    take(connection, STEPS)
}

fn take(connection: &mut dyn Connection, steps: &[&str]) -> Result<(), StoreError> {
    let begin = connection.begin_migration();
    connection.batch(begin)?;
    connection.batch("CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY)")?;
    let rows = connection.query("SELECT COALESCE(MAX(step), 0) FROM schema_steps", &[])?;
    let taken = rows.first().map_or(Ok(0), |row| row.int(0))?;
    if usize::try_from(taken).is_ok_and(|taken| taken > steps.len()) {
        return Err(StoreError::database(
            "open the database",
            format!("it is at step {taken} of its schema and this program knows {}", steps.len()),
        ));
    }
    for (number, step) in (1_i64..).zip(steps) {
        if number > taken {
            connection.batch(step)?;
            let values = [Value::Int(number)];
            connection.execute("INSERT INTO schema_steps (step) VALUES (?1)", &values)?;
        }
    }
    connection.batch("COMMIT")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use evenkeel_model::address::AddressRules;
    use evenkeel_model::quota::Limits;

    use super::*;
    use crate::{Backend, StoreConfig, SystemClock, engine};

    fn connection() -> Box<dyn Connection> {
        let config = StoreConfig {
            backend: Backend::Memory,
            inline: true,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules::default(),
            clock: Arc::new(SystemClock),
        };
        engine::connect(&config)().unwrap()
    }

    #[test]
    fn what_an_earlier_program_counted_is_kept() {
        let mut connection = connection();
        let connection = connection.as_mut();
        take(connection, &STEPS[..2]).unwrap();
        let row = "INSERT INTO listener_traffic (listener_id, load_balancer_id, bytes_in, \
                   bytes_out, active_connections, total_connections, request_errors) \
                   VALUES ('a', 'b', 1, 2, 3, 4, 5)";
        connection.execute(row, &[]).unwrap();
        migrate(connection).unwrap();
        migrate(connection).unwrap();
        let sql = "SELECT bytes_in, total_connections, bytes_in_before, request_errors_before, \
                   series FROM listener_traffic";
        let rows = connection.query(sql, &[]).unwrap();
        let [Value::Int(1), Value::Int(4), Value::Int(0), Value::Int(0), Value::Null] =
            rows[0].0[..]
        else {
            panic!("{rows:?}");
        };
    }

    #[test]
    fn what_a_later_program_wrote_is_left_alone() {
        let mut connection = connection();
        migrate(connection.as_mut()).unwrap();
        let refused = take(connection.as_mut(), &STEPS[..2]).unwrap_err();
        let source = std::error::Error::source(&refused).unwrap().to_string();
        assert!(source.contains("this program knows 2"), "{source}");
    }
}
