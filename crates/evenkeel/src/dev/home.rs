//! Where one run of `evenkeel dev` keeps its files.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use evenkeel_plumbing::file;
use uuid::Uuid;

/// What the names of directories of runs that keep nothing begin with. A random id follows: a name
/// that can be guessed could be somebody else's directory already.
const PASSING: &str = "evenkeel-dev-";

/// Where keys are in clear: a file system in memory.
const MEMORY: &str = "/dev/shm";

/// A directory with the data of one run. Locked while it lasts.
#[derive(Debug)]
pub(crate) struct Home {
    pub(super) directory: PathBuf,
    /// Whether the data, and the HAProxies, outlive the run.
    pub(super) kept: bool,
    /// Of the directory, and of that for keys if it ends with the run.
    _locks: Vec<File>,
}

impl Home {
    /// The directory to keep data in, or one that ends with the run. What earlier runs that were
    /// killed left of the second kind is swept away.
    pub(super) fn open(kept_in: Option<&Path>) -> anyhow::Result<Self> {
        let Some(directory) = kept_in else { return Self::passing() };
        make(&std::path::absolute(directory)?)?;
        match Self::open_if_free(directory)? {
            Some(home) => Ok(home),
            None => bail!(
                "another evenkeel dev uses {}; stop it, or choose another --data",
                directory.display()
            ),
        }
    }

    fn passing() -> anyhow::Result<Self> {
        let roots = [std::env::temp_dir(), PathBuf::from(MEMORY)];
        for root in &roots {
            sweep(root);
        }
        let name = format!("{PASSING}{}", Uuid::new_v4());
        let [directory, secrets] = roots.map(|root| root.join(&name));
        make(&directory)?;
        let Some(lock) = lock(&directory)? else {
            bail!("another evenkeel dev took {} for an old one; start again", directory.display());
        };
        // Without it nothing fails but TLS, which says so.
        let of_secrets = make(&secrets).and_then(|()| self::lock(&secrets)).ok().flatten();
        let locks = [lock].into_iter().chain(of_secrets).collect();
        Ok(Self { directory, kept: false, _locks: locks })
    }

    /// A directory that data is kept in, unless a service runs on it.
    pub(crate) fn open_if_free(kept_in: &Path) -> anyhow::Result<Option<Self>> {
        let directory = std::path::absolute(kept_in)?;
        let lock = lock(&directory)?;
        Ok(lock.map(|lock| Self { directory, kept: true, _locks: vec![lock] }))
    }

    /// The id of the agent of this directory: the same for all runs on it.
    pub(super) fn agent(&self) -> anyhow::Result<Uuid> {
        if let Some(id) = agent_of(&self.directory) {
            return Ok(id);
        }
        let path = self.directory.join("agent-id");
        let id = Uuid::new_v4();
        fs::write(&path, id.to_string())
            .with_context(|| format!("could not write {}", path.display()))?;
        Ok(id)
    }

    /// Where the agent of this directory has keys in clear: in memory, and gone with it. With data
    /// that is kept the same for every run, whoever logs in or out: the HAProxies of an earlier one
    /// may need what is there.
    pub(super) fn secrets(&self) -> anyhow::Result<PathBuf> {
        let memory = Path::new(MEMORY);
        match self.directory.file_name() {
            Some(name) if !self.kept => Ok(memory.join(name)),
            Some(_) | None => Ok(memory.join(format!("evenkeel-{}", self.agent()?))),
        }
    }

    /// Ends the run: what is not kept goes.
    pub(super) fn close(self) {
        if self.kept {
            return;
        }
        for directory in self.secrets().into_iter().chain([self.directory.clone()]) {
            if directory.exists() {
                remove(&directory);
            }
        }
    }
}

fn make(directory: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| {
        format!("could not make {}; choose a directory you can write", directory.display())
    })
}

/// Nothing if somebody else has it.
fn lock(directory: &Path) -> anyhow::Result<Option<File>> {
    let lock = File::create(directory.join("dev.lock"))
        .with_context(|| format!("could not write in {}", directory.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Where the keys are that the secrets in the database of a directory are sealed with: beside the
/// database, never in it.
pub(crate) fn master_keys(directory: &Path) -> PathBuf {
    directory.join("master.key")
}

/// Removes the directories of our runs that were killed: nobody holds their lock.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PASSING));
        let path = entry.path();
        // Others may have put something there to be led by.
        let is_ours = || path.is_dir() && file::is_ours(&path).unwrap_or(false);
        if named && is_ours() && is_abandoned(&path) {
            remove(&path);
        }
    }
}

fn is_abandoned(directory: &Path) -> bool {
    File::open(directory.join("dev.lock")).is_ok_and(|lock| lock.try_lock().is_ok())
}

fn agent_of(directory: &Path) -> Option<Uuid> {
    fs::read_to_string(directory.join("agent-id")).ok()?.trim().parse().ok()
}

fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(directory = %directory.display(), error, "directory not removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_and_one_agent() {
        let place = tempfile::tempdir().unwrap();
        let home = Home::open(Some(place.path())).unwrap();
        let agent = home.agent().unwrap();
        assert_eq!(home.agent().unwrap(), agent);
        let second = Home::open(Some(place.path())).unwrap_err().to_string();
        assert!(second.contains("another evenkeel dev"), "{second}");
        home.close();
        assert!(place.path().is_dir(), "what is kept stays");
    }

    #[test]
    fn a_run_that_keeps_nothing_leaves_nothing() {
        let home = Home::open(None).unwrap();
        let (directory, secrets) = (home.directory.clone(), home.secrets().unwrap());
        sweep(&std::env::temp_dir());
        sweep(Path::new(MEMORY));
        assert!(directory.join("dev.lock").exists() && secrets.join("dev.lock").exists());
        home.close();
        assert!(!directory.exists() && !secrets.exists());
    }

    #[test]
    fn what_a_killed_run_left_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let name = |number: u32| place.path().join(format!("{PASSING}{number}"));
        let (left, alive, link) = (name(1), name(2), name(3));
        for directory in [&left, &alive] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("dev.lock"), "").unwrap();
        }
        let lock = File::open(alive.join("dev.lock")).unwrap();
        lock.try_lock().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("dev.lock"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        sweep(place.path());
        assert!(!left.exists() && alive.exists());
        assert!(elsewhere.path().join("dev.lock").exists());
    }
}
