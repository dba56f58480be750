//! Open vSwitch: its database, the process that forwards, and Neutron's agent.

use evenkeel_plumbing::ovsdb::Ovsdb;
use evenkeel_plumbing::ovsdb::notation::{rows, word};
use evenkeel_plumbing::running::running;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::programs::is_running;
use super::{PATIENCE, answers, of};
use crate::doctor::facts::{Bridge, Switch};
use crate::wanted::WantedSwitch;

pub(super) async fn look(wanted: &WantedSwitch) -> Switch {
    Switch {
        database: wanted.database.clone(),
        reachable: of(answers(&wanted.database).await),
        forwards: forwards(),
        bridge: wanted.bridge.clone(),
        found: bridge(wanted).await,
        by_neutron: wanted.by_neutron,
        neutron_runs: is_running("neutron-openvswitch-agent"),
    }
}

/// What the database says of the bridge; nothing if it does not answer.
async fn bridge(wanted: &WantedSwitch) -> Option<Bridge> {
    let select =
        [json!({ "op": "select", "table": "Bridge", "columns": ["datapath_type", "fail_mode"],
        "where": [["name", "==", wanted.bridge]] })];
    let database = Ovsdb::new(&wanted.database);
    let results = timeout(PATIENCE, database.ask(&select)).await.ok()?.ok()?;
    let text = |row: &Value, column: &str| word(&row[column]).unwrap_or_default().to_owned();
    let found = |row: &Value| Bridge {
        exists: true,
        datapath: text(row, "datapath_type"),
        fail_mode: text(row, "fail_mode"),
    };
    Some(rows(results.first()).first().map(found).unwrap_or_default())
}

/// Whether the daemon runs: by its name, wherever its files are, in a container too. A file with
/// its number may be an earlier life's.
fn forwards() -> bool {
    running("ovs-vswitchd").is_ok_and(|(found, hidden)| found.len() + hidden > 0)
}
