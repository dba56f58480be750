//! Files that are whole or not there, whatever happens while they are written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How files are written.
#[derive(Clone, Debug, Default)]
pub enum Disk {
    /// Off the runtime's threads, and flushed to the medium.
    #[default]
    Durable,
    /// On the runtime's thread and not flushed, so that a run is the same each time.
    Simulated(Arc<SimulatedDisk>),
}

/// A disk that a test can fill.
#[derive(Debug, Default)]
pub struct SimulatedDisk {
    full: AtomicBool,
}

impl SimulatedDisk {
    /// Whether new files find no space.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}

/// The ending of a file that is being written.
pub(crate) const STAGED: &str = "tmp";

impl Disk {
    /// Runs `work` where it may block.
    pub(crate) async fn run<T, W>(&self, work: W) -> T
    where
        T: Send + 'static,
        W: FnOnce(&Self) -> T + Send + 'static,
    {
        if matches!(self, Self::Simulated(_)) {
            return work(self);
        }
        let disk = self.clone();
        match tokio::task::spawn_blocking(move || work(&disk)).await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down cancels such work; nobody waits for the answer.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Writes `bytes` beside `path`, flushed; [`Self::commit`] puts them in its place.
    pub(crate) fn stage(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let staged = staged(path);
        let written = self.write(&staged, bytes);
        if written.is_err() {
            // Half a file on a full disk only takes space; the error that counts is the first.
            let _ = fs::remove_file(&staged);
        }
        written
    }

    /// Puts what was staged in the place of `path`: from here on the new content is there, also
    /// after a loss of power.
    pub(crate) fn commit(&self, path: &Path) -> io::Result<()> {
        self.rename(&staged(path), path)
    }

    /// Renames, flushed.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        self.flush_directory_of(to)
    }

    /// Removes a file, flushed; that there is none is as good.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => self.flush_directory_of(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Self::Simulated(disk) = self
            && disk.full.load(Ordering::Relaxed)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        match self {
            Self::Durable => file.sync_all(),
            Self::Simulated(_) => Ok(()),
        }
    }

    fn flush_directory_of(&self, path: &Path) -> io::Result<()> {
        match (self, path.parent()) {
            (Self::Durable, Some(directory)) => File::open(directory)?.sync_all(),
            (Self::Durable, None) | (Self::Simulated(_), _) => Ok(()),
        }
    }
}

/// Makes a directory that only its owner can enter, and those above it.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn staged(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(STAGED);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_staged_but_not_committed_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let disk = Disk::Durable;
        disk.stage(&path, b"old").unwrap();
        disk.commit(&path).unwrap();
        disk.stage(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        disk.commit(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_full_disk_keeps_the_old_file_and_leaves_no_half_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let simulated = Arc::new(SimulatedDisk::default());
        let disk = Disk::Simulated(Arc::clone(&simulated));
        disk.stage(&path, b"old").unwrap();
        disk.commit(&path).unwrap();
        simulated.set_full(true);
        let error = disk.stage(&path, b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
