//! What is on this node, by asking everything that can hold something of a load balancer.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use evenkeel_agent::held;
use evenkeel_model::LoadBalancerId;
use evenkeel_plug::names;
use evenkeel_plumbing::namespace::{DIRECTORY, LOOPBACK};
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::running::running;
use evenkeel_plumbing::{Identity, Namespaces, Netlink};

use super::found::{Found, Thing, Whose};
use super::ports::ports;
use crate::wanted::Wanted;

/// What the names of namespaces begin with that carry floating addresses. Neutron's routers are
/// called so as well.
const ROUTER: &str = "qrouter-";

/// Everything there is, whoever holds it.
pub(super) async fn everything(wanted: &Wanted) -> anyhow::Result<Vec<Found>> {
    let mut found = processes(&wanted.state.join("sites")).context("look at processes")?;
    found.extend(namespaces().context("look at namespaces; run this as root")?);
    found.extend(ports(wanted.database()).await.context("ask Open vSwitch")?);
    found.extend(devices().context("look at devices")?);
    let inside = |path: &Path, thing: fn(PathBuf) -> Thing| {
        entries(path, thing).with_context(|| format!("look into {}", path.display()))
    };
    found.extend(inside(&wanted.secrets, Thing::Secrets)?);
    found.extend(sites(&wanted.state));
    found.extend(inside(&wanted.logs, Thing::Log)?);
    Ok(found)
}

/// The load balancers that the ledgers of `states` hold.
///
/// # Errors
///
/// One of them is no state directory, or another user's.
pub(super) fn held_by(states: &BTreeSet<PathBuf>) -> anyhow::Result<BTreeSet<LoadBalancerId>> {
    let mut all = BTreeSet::new();
    for state in states {
        let found = held(state).with_context(|| format!("read the ledger in {}", state.display()));
        all.extend(found?.into_iter().filter(|it| it.recorded).map(|it| it.id));
    }
    Ok(all)
}

/// HAProxies that work in a directory of a site, whether that is still there or not.
fn processes(sites: &Path) -> io::Result<Vec<Found>> {
    let (all, _) = running("haproxy")?;
    let found = all.into_iter().filter_map(|process| {
        let site = process.directory.strip_prefix(sites).ok()?.components().next()?;
        let id = id_in(site.as_os_str().to_str()?)?;
        let thing = Thing::Process(Identity::of(process.pid)?);
        Some(Found { thing, whose: Whose::LoadBalancer(id) })
    });
    Ok(found.collect())
}

fn namespaces() -> io::Result<Vec<Found>> {
    let all = Namespaces::new(DIRECTORY);
    let mut found = Vec::new();
    for prefix in [names::NAMESPACE, ROUTER] {
        for (name, mark) in all.list(prefix)? {
            let whose = whose(name.strip_prefix(prefix), mark.as_deref());
            // Neutron's routers are nothing to wonder about.
            if whose != Whose::Strangers || prefix != ROUTER {
                let mark = mark.unwrap_or_default();
                found.push(Found { thing: Thing::Namespace { name, mark }, whose });
            }
        }
    }
    Ok(found)
}

/// A namespace is of the load balancer that name and mark agree on.
fn whose(named: Option<&str>, mark: Option<&str>) -> Whose {
    let id = named.and_then(|id| id.parse::<LoadBalancerId>().ok());
    match (id, mark) {
        (Some(_), None) => Whose::Nobodys,
        (Some(id), Some(mark)) if mark == names::mark(id) => Whose::LoadBalancer(id),
        (_, _) => Whose::Strangers,
    }
}

/// Devices that carry our mark: outer ends of pairs, and bridges that have no port.
fn devices() -> io::Result<Vec<Found>> {
    let links = Netlink::open()?.links()?;
    let is_used = |index| links.iter().any(|it| it.bridge == Some(index));
    let device = |link: &Link| {
        if !names::is_mark(&link.alias) || link.name == LOOPBACK {
            return None;
        }
        let name = link.name.clone();
        if link.is_bridge {
            let unused = Found { thing: Thing::Bridge(name), whose: Whose::Nobodys };
            return (!is_used(link.index)).then_some(unused);
        }
        let id = link.alias.split_once(':')?.1.parse().ok()?;
        Some(Found { thing: Thing::Tap(name), whose: Whose::LoadBalancer(id) })
    };
    Ok(links.iter().filter_map(device).collect())
}

/// Sites that carry the agent's mark.
fn sites(state: &Path) -> Vec<Found> {
    let all = held(state).unwrap_or_default().into_iter();
    let found = all.filter_map(|it| {
        Some(Found { thing: Thing::Site(it.site?), whose: Whose::LoadBalancer(it.id) })
    });
    found.collect()
}

/// Files and directories whose names begin with the id of a load balancer.
fn entries(directory: &Path, thing: fn(PathBuf) -> Thing) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let found = entries.flatten().filter_map(|entry| {
        let id = id_in(entry.file_name().to_str()?)?;
        Some(Found { thing: thing(entry.path()), whose: Whose::LoadBalancer(id) })
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by_key(|it| it.thing.name());
    Ok(found)
}

/// The id that a name begins with: `<id>`, `<id>.log`, `<id>.log.1`.
fn id_in(name: &str) -> Option<LoadBalancerId> {
    let (id, rest) = name.split_at_checked(36)?;
    (rest.is_empty() || rest.starts_with('.')).then(|| id.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "83f82fcf-d141-4774-87a0-ace79196bc88";

    #[test]
    fn files_are_known_by_the_id_they_begin_with() {
        assert_eq!(id_in(ID), ID.parse().ok());
        assert_eq!(id_in(&format!("{ID}.log.1")), ID.parse().ok());
        assert_eq!(id_in(&format!("{ID}x")), None);
        assert_eq!(id_in("haproxy.log"), None);
    }

    #[test]
    fn a_namespace_is_ours_by_its_mark_and_not_by_its_name() {
        let id: LoadBalancerId = ID.parse().unwrap();
        let mark = names::mark(id);
        assert_eq!(whose(Some(ID), Some(&mark)), Whose::LoadBalancer(id));
        assert_eq!(whose(Some(ID), Some("")), Whose::Strangers);
        assert_eq!(whose(Some(ID), None), Whose::Nobodys);
        assert_eq!(whose(Some("other"), Some(&mark)), Whose::Strangers);
    }
}
