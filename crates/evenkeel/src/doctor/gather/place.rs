//! Directories, and who uses them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evenkeel_plumbing::file;

use crate::doctor::facts::{AgentHere, Owner, Place, Use};

/// What a directory is like, or the nearest one above it if it is not there yet.
pub(super) fn look(what: Use, path: &Path) -> Place {
    let there = path.ancestors().find(|it| it.is_dir()).unwrap_or(Path::new("/"));
    Place {
        what,
        path: path.to_owned(),
        exists: there == path,
        in_memory: file::is_in_memory(there).unwrap_or(false),
        owner: owner(there),
        room: usable(path, there),
    }
}

fn owner(there: &Path) -> Owner {
    let mode = fs::metadata(there).map_or(0, |it| it.mode());
    match file::is_ours(there) {
        Ok(true) if mode & 0o077 != 0 => Owner::Open,
        Ok(true) => Owner::Ours,
        Ok(false) | Err(_) => Owner::Strange,
    }
}

fn usable(path: &Path, there: &Path) -> Result<(u64, u64), String> {
    if path.exists() && there != path {
        return Err("it is no directory".to_owned());
    }
    file::room(there).map_err(|error| error.to_string())
}

/// Whether an agent holds the state directory, and how many load balancers are there.
pub(super) fn agent(state: &Path) -> AgentHere {
    let things = evenkeel_agent::held(state).map_or(0, |held| held.len());
    AgentHere { runs: runs(state), things }
}

/// The lock is let go of at once; an agent that starts meanwhile tries again for seconds.
fn runs(state: &Path) -> Option<bool> {
    match File::open(state.join("lock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
        Ok(lock) => match lock.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_the_lock_runs() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(runs(place.path()), Some(false));
        let lock = File::create(place.path().join("lock")).unwrap();
        assert_eq!(runs(place.path()), Some(false));
        lock.lock().unwrap();
        assert_eq!(runs(place.path()), Some(true));
    }

    #[test]
    fn a_directory_that_is_not_there_is_judged_by_where_it_will_be() {
        let place = tempfile::tempdir().unwrap();
        let found = look(Use::State, &place.path().join("a/b"));
        assert!(!found.exists && found.owner != Owner::Strange && found.room.is_ok());
        fs::write(place.path().join("file"), "").unwrap();
        assert!(look(Use::State, &place.path().join("file")).room.is_err());
    }
}
