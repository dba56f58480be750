//! What the driver notes in a site's directory, so that its next life knows what it runs.

use std::io;
use std::path::{Path, PathBuf};

use evenkeel_model::Epoch;
use evenkeel_plumbing::{Identity, file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::command::ServerName;
use crate::configuration::Configuration;
use crate::counters::Counted;
use crate::ping::Target;
use crate::render::{ADMIN_SOCKET, METRICS_FILE, METRICS_PROGRAM, STATES, STATS_SOCKET};

/// The configuration as HAProxy reads it.
pub(crate) const FILE: &str = "haproxy.cfg";

/// The same as HAProxy is told it, which works in its jail.
pub(crate) const FILE_FROM_JAIL: &str = "../haproxy.cfg";

const APPLIED: &str = "applied.json";
const PROCESSES: &str = "processes.json";
const COUNTERS: &str = "counters.json";
/// For people and their scripts: the number of the process that serves.
const PID: &str = "haproxy.pid";

/// The sockets that HAProxy makes in a site's directory.
const SOCKETS: [&str; 2] = [ADMIN_SOCKET, STATS_SOCKET];

/// Everything that the driver may have made there but the jail, sockets first.
const ALL: [&str; 9] =
    [SOCKETS[0], SOCKETS[1], PID, FILE, METRICS_FILE, STATES, COUNTERS, APPLIED, PROCESSES];

/// What the process that serves was last told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) configuration: Configuration,
    /// The placement under which it was told so.
    #[serde(default)]
    pub(crate) epoch: Epoch,
    /// The network that it serves in.
    #[serde(default)]
    pub(crate) namespace: Option<PathBuf>,
    /// Who serves it.
    #[serde(default)]
    pub(crate) user: Option<u32>,
    /// Whether it tells of requests; `None` if it tells nothing.
    #[serde(default)]
    pub(crate) logs: Option<bool>,
    /// Servers that were retired while they had connections, and are still there.
    #[serde(default)]
    pub(crate) retired: Vec<ServerName>,
    /// Members that we probe ourselves.
    #[serde(default)]
    pub(crate) pinged: Vec<Target>,
    /// The operator's template under which it was made.
    #[serde(default)]
    pub(crate) template: Option<String>,
}

/// The processes of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Processes {
    /// The one that listens.
    pub(crate) serving: Option<Started>,
    /// Earlier ones that finish what they have, oldest first.
    pub(crate) draining: Vec<Started>,
    /// Another one is being started: it may run already, and is not in here.
    #[serde(default)]
    pub(crate) starting: bool,
}

impl Processes {
    /// Whether this one is among them.
    pub(crate) fn contain(&self, process: Started) -> bool {
        self.serving == Some(process) || self.draining.contains(&process)
    }

    /// Another one serves from now on.
    pub(crate) fn hand_over_to(&mut self, successor: Started) {
        self.draining.extend(self.serving.replace(successor));
    }
}

/// A process, in a form that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pid: u32,
    started: u64,
}

impl From<Identity> for Started {
    fn from(identity: Identity) -> Self {
        Self { pid: identity.pid, started: identity.started }
    }
}

impl From<Started> for Identity {
    fn from(it: Started) -> Self {
        Self { pid: it.pid, started: it.started }
    }
}

/// The notes of one site.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    directory: PathBuf,
}

impl Notes {
    pub(crate) fn of(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What the process was last told; nothing is known if there is no note, or one of another
    /// version of this program.
    pub(crate) async fn applied(&self) -> io::Result<Option<Applied>> {
        self.read(APPLIED).await
    }

    pub(crate) async fn processes(&self) -> io::Result<Processes> {
        Ok(self.read(PROCESSES).await?.unwrap_or_default())
    }

    /// What was counted, if anything is known of it.
    pub(crate) async fn counted(&self) -> io::Result<Option<Counted>> {
        self.read(COUNTERS).await
    }

    /// Notes what a process is told, and the file that a new one would be started with.
    pub(crate) async fn note_applied(&self, applied: &Applied) -> io::Result<()> {
        self.note_configuration(&applied.configuration).await?;
        self.write(APPLIED, json(applied)?).await
    }

    pub(crate) async fn note_processes(&self, processes: &Processes) -> io::Result<()> {
        self.write(PROCESSES, json(processes)?).await?;
        match processes.serving {
            Some(serving) => self.write(PID, format!("{}\n", serving.pid).into_bytes()).await,
            None => self.remove(&[PID]).await,
        }
    }

    pub(crate) async fn note_counted(&self, counted: &Counted) -> io::Result<()> {
        self.write(COUNTERS, json(counted)?).await
    }

    /// Notes what a process that is about to be started shall know of its servers.
    pub(crate) async fn note_states(&self, states: String) -> io::Result<()> {
        self.write(STATES, states.into_bytes()).await
    }

    /// Writes the file, after what it names.
    pub(crate) async fn note_configuration(&self, configuration: &Configuration) -> io::Result<()> {
        if configuration.tells_metrics {
            self.write(METRICS_FILE, METRICS_PROGRAM.as_bytes().to_vec()).await?;
        }
        self.write(FILE, configuration.to_string().into_bytes()).await
    }

    /// Whether there is anything of this driver's.
    pub(crate) fn are_there(&self) -> bool {
        ALL.iter().any(|name| self.path(name).exists())
    }

    /// Removes everything of this driver's.
    pub(crate) async fn clear(&self) -> io::Result<()> {
        let directory = self.directory.clone();
        off_runtime(move || remove_half_made(&directory)).await?;
        self.remove(&ALL).await
    }

    async fn read<T: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
    ) -> io::Result<Option<T>> {
        let path = self.path(name);
        off_runtime(move || match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn write(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        let path = self.path(name);
        in_order(move || file::replace(&path, &content)).await
    }

    async fn remove(&self, names: &[&str]) -> io::Result<()> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        in_order(move || paths.iter().try_for_each(|path| file::remove(path))).await
    }
}

/// Removes the sockets of processes that were killed while they made them: until all is bound,
/// HAProxy has them beside their place, as `admin.sock.4711.tmp`, and the earlier one as `.bak`.
fn remove_half_made(directory: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let is_beside =
            |socket: &&str| name.strip_prefix(*socket).is_some_and(|rest| rest.starts_with('.'));
        let is_half_made = SOCKETS.iter().any(is_beside);
        if is_half_made {
            file::remove(&directory.join(&*name))?;
        }
    }
    Ok(())
}

fn json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}

/// Held by the work and not by who waits for it: what was begun for a call that was broken off is
/// over before that of the next call begins, and never has the last word.
static WRITING: Mutex<()> = Mutex::const_new(());

async fn in_order<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let writing = WRITING.lock().await;
    off_runtime(move || {
        let _writing = writing;
        work()
    })
    .await
}

pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn what_was_broken_off_never_has_the_last_word() {
        let place = tempfile::tempdir().unwrap();
        let notes = Notes::of(place.path());
        for round in 0..200 {
            {
                // Begun, and left to itself.
                let mut first = pin!(notes.note_states(format!("{round} first")));
                poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_ready())).await;
            }
            let last = format!("{round} last");
            notes.note_states(last.clone()).await.unwrap();
            in_order(|| Ok(())).await.unwrap();
            assert_eq!(std::fs::read_to_string(notes.path(STATES)).unwrap(), last);
        }
    }
}
