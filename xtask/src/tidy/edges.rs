//! Who may import whom: two towers on one foundation.

use anyhow::Context;
use serde_json::Value;

use super::Breach;
use crate::shell::Run;

/// What each crate may import of ours. A new arrow is a new word here, and that is the point.
const ROOMS: &[(&str, &[&str])] = &[
    // The foundation.
    ("model", &[]),
    ("vault", &["model"]),
    ("wire", &["model", "vault"]),
    // The control tower.
    ("api", &["model"]),
    ("store", &["model"]),
    ("facade", &["model", "store", "vault"]),
    ("control", &["api", "facade", "model", "store", "vault", "wire"]),
    // The node tower.
    ("plumbing", &["model"]),
    ("driver", &["model", "plumbing", "vault"]),
    ("plug", &["driver", "model", "plumbing"]),
    ("haproxy", &["driver", "model", "plumbing", "vault"]),
    ("agent", &["driver", "haproxy", "model", "plumbing", "vault", "wire"]),
    // Those who see both.
    ("evenkeel", EVERYTHING),
    ("e2e", EVERYTHING),
    // Those who see neither.
    ("xtask", &[]),
];

const EVERYTHING: &[&str] = &[
    "agent", "api", "control", "driver", "evenkeel", "facade", "haproxy", "model", "plug",
    "plumbing", "store", "vault", "wire",
];

/// Crates of others, and the only rooms of ours in which they may be found.
const GUESTS: &[(&[&str], &[&str], &str)] = &[
    (
        &["rusqlite", "postgres", "tokio-postgres", "sqlx", "diesel"],
        &["store"],
        "SQL is spoken in the store only",
    ),
    (
        // The lab sends signals and reads processes as a stranger would.
        &["nix", "rustix", "rtnetlink", "libc", "caps", "netlink-packet-route"],
        &["plumbing", "e2e"],
        "the operating system is asked through plumbing only",
    ),
    (&["tonic", "tonic-prost", "prost"], &["wire"], "what carries messages is known to wire only"),
    (&["axum", "tower-http"], &["control", "facade"], "HTTP is served by control and facade only"),
    (
        &["reqwest", "ureq", "isahc", "curl", "awc"],
        &["api"],
        "the client of our API is in api; nothing here is a client of another service yet",
    ),
    (
        &["aws-lc-rs", "cbc", "des", "rc2", "ring", "rustls", "x509-parser"],
        &["vault"],
        "cryptography is in the vault only",
    ),
    (&["anyhow"], &["evenkeel", "e2e", "xtask"], "a library's errors are typed: use thiserror"),
    (
        &["tokio", "async-trait", "futures", "tracing", "rand"],
        &[
            "agent", "control", "driver", "e2e", "evenkeel", "facade", "haproxy", "plug",
            "plumbing", "store", "wire",
        ],
        "model and api do nothing but say what is true: no IO, no async, no chance",
    ),
];

/// A crate of ours and what it is built with, tests apart.
#[derive(Debug)]
pub(crate) struct Package {
    name: String,
    dependencies: Vec<String>,
}

/// The crates of the workspace.
pub(crate) fn packages() -> anyhow::Result<Vec<Package>> {
    let json =
        Run::cargo("metadata").args(["--no-deps", "--format-version", "1", "--quiet"]).read()?;
    let metadata: Value = serde_json::from_str(&json)?;
    read(&metadata).context("cargo metadata has changed its form")
}

fn read(metadata: &Value) -> Option<Vec<Package>> {
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array()?;
        Some(Package {
            name: room(package["name"].as_str()?).to_owned(),
            dependencies: dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
                .collect::<Option<_>>()?,
        })
    };
    metadata["packages"].as_array()?.iter().map(package).collect()
}

/// The short name by which a crate of ours goes; others keep theirs.
fn room(name: &str) -> &str {
    name.strip_prefix("evenkeel-").unwrap_or(name)
}

/// Every arrow that is not in the tables.
pub(crate) fn check(packages: &[Package]) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = packages.iter().flat_map(check_package).collect();
    let gone = |name: &str| !packages.iter().any(|package| package.name == name);
    let listed_in_vain = ROOMS.iter().filter(|(name, _)| gone(name));
    breaches.extend(listed_in_vain.map(|(name, _)| {
        Breach::new("xtask/src/tidy/edges.rs", format!("there is no crate `{name}`"))
    }));
    breaches
}

fn check_package(package: &Package) -> Vec<Breach> {
    let place = format!("crate {}", package.name);
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == package.name) else {
        let says = "not in the table of xtask/src/tidy/edges.rs: does it earn its wall?";
        return vec![Breach::new(place, says)];
    };
    let mut breaches = Vec::new();
    for dependency in &package.dependencies {
        let ours = room(dependency);
        let is_ours =
            dependency.starts_with("evenkeel") || ROOMS.iter().any(|(name, _)| name == dependency);
        if is_ours && !allowed.contains(&ours) {
            let says = format!("may not import `{ours}`: the table is in xtask/src/tidy/edges.rs");
            breaches.push(Breach::new(&place, says));
        }
        let unwelcome = GUESTS.iter().filter(|(guests, hosts, _)| {
            guests.contains(&dependency.as_str()) && !hosts.contains(&package.name.as_str())
        });
        breaches.extend(
            unwelcome.map(|(_, _, why)| {
                Breach::new(&place, format!("may not use `{dependency}`: {why}"))
            }),
        );
    }
    breaches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn breaches(name: &str, dependencies: &[&str]) -> Vec<String> {
        let package = Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        };
        check_package(&package).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_of_the_table_pass() {
        assert!(breaches("control", &["evenkeel-store", "axum", "serde"]).is_empty());
        assert!(breaches("e2e", &["evenkeel-agent", "evenkeel-control"]).is_empty());
    }

    #[test]
    fn the_towers_cannot_see_each_other() {
        assert_eq!(breaches("agent", &["evenkeel-store"]).len(), 1);
        assert_eq!(breaches("control", &["evenkeel-driver"]).len(), 1);
        assert_eq!(breaches("model", &["evenkeel-wire"]).len(), 1);
        assert_eq!(breaches("control", &["evenkeel"]).len(), 1);
        assert_eq!(breaches("evenkeel", &["evenkeel-e2e"]).len(), 1);
    }

    #[test]
    fn every_guest_has_its_rooms() {
        assert_eq!(breaches("control", &["rusqlite"]).len(), 1);
        assert_eq!(breaches("agent", &["nix"]).len(), 1);
        assert_eq!(breaches("agent", &["axum"]).len(), 1);
        assert_eq!(breaches("control", &["reqwest"]).len(), 1);
        assert_eq!(breaches("store", &["anyhow"]).len(), 1);
        assert_eq!(breaches("model", &["tokio"]).len(), 1);
    }

    #[test]
    fn a_new_crate_asks_for_its_line() {
        assert_eq!(breaches("telemetry", &[]).len(), 1);
    }

    #[test]
    fn a_line_without_a_crate_is_struck_out() {
        assert_eq!(check(&[]).len(), ROOMS.len());
    }

    #[test]
    fn dependencies_of_tests_do_not_count() {
        let metadata = json!({"packages": [{"name": "evenkeel-model", "dependencies": [
            {"name": "serde", "kind": null},
            {"name": "evenkeel-store", "kind": "dev"},
            {"name": "rusqlite", "kind": "build"},
        ]}]});
        let packages = read(&metadata).expect("the form is right");
        assert_eq!(packages[0].name, "model");
        assert_eq!(packages[0].dependencies, ["serde", "rusqlite"]);
    }
}
