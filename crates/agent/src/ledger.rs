//! The last graphs, on disk: written before they are acted on, so that the agent can keep its load
//! balancers without a control plane.
//!
//! One file for each, named after its id: `.json` while it is held, `.leaving` while it is being
//! taken down, which needs no space on the disk. What cannot be read is set aside as `.broken` and
//! fetched again.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use evenkeel_model::{Epoch, LoadBalancerGraph, LoadBalancerId};

use crate::disk::{Disk, STAGED, make_private};

const HELD: &str = "json";
const LEAVING: &str = "leaving";
const BROKEN: &str = "broken";

/// What the ledger has of one load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The placement.
    pub(crate) epoch: Epoch,
    /// What is desired.
    pub(crate) graph: Arc<LoadBalancerGraph>,
    /// The last graph that served before, in case this one is refused and what serves dies.
    #[serde(default)]
    pub(crate) fallback: Option<Arc<LoadBalancerGraph>>,
}

/// What an earlier life of the agent left in the ledger.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// To be held.
    Held(LoadBalancerId, Record),
    /// To be taken down.
    Leaving(LoadBalancerId, Epoch),
}

/// The directory of those files.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    directory: PathBuf,
    disk: Disk,
}

impl Ledger {
    /// Opens the ledger, with what is in it in the order of the ids.
    pub(crate) async fn open(directory: PathBuf, disk: Disk) -> io::Result<(Self, Vec<Entry>)> {
        let path = directory.clone();
        let entries = disk.run(move |disk| load(disk, &path)).await?;
        Ok((Self { directory, disk }, entries))
    }

    /// Brings a record to the disk, beside the one that is there.
    pub(crate) async fn stage(&self, id: LoadBalancerId, record: &Record) -> io::Result<()> {
        let path = self.path(id, HELD);
        let bytes = serde_json::to_vec(record)?;
        self.disk.run(move |disk| disk.stage(&path, &bytes)).await
    }

    /// Makes the staged record the one that counts.
    pub(crate) async fn commit(&self, id: LoadBalancerId) -> io::Result<()> {
        let (held, leaving) = (self.path(id, HELD), self.path(id, LEAVING));
        let commit = move |disk: &Disk| {
            disk.commit(&held)?;
            disk.remove_file(&leaving)
        };
        self.disk.run(commit).await
    }

    /// Notes that a load balancer leaves.
    pub(crate) async fn leave(&self, id: LoadBalancerId) -> io::Result<()> {
        let (held, leaving) = (self.path(id, HELD), self.path(id, LEAVING));
        let rename = move |disk: &Disk| match disk.rename(&held, &leaving) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        };
        self.disk.run(rename).await
    }

    /// Notes that nothing of a load balancer is left.
    pub(crate) async fn forget(&self, id: LoadBalancerId) -> io::Result<()> {
        let leaving = self.path(id, LEAVING);
        self.disk.run(move |disk| disk.remove_file(&leaving)).await
    }

    fn path(&self, id: LoadBalancerId, ending: &str) -> PathBuf {
        self.directory.join(format!("{id}.{ending}"))
    }
}

fn load(disk: &Disk, directory: &Path) -> io::Result<Vec<Entry>> {
    make_private(directory)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    // `.json` comes before `.leaving` of the same id.
    paths.sort();
    let mut entries: Vec<Entry> = Vec::new();
    for path in paths {
        let Some(entry) = load_one(disk, &path)? else {
            continue;
        };
        match (entries.last(), &entry) {
            // It came back while it was leaving, and the crash was between the two files.
            (Some(Entry::Held(held, _)), Entry::Leaving(id, _)) if held == id => {
                disk.remove_file(&path)?;
            }
            _ => entries.push(entry),
        }
    }
    Ok(entries)
}

fn load_one(disk: &Disk, path: &Path) -> io::Result<Option<Entry>> {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    if ending == STAGED {
        disk.remove_file(path)?;
        return Ok(None);
    }
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let Ok(id) = name.parse::<LoadBalancerId>() else {
        tracing::warn!(file = %path.display(), "a stranger's file in the ledger was left alone");
        return Ok(None);
    };
    match (ending, read(path, id)) {
        (HELD, Ok(record)) => Ok(Some(Entry::Held(id, record))),
        (HELD, Err(error)) => {
            tracing::warn!(load_balancer = %id, %error, "an unreadable graph was set aside");
            disk.rename(path, &path.with_extension(BROKEN))?;
            Ok(None)
        }
        // To take it down, nothing in the file is needed but the number of the placement.
        (LEAVING, record) => {
            let epoch = record.map_or(Epoch::default(), |record| record.epoch);
            Ok(Some(Entry::Leaving(id, epoch)))
        }
        _ => Ok(None),
    }
}

fn read(path: &Path, id: LoadBalancerId) -> io::Result<Record> {
    let record: Record = serde_json::from_slice(&fs::read(path)?)?;
    if record.graph.load_balancer.id == id {
        Ok(record)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds another load balancer"))
    }
}

/// Of a record, what outsiders look at: a graph of another version has it too.
#[derive(Deserialize)]
struct Outline {
    graph: Named,
}

#[derive(Deserialize)]
struct Named {
    load_balancer: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Who is held, and by which name; nothing is changed. An unreadable record has none.
pub(crate) fn held(directory: &Path) -> io::Result<Vec<(LoadBalancerId, String)>> {
    let mut held = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let id = path.file_stem().and_then(OsStr::to_str).and_then(|name| name.parse().ok());
        if let Some(id) = id
            && path.extension() == Some(OsStr::new(HELD))
        {
            let outline = fs::read(&path).map(|bytes| serde_json::from_slice::<Outline>(&bytes));
            let outline = outline.ok().and_then(Result::ok);
            held.push((id, outline.map_or_else(String::new, |it| it.graph.load_balancer.name)));
        }
    }
    Ok(held)
}
