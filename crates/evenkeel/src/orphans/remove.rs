//! Removing orphans.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use evenkeel_plumbing::{Namespaces, Netlink, Process};

use super::found::Thing;
use super::ports;

/// How long a HAProxy has to end.
const END: Duration = Duration::from_secs(10);

/// Takes the state directory, so that no agent starts meanwhile.
///
/// # Errors
///
/// An agent runs, or there is no state directory.
pub(super) fn alone(state: &Path) -> anyhow::Result<File> {
    let path = state.join("lock");
    let lock = File::open(&path).with_context(|| {
        format!("open {}; name the agent's configuration with --config", path.display())
    })?;
    if lock.try_lock().is_err() {
        bail!(
            "the agent runs, and removes by itself within minutes what it does not hold; to do so \
             by hand, stop it first"
        );
    }
    Ok(lock)
}

/// Removes one thing; one that is gone is removed already.
pub(super) async fn remove(thing: &Thing, switch: &Path) -> anyhow::Result<()> {
    match thing {
        Thing::Port { row, .. } => ports::remove(switch, row).await,
        Thing::Process(identity) => match Process::adopt(*identity)? {
            None => Ok(()),
            Some(process) => Ok(process.end(END).await?),
        },
        Thing::Namespace { name, mark } => Ok(Namespaces::default().remove(name, mark)?),
        Thing::Tap(name) | Thing::Bridge(name) => {
            let netlink = Netlink::open()?;
            Ok(netlink.link(name)?.map_or(Ok(()), |it| netlink.delete_link(it.index))?)
        }
        Thing::Secrets(path) | Thing::Site(path) => Ok(absent(fs::remove_dir_all(path))?),
        Thing::Log(path) => Ok(absent(fs::remove_file(path))?),
    }
}

fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
