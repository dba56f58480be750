//! A process that is held by a pidfd: it cannot be mistaken for a later one with the same number.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitIdStatus, getrlimit,
    pidfd_open, pidfd_send_signal, setrlimit, waitid,
};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use crate::namespace::Namespace;
use crate::watched::watched;

/// Which process: its number, and when it started in ticks since the system did. Both together are
/// used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The number.
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub started: u64,
}

impl Identity {
    /// The process that has this number now; nobody if there is none, or only its remains.
    pub fn of(pid: u32) -> Option<Self> {
        let (identity, is_dead) = Self::with_remains(pid)?;
        (!is_dead).then_some(identity)
    }

    /// The same, and whether only its remains are there: a child that ended, and that nobody has
    /// asked about yet.
    fn with_remains(pid: u32) -> Option<(Self, bool)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold spaces and brackets; what follows the last bracket does not.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let is_dead = matches!(fields.first(), None | Some(&("Z" | "X")));
        let started = fields.get(19)?.parse().ok()?;
        Some((Self { pid, started }, is_dead))
    }
}

/// The processes that work in `directory` and were started with `arguments` among theirs, in this
/// order and together.
///
/// # Errors
///
/// The directory is not there, or the list of processes could not be read.
pub fn found_in(directory: &Path, arguments: &[&str]) -> io::Result<Vec<Identity>> {
    let has_them = |pid: u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let mut places = words.windows(arguments.len());
        places.any(|place| place.iter().zip(arguments).all(|(one, two)| *one == two.as_bytes()))
    };
    let numbers = std::fs::read_dir("/proc")?.flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let here = place(directory)?;
    let is_here = |pid: u32| place(&working_directory(pid)).is_ok_and(|theirs| theirs == here);
    let found = numbers.filter(|pid| is_here(*pid) && has_them(*pid));
    Ok(found.filter_map(Identity::of).collect())
}

/// All processes that are in a network namespace, but this one.
///
/// # Errors
///
/// The list of processes could not be read, or the system's.
pub fn inhabitants(namespace: &Namespace) -> io::Result<Vec<Identity>> {
    let inode = namespace.inode()?;
    let numbers = std::fs::read_dir("/proc")?.flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_in = |pid: &u32| {
        let theirs = std::fs::metadata(format!("/proc/{pid}/ns/net"));
        *pid != std::process::id() && theirs.is_ok_and(|theirs| theirs.ino() == inode)
    };
    Ok(numbers.filter(is_in).filter_map(Identity::of).collect())
}

/// A link to where a process works. It can be followed even if its name leads nowhere any more.
fn working_directory(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/cwd"))
}

/// What two names of one directory have in common.
fn place(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|it| (it.dev(), it.ino()))
}

/// How many files a process of this one's may have open: the hard limit, to which it may raise
/// itself.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sees to it that this process leaves no image of its memory on a disk when it crashes: there may
/// be keys in it.
///
/// # Errors
///
/// The system refuses, which it does to nobody.
pub fn leave_no_image() -> io::Result<()> {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    Ok(setrlimit(Resource::Core, nothing)?)
}

/// A running process, ours or one that an earlier life of ours started.
#[derive(Debug)]
pub struct Process {
    identity: Identity,
    pidfd: AsyncFd<OwnedFd>,
}

impl Process {
    /// Takes hold of exactly this process; `None` if it is gone, even if another has its number.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub fn adopt(identity: Identity) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Asked after the pidfd is held: from here on the number cannot be given to another.
        let found = Identity::with_remains(identity.pid);
        let process = Self { identity, pidfd: watched(pidfd)? };
        match found {
            Some((found, false)) if found == identity => Ok(Some(process)),
            Some((found, true)) if found == identity => {
                process.reap();
                Ok(None)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Takes hold of a child that nobody has waited for, whether it has ended or not.
    pub(crate) fn of_child(number: u32) -> io::Result<Self> {
        let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        // Until it is waited for, its number is its own.
        let (identity, _) = Identity::with_remains(number).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { identity, pidfd: watched(pidfd)? })
    }

    /// Whether it works in another directory than this. What runs under a number that was noted
    /// before the system was started anew does; what is ending works nowhere.
    pub fn is_elsewhere(&self, directory: &Path) -> bool {
        match place(&working_directory(self.identity.pid)) {
            Ok(theirs) => place(directory).ok() != Some(theirs),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether it is in another network namespace than this. What is ending is in none.
    ///
    /// # Errors
    ///
    /// We may not look, or the system's.
    pub fn is_outside(&self, namespace: &Namespace) -> io::Result<bool> {
        match std::fs::metadata(format!("/proc/{}/ns/net", self.identity.pid)) {
            Ok(theirs) => Ok(theirs.ino() != namespace.inode()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Which process it is.
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// Returns when it has ended; at once if it has already.
    pub async fn ended(&self) {
        // An error here means that the runtime is ending; nobody is left to be told.
        if self.pidfd.readable().await.is_ok() {
            self.reap();
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when a child has ended, with its exit status if nobody has taken it yet and no signal
    /// ended it.
    pub(crate) async fn exit_status(&self) -> Option<i32> {
        if self.pidfd.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
        let status = take_remains(self.pidfd.get_ref().as_fd()).ok().flatten();
        status.and_then(|status| status.exit_status())
    }

    /// Another hold on it, that no runtime watches.
    pub(crate) fn pidfd(&self) -> io::Result<OwnedFd> {
        self.pidfd.get_ref().try_clone()
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.reap();
        Identity::of(self.identity.pid) == Some(self.identity)
    }

    /// Asks it to finish what it has and leave.
    pub fn finish(&self) {
        self.signal(Signal::USR1);
    }

    /// Asks it to leave now.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // It may have ended, which is what was wanted.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), signal);
    }

    /// Ends it, and returns when it has ended, or after `patience`: it may hang in the kernel.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`]: it is still there.
    pub async fn end(&self, patience: Duration) -> io::Result<()> {
        self.kill();
        Ok(timeout(patience, self.ended()).await?)
    }

    /// Takes the remains of a child of ours; of another's child there are none for us.
    fn reap(&self) {
        let _ = take_remains(self.pidfd.get_ref().as_fd());
    }
}

/// Takes the remains of a child of ours, if it has ended.
pub(crate) fn take_remains(pidfd: BorrowedFd<'_>) -> rustix::io::Result<Option<WaitIdStatus>> {
    waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_with_another_beginning_is_another_process() {
        let own = Identity::of(std::process::id()).unwrap();
        assert!(Process::adopt(own).unwrap().unwrap().is_running());
        let other = Identity { started: own.started + 1, ..own };
        assert!(Process::adopt(other).unwrap().is_none());
        assert_eq!(Identity::of(u32::MAX), None);
    }
}
