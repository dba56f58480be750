//! What every crate's manifest leaves to the workspace: versions and lints.

use std::fs;

use anyhow::Context;
use toml::{Table, Value};

use super::Breach;
use crate::shell::root;

/// Checks the manifest of each crate.
pub(crate) fn check_all() -> anyhow::Result<Vec<Breach>> {
    let mut manifests = vec!["xtask/Cargo.toml".to_owned()];
    for entry in fs::read_dir(root().join("crates")).context("cannot read crates/")? {
        let name = entry?.file_name();
        manifests.push(format!("crates/{}/Cargo.toml", name.to_string_lossy()));
    }
    manifests.sort();
    let mut breaches = Vec::new();
    for path in manifests {
        let text = fs::read_to_string(root().join(&path))
            .with_context(|| format!("cannot read {path}"))?;
        let manifest: Table = text.parse().with_context(|| format!("cannot understand {path}"))?;
        breaches.extend(check(&path, &manifest));
    }
    Ok(breaches)
}

fn check(path: &str, manifest: &Table) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !manifest.get("lints").is_some_and(from_workspace) {
        let says = "takes its lints from the workspace: [lints] workspace = true";
        breaches.push(Breach::new(path, says));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get(section).and_then(Value::as_table) else {
            continue;
        };
        let own = dependencies.iter().filter(|(_, value)| !from_workspace(value));
        breaches.extend(own.map(|(name, _)| {
            let says =
                format!("`{name}` has its version in the root, once: {name}.workspace = true");
            Breach::new(path, says)
        }));
    }
    breaches
}

fn from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(manifest: &str) -> usize {
        check("Cargo.toml", &manifest.parse().expect("it is TOML")).len()
    }

    #[test]
    fn the_workspace_decides() {
        assert_eq!(
            breaches(
                "lints.workspace = true\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"c\"] }"
            ),
            0
        );
    }

    #[test]
    fn own_lints_and_versions_are_found() {
        assert_eq!(breaches("[dependencies]\na.workspace = true"), 1);
        assert_eq!(breaches("lints.workspace = true\n[dependencies]\na = \"1\""), 1);
        assert_eq!(
            breaches("lints.workspace = true\n[dev-dependencies]\na = { path = \"../a\" }"),
            1
        );
    }
}
