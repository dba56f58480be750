//! Open vSwitch: its database, the process that forwards, and Neutron's agent.

use std::fs;
use std::path::Path;

use evenkeel_plumbing::Identity;
use evenkeel_plumbing::ovsdb::Ovsdb;
use evenkeel_plumbing::ovsdb::notation::{rows, word};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PATIENCE, answers, of};
use crate::doctor::facts::{Bridge, Switch};
use crate::wanted::WantedSwitch;

pub(super) async fn look(wanted: &WantedSwitch) -> Switch {
    Switch {
        database: wanted.database.clone(),
        reachable: of(answers(&wanted.database).await),
        forwards: forwards(&wanted.database),
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

/// The daemon notes its number beside the database's socket.
fn forwards(database: &Path) -> bool {
    let path = database.with_file_name("ovs-vswitchd.pid");
    let number = fs::read_to_string(path).ok().and_then(|it| it.trim().parse().ok());
    number.and_then(Identity::of).is_some()
}

/// Whether a program of this name runs, even if an interpreter does the work.
fn is_running(name: &str) -> bool {
    let is_it = |line: Vec<u8>| {
        let words = line.split(|byte| *byte == 0).take(3);
        words.into_iter().any(|word| word.ends_with(name.as_bytes()))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok()).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_found_by_its_number() {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("db.sock");
        assert!(!forwards(&database));
        fs::write(place.path().join("ovs-vswitchd.pid"), format!("{}\n", std::process::id()))
            .unwrap();
        assert!(forwards(&database));
    }

    #[test]
    fn programs_are_found_by_how_they_were_started() {
        let own = std::env::current_exe().unwrap();
        assert!(is_running(own.file_name().unwrap().to_str().unwrap()));
        assert!(!is_running("no program has this name"));
    }
}
