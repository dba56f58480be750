//! Which load balancers this node holds: found by the agents and HAProxies that run, or where the
//! operator says.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use evenkeel_agent::{Held, held};
use evenkeel_haproxy::window::{Seen, Window};
use evenkeel_plumbing::running::running;

use super::Node;

/// A load balancer of this node.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) held: Held,
    /// Where its agent keeps what it holds.
    pub(super) state_directory: PathBuf,
}

impl Entry {
    pub(super) fn id(&self) -> String {
        self.held.id.to_string()
    }

    /// Its name, on one line: a tenant may write anything.
    pub(super) fn name(&self) -> String {
        self.held.name.escape_debug().to_string()
    }

    /// The directory of its site.
    ///
    /// # Errors
    ///
    /// It has none.
    pub(super) fn site(&self) -> anyhow::Result<&Path> {
        self.held.site.as_deref().with_context(|| {
            format!(
                "{} has no HAProxy, as it has nothing to serve; it gets one with its first enabled \
                 listener",
                self.held.id
            )
        })
    }

    /// What is to be seen of its HAProxy; nothing if it has no site.
    pub(super) async fn look(&self) -> anyhow::Result<Option<Seen>> {
        match &self.held.site {
            Some(site) => Ok(Some(Window::onto(site).look().await?)),
            None => Ok(None),
        }
    }
}

/// All load balancers, of the agent that is named, or of whatever runs, or of this machine's usual
/// file.
///
/// # Errors
///
/// There is none, or we may not look; the message has the cure.
pub(super) fn entries(node: &Node) -> anyhow::Result<Vec<Entry>> {
    let named = node.named()?;
    let (mut directories, hidden) = match &named {
        Some(state) => (BTreeSet::from([state.clone()]), 0),
        None => state_directories()?,
    };
    if directories.is_empty() && hidden == 0 {
        directories.extend(node.usual()?);
    }
    let mut entries = Vec::new();
    for directory in &directories {
        let found = held(directory).with_context(|| unreadable(directory, named.is_some()))?;
        let entry = |held| Entry { held, state_directory: directory.clone() };
        entries.extend(found.into_iter().map(entry));
    }
    if entries.is_empty() {
        bail!("{}", nothing(&directories, hidden));
    }
    Ok(entries)
}

/// An agent holds the lock of its state directory; a HAProxy works in the jail of a site of one.
pub(crate) fn state_directories() -> io::Result<(BTreeSet<PathBuf>, usize)> {
    let (agents, hidden_agents) = running("evenkeel")?;
    let (haproxies, hidden_haproxies) = running("haproxy")?;
    let locks = agents.into_iter().flat_map(|agent| agent.open);
    let locks = locks.filter(|path| path.ends_with("lock"));
    let sites = haproxies.into_iter().map(|haproxy| haproxy.directory);
    let sites = sites.filter_map(|jail| jail.parent()?.parent().map(Path::to_owned));
    let candidates = locks.chain(sites).filter_map(|path| path.parent().map(Path::to_owned));
    let is_state = |path: &PathBuf| path.join("sites").is_dir() && path.join("ledger").is_dir();
    Ok((candidates.filter(is_state).collect(), hidden_agents + hidden_haproxies))
}

fn unreadable(directory: &Path, named: bool) -> String {
    let shown = directory.display();
    let cure = if named {
        "name the agent's file with --config, or the directory that evenkeel dev was given with \
         --data, as the user who runs it"
    } else {
        "run this as the user who runs evenkeel, or as root"
    };
    format!("cannot read {shown}; {cure}")
}

fn nothing(directories: &BTreeSet<PathBuf>, hidden: usize) -> String {
    if hidden > 0 {
        return format!(
            "{hidden} processes on this node are another user's; run this as the user who runs \
             evenkeel, or as root"
        );
    }
    if directories.is_empty() {
        "no evenkeel and none of its HAProxies runs on this node; start it, or name the agent's \
         file with --config FILE, or with --data DIR where an evenkeel dev kept its data"
            .to_owned()
    } else {
        "there is no load balancer on this node yet; create one with openstack loadbalancer create"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Place;

    #[test]
    fn whoever_finds_nothing_is_told_what_to_do() {
        let some = BTreeSet::from([PathBuf::from("/nowhere/agent")]);
        assert!(nothing(&BTreeSet::new(), 0).contains("--config FILE"));
        assert!(nothing(&some, 0).contains("loadbalancer create"));
        assert!(nothing(&BTreeSet::new(), 2).contains("as root"));
        let place = tempfile::tempdir().unwrap();
        let node = Node { data: Some(place.path().to_owned()), place: Place::default() };
        let said = format!("{:#}", entries(&node).unwrap_err());
        assert!(said.contains("--data") && said.contains("No such file"), "{said}");
    }
}
