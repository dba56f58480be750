//! Open vSwitch's database, asked and changed by JSON-RPC over its Unix socket (RFC 7047).

mod connection;
mod failure;
pub mod notation;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::change::change;
use connection::Connection;
pub use failure::OvsdbError;

/// Where the database listens, if its operator did not say otherwise.
pub const SOCKET: &str = "/run/openvswitch/db.sock";

const DATABASE: &str = "Open_vSwitch";

/// How long the switch may take to do what its database says. Userspace switches need a fifth of a
/// second for a port.
const APPLY: Duration = Duration::from_secs(5);

/// The database of the switch of a node.
///
/// Each transaction has a connection of its own: on a Unix socket it costs next to nothing, and
/// nothing has to be found again when the database was restarted.
#[derive(Clone, Debug)]
pub struct Ovsdb {
    socket: PathBuf,
}

/// What the switch made of a change.
#[derive(Debug)]
pub struct Applied {
    /// What each operation gave.
    pub results: Vec<Value>,
    /// Whether the switch has done it already; it has not if it does not run, or is slow.
    pub by_switch: bool,
}

impl Ovsdb {
    /// The database that listens at `socket`. Nothing is asked yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Where the database listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What each of the operations gives; none of them changes anything.
    ///
    /// # Errors
    ///
    /// See [`OvsdbError`].
    pub async fn ask(&self, operations: &[Value]) -> Result<Vec<Value>, OvsdbError> {
        Connection::open(&self.socket).await?.transact(operations).await
    }

    /// Does all of the operations or none, as one of the [changes](crate::change) to the node that
    /// are counted, and waits until the switch has done what they say.
    ///
    /// # Errors
    ///
    /// See [`OvsdbError`]; what was sent may have been done nevertheless.
    pub async fn change(&self, what: &str, operations: &[Value]) -> Result<Applied, OvsdbError> {
        let mut connection = Connection::open(&self.socket).await?;
        let columns = json!({ "Open_vSwitch": { "columns": ["cur_cfg"] } });
        connection.call("monitor", json!([DATABASE, "cfg", columns])).await?;
        change(what).map_err(OvsdbError::NotTried)?;
        let mut all = operations.to_vec();
        all.push(json!({ "op": "mutate", "table": "Open_vSwitch", "where": [],
            "mutations": [["next_cfg", "+=", 1]] }));
        all.push(json!({ "op": "select", "table": "Open_vSwitch", "where": [],
            "columns": ["next_cfg"] }));
        let mut results = connection.transact(&all).await?;
        let wanted = results.last().and_then(|it| it.pointer("/rows/0/next_cfg")?.as_i64());
        let wanted = wanted.ok_or_else(|| OvsdbError::Garbled("no next_cfg".to_owned()))?;
        results.truncate(operations.len());
        let deadline = Instant::now() + APPLY;
        match timeout_at(deadline, until_applied(&mut connection, wanted)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => Ok(Applied { results, by_switch: true }),
            Err(_) => Ok(Applied { results, by_switch: false }),
        }
    }

    /// Follows columns of tables: `{"table": {"columns": […]}}`.
    ///
    /// # Errors
    ///
    /// See [`OvsdbError`].
    pub async fn follow(&self, tables: Value) -> Result<Following, OvsdbError> {
        let mut connection = Connection::open(&self.socket).await?;
        connection.call("monitor", json!([DATABASE, "follow", tables])).await?;
        Ok(Following(connection))
    }
}

/// A connection on which the database tells what changes.
#[derive(Debug)]
pub struct Following(Connection);

impl Following {
    /// What changed next: `{"table": {"row": {"old": …, "new": …}}}`. Waits for ever if nothing
    /// does and the database lives. It may be dropped and called again.
    ///
    /// # Errors
    ///
    /// See [`OvsdbError`]; the connection is of no use any more.
    pub async fn next(&mut self) -> Result<Value, OvsdbError> {
        self.0.update().await
    }
}

/// Returns when the switch has done what was wanted by the change of this number.
async fn until_applied(connection: &mut Connection, wanted: i64) -> Result<(), OvsdbError> {
    loop {
        let update = connection.update().await?;
        let rows = update.get("Open_vSwitch").and_then(Value::as_object);
        let mut done = rows.into_iter().flat_map(|rows| rows.values());
        if done.any(|row| row.pointer("/new/cur_cfg").and_then(Value::as_i64) >= Some(wanted)) {
            return Ok(());
        }
    }
}
