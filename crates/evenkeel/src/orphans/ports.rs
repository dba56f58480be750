//! Ports of Open vSwitch that carry our mark.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use evenkeel_model::LoadBalancerId;
use evenkeel_plumbing::ovsdb::Ovsdb;
use evenkeel_plumbing::ovsdb::notation::{rows, words};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::found::{Found, Thing, Whose};

/// What the mark of a port is called.
const OWNER: &str = "evenkeel";

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ports of the switch whose database listens at `socket`; none if there is no such socket.
pub(super) async fn ports(socket: &Path) -> anyhow::Result<Vec<Found>> {
    if !socket.exists() {
        return Ok(Vec::new());
    }
    let database = Ovsdb::new(socket);
    let select = [json!({ "op": "select", "table": "Port", "where": [],
        "columns": ["_uuid", "name", "external_ids"] })];
    let results = timeout(PATIENCE, database.ask(&select)).await.context("no answer in time")??;
    Ok(rows(results.first()).iter().filter_map(port).collect())
}

fn port(row: &Value) -> Option<Found> {
    let owner: LoadBalancerId = words(&row["external_ids"]).remove(OWNER)?.parse().ok()?;
    let name = row["name"].as_str()?.to_owned();
    let thing = Thing::Port { name, row: row["_uuid"].clone() };
    Some(Found { thing, whose: Whose::LoadBalancer(owner) })
}

/// Removes a port from whichever bridge it is on; the row ends with that.
pub(super) async fn remove(socket: &Path, row: &Value) -> anyhow::Result<()> {
    let delete = json!({ "op": "mutate", "table": "Bridge", "where": [["ports", "includes", row]],
        "mutations": [["ports", "delete", row]] });
    Ovsdb::new(socket).change("delete port", &[delete]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_ours_by_its_mark() {
        let id = "83f82fcf-d141-4774-87a0-ace79196bc88";
        let row = |words: Value| json!({ "_uuid": ["uuid", "1"], "name": "tap1", "external_ids": ["map", words] });
        let found = port(&row(json!([["evenkeel", id], ["iface-id", "x"]]))).unwrap();
        assert_eq!(found.whose, Whose::LoadBalancer(id.parse().unwrap()));
        assert_eq!(found.thing.name(), "tap1");
        assert_eq!(port(&row(json!([["iface-id", id]]))), None);
        assert_eq!(port(&row(json!([["evenkeel", "no id"]]))), None);
    }
}
