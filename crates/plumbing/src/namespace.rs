//! Network namespaces: made, found and removed by their names, and entered for a moment.
//!
//! A namespace is made without a name and gets it last, so that whatever has a name is complete.
//! Its maker leaves a mark on its loopback device; what has a name and no such mark was made by a
//! stranger. Names are files, as `ip netns` has them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, Timespec, flock, fstatfs};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, unmount,
};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, nanosleep};
use tokio::time::Instant;

use crate::change::change;
use crate::netlink::Netlink;

/// Where everybody keeps the names of namespaces.
pub const DIRECTORY: &str = "/run/netns";

/// What every namespace has.
pub const LOOPBACK: &str = "lo";

/// How long the directory of names may be locked by somebody else.
const LOCKED_WITHIN: Duration = Duration::from_secs(5);

const NSFS_MAGIC: i64 = 0x6e73_6673;

/// A network namespace, held by a descriptor: a name may come to mean another.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<File>);

impl Namespace {
    /// The namespace of this process.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn current() -> io::Result<Self> {
        Ok(Self(Arc::new(File::open("/proc/thread-self/ns/net")?)))
    }

    /// The namespace that a path means.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it means none.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if fstatfs(&file)?.f_type == NSFS_MAGIC {
            Ok(Self(Arc::new(file)))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// A number that no other namespace has while this one is held.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.ino())
    }

    /// Does `work` inside, on a thread of its own, and waits for it.
    ///
    /// # Errors
    ///
    /// The system's, if there can be no thread or it may not enter; `work`'s own.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let enter_and_work = || {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        };
        thread::scope(|scope| {
            let worker = thread::Builder::new().spawn_scoped(scope, enter_and_work)?;
            worker.join().unwrap_or_else(|_| Err(io::Error::other("the thread inside panicked")))
        })
    }

    /// A socket to the kernel inside.
    ///
    /// # Errors
    ///
    /// As [`Namespace::within`].
    pub fn netlink(&self) -> io::Result<Netlink> {
        self.within(Netlink::open)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Namespace {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// What a name means.
#[derive(Clone, Debug)]
pub enum Named {
    /// Nothing.
    Absent,
    /// A namespace with the mark that was asked for.
    Ours(Namespace),
    /// Something that carries another mark, or none.
    Strange,
}

/// A directory of named namespaces.
#[derive(Clone, Debug)]
pub struct Namespaces {
    directory: PathBuf,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self::new(DIRECTORY)
    }
}

impl Namespaces {
    /// Those of a directory, which is made when it is needed.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Where a name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What a name means, if ours has this mark.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn find(&self, name: &str, mark: &str) -> io::Result<Named> {
        let namespace = match Namespace::at(&self.path(name)) {
            Ok(namespace) => namespace,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Named::Absent),
            Err(error) => return Err(error),
        };
        let ours = mark_of(&namespace)? == mark;
        Ok(if ours { Named::Ours(namespace) } else { Named::Strange })
    }

    /// Makes a namespace with a mark, its loopback switched on, or adopts the one that is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if the name means somebody else's; the system's.
    pub fn ensure(&self, name: &str, mark: &str) -> io::Result<Namespace> {
        match self.find(name, mark)? {
            Named::Ours(namespace) => return Ok(namespace),
            Named::Strange => return Err(io::ErrorKind::AlreadyExists.into()),
            Named::Absent => {}
        }
        self.prepare()?;
        let path = self.path(name);
        change("make the name of a namespace")?;
        // A name whose maker was killed before it meant anything is an empty file.
        OpenOptions::new().create(true).append(true).mode(0o444).open(&path)?;
        thread::scope(|scope| {
            let maker = thread::Builder::new().spawn_scoped(scope, || make(&path, mark))?;
            maker.join().unwrap_or_else(|_| Err(io::Error::other("the maker panicked")))
        })
    }

    /// Takes a name away, if it is ours or means nothing. The namespace ends with the last process
    /// and descriptor in it, and its devices with it.
    ///
    /// # Errors
    ///
    /// The system's. A stranger's is left alone, and that is no error.
    pub fn remove(&self, name: &str, mark: &str) -> io::Result<()> {
        let path = self.path(name);
        match self.find(name, mark)? {
            Named::Strange => return Ok(()),
            Named::Ours(_) => {
                change("unmount namespace")?;
                unmount(&path, UnmountFlags::DETACH)?;
            }
            Named::Absent => {}
        }
        if self.is_empty(name)? {
            change("remove the name of a namespace")?;
            fs::remove_file(&path)?;
        }
        Ok(())
    }

    /// Whether a name is an empty file, made for a namespace that it does not have: its maker or
    /// its remover was killed.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn is_empty(&self, name: &str) -> io::Result<bool> {
        match fs::metadata(self.path(name)) {
            Ok(metadata) => {
                let is_mounted = Namespace::at(&self.path(name)).is_ok();
                Ok(metadata.is_file() && metadata.len() == 0 && !is_mounted)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Names that begin so, in order, each with the mark of its namespace; those that mean nothing
    /// have none.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn list(&self, prefix: &str) -> io::Result<Vec<(String, Option<String>)>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if !name.starts_with(prefix) {
                continue;
            }
            let mark = match Namespace::at(&self.path(&name)) {
                Ok(namespace) => Some(mark_of(&namespace)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            found.push((name, mark));
        }
        found.sort();
        Ok(found)
    }

    /// Makes the directory one from which names spread into the mount namespaces of others, as
    /// `ip netns` does: otherwise a service that was started earlier would hold them for ever.
    fn prepare(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&self.directory)?;
        // As `ip netns` does: two that mount at once would mount over each other, and a name that is
        // mounted twice is not removed by one unmount.
        let _locked = lock(&self.directory)?;
        match mount_change(&self.directory, MountPropagationFlags::SHARED) {
            Err(Errno::INVAL) => {
                // It is no mount of its own yet.
                change("share the names of namespaces")?;
                mount_bind_recursive(&self.directory, &self.directory)?;
                let flags = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
                Ok(mount_change(&self.directory, flags)?)
            }
            changed => Ok(changed?),
        }
    }
}

/// Locks a directory, as long as the file is held; somebody else is given a while to let it go.
fn lock(directory: &Path) -> io::Result<File> {
    let file = File::open(directory)?;
    let deadline = Instant::now() + LOCKED_WITHIN;
    let pause = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {}
            Err(Errno::WOULDBLOCK) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
        // Whoever lets it go wakes only those who wait for ever.
        let _ = nanosleep(&pause);
    }
}

/// Makes a namespace for this thread, which ends afterwards, and gives it a name.
fn make(path: &Path, mark: &str) -> io::Result<Namespace> {
    change("make namespace")?;
    unshare_network()?;
    let netlink = Netlink::open()?;
    let loopback = netlink.link(LOOPBACK)?.ok_or(io::ErrorKind::NotFound)?;
    netlink.set_alias(loopback.index, mark)?;
    netlink.set_up(loopback.index)?;
    change("name namespace")?;
    mount_bind("/proc/thread-self/ns/net", path)?;
    Namespace::current()
}

#[expect(unsafe_code, reason = "unshare concerns what threads share")]
fn unshare_network() -> io::Result<()> {
    // SAFETY: only the network namespace of this thread changes; no memory or descriptor table is
    // unshared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    Ok(())
}

fn mark_of(namespace: &Namespace) -> io::Result<String> {
    let loopback = namespace.netlink()?.link(LOOPBACK)?;
    Ok(loopback.map(|link| link.alias).unwrap_or_default())
}
