//! What is seen, for people and for programs.

use evenkeel_haproxy::window::Seen;
use evenkeel_model::Generation;
use serde_json::{Value, json};

use super::node::Entry;

/// All load balancers, a line each.
pub(super) fn of_all(rows: &[(&Entry, Option<Seen>)]) -> String {
    let heading = ["ID", "NAME", "PID", "GENERATION", "STATE"].map(str::to_owned);
    let mut lines = vec![heading];
    for (entry, seen) in rows {
        let pid = seen.as_ref().and_then(|seen| seen.process);
        let generation = seen.as_ref().and_then(|seen| seen.generation);
        let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        lines.push([
            entry.id(),
            entry.name(),
            number(pid.map(|pid| pid.to_string())),
            number(generation.map(|generation| generation.to_string())),
            state(seen.as_ref()).to_owned(),
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or_default()).collect();
    let shown = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// One load balancer, a line for each thing to be known.
pub(super) fn of_one(entry: &Entry, seen: Option<&Seen>) -> String {
    let mut lines = vec![
        ("load balancer", format!("{}  {}", entry.id(), entry.name()).trim_end().to_owned()),
        ("state", state(seen).to_owned()),
    ];
    if let Some(seen) = seen {
        let process = seen.process.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        lines.push(("process", process));
        let finishing = seen.finishing.iter().map(u32::to_string).collect::<Vec<_>>();
        if !finishing.is_empty() {
            lines.push(("finishing", finishing.join(" ")));
        }
        let generation = seen.generation.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
        lines.push(("generation", generation));
        lines.push(("configuration", seen.configuration.display().to_string()));
        lines.push(("admin socket", seen.admin_socket.display().to_string()));
        lines.push(("stats socket", seen.stats_socket.display().to_string()));
    }
    lines.push(("agent", entry.state_directory.display().to_string()));
    let shown = lines.iter().map(|(what, value)| format!("{what:<15}{value}"));
    shown.collect::<Vec<_>>().join("\n")
}

/// One load balancer as JSON.
pub(super) fn object(entry: &Entry, seen: Option<&Seen>) -> Value {
    json!({
        "id": entry.id(),
        "name": entry.held.name,
        "state": state(seen),
        "process": seen.and_then(|seen| seen.process),
        "finishing": seen.map(|seen| seen.finishing.clone()).unwrap_or_default(),
        "generation": seen.and_then(|seen| seen.generation).map(Generation::get),
        "configuration": seen.map(|seen| seen.configuration.display().to_string()),
        "admin_socket": seen.map(|seen| seen.admin_socket.display().to_string()),
        "stats_socket": seen.map(|seen| seen.stats_socket.display().to_string()),
        "agent": entry.state_directory.display().to_string(),
    })
}

fn state(seen: Option<&Seen>) -> &'static str {
    match seen {
        None => "nothing to serve",
        Some(Seen { process: None, .. }) => "not running",
        Some(Seen { generation: None, .. }) => "running, does not answer",
        Some(_) => "serving",
    }
}
