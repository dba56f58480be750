//! All that a load balancer could leave behind on a node.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Switch;
use super::command::run;

/// Where the agent keeps files.
const FILES: [&str; 3] = ["/var/lib/evenkeel", "/run/evenkeel", "/dev/shm"];

/// What is there at one moment, one line for each thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeSet<String>);

impl Snapshot {
    /// What is there now: namespaces, devices, ports of the switch, rules, processes, files.
    ///
    /// # Errors
    ///
    /// Something cannot be looked at.
    pub async fn take(switch: &Switch) -> anyhow::Result<Self> {
        let mut found = BTreeSet::new();
        for line in run("ip -o netns list").await?.lines() {
            found.insert(format!("namespace {}", first(line)));
        }
        for line in run("ip -o link show").await?.lines() {
            let name = line.split(": ").nth(1).and_then(|it| it.split('@').next());
            found.insert(format!("device {}", name.unwrap_or(line)));
        }
        if let Switch::OpenVswitch(switch) = switch {
            found.extend(switch.ports().await?.into_iter().map(|it| format!("port {it}")));
        }
        found.extend(run("nft list tables").await?.lines().map(|it| format!("rules {it}")));
        processes(&mut found)?;
        for directory in FILES {
            files(Path::new(directory), &mut found);
        }
        Ok(Self(found))
    }

    /// What is here and was not in `earlier`.
    pub fn since(&self, earlier: &Self) -> Vec<String> {
        self.0.difference(&earlier.0).cloned().collect()
    }

    /// The same without files: what serves, or could.
    pub fn running_since(&self, earlier: &Self) -> Vec<String> {
        self.since(earlier).into_iter().filter(|it| !it.starts_with("file ")).collect()
    }

    /// The things of one kind, such as `namespace`, whose names begin so.
    pub fn names(&self, kind: &str, prefix: &str) -> Vec<String> {
        let names = self.0.iter().filter_map(|it| it.strip_prefix(kind)?.strip_prefix(' '));
        names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
    }
}

fn first(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// The HAProxies of this machine, by process id: nobody else is in the test's process namespace.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn haproxies() -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        // Who has ended and was not asked for it yet has no command line.
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let program = line.split('\0').next().unwrap_or_default();
        if let Some(pid) = pid
            && program.ends_with("haproxy")
        {
            found.push(pid);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn processes(found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    found.extend(haproxies()?.into_iter().map(|pid| format!("process haproxy {pid}")));
    Ok(())
}

fn files(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|it| it.is_dir());
        // A database has journals, which come and go.
        if !path.to_string_lossy().contains(".db") {
            found.insert(format!("file {}", path.display()));
        }
        if is_directory {
            files(&path, found);
        }
    }
}
