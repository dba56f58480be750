//! Where a program is put before it begins, and what it can never get.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::io::{Errno, write};
use rustix::thread::{
    CapabilitySet, LinkNameSpaceType, move_into_link_name_space,
    remove_capability_from_bounding_set, set_no_new_privs,
};

use crate::namespace::Namespace;

/// All that a server needs to begin as root and go on as nobody: to bind, to lock itself into a
/// directory, to become another user, to give files to that user, and to tell its predecessor,
/// which is that user already, to leave.
const TO_BEGIN: CapabilitySet = CapabilitySet::NET_BIND_SERVICE
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::KILL);

/// Where a program is put before it begins, and what it can never get. By default it is where this
/// process is, and gets what this process may have.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// The network it is in.
    pub namespace: Option<Namespace>,
    /// The directory of its control group (version 2).
    pub group: Option<PathBuf>,
    /// Whether it, and all that it starts, can never have more rights than a server needs to begin
    /// as root and go on as another user. Only root can do so.
    pub bounded: bool,
}

/// The same, with all that has to be opened open.
pub(crate) struct Ready {
    namespace: Option<Namespace>,
    group: Option<File>,
    bounded: bool,
}

impl Confinement {
    pub(crate) fn open(&self) -> io::Result<Ready> {
        let open = |group: &PathBuf| {
            // The kernel has the file; a directory that stands for a group in a test may not.
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(group.join("cgroup.procs"))
        };
        Ok(Ready {
            namespace: self.namespace.clone(),
            group: self.group.as_ref().map(open).transpose()?,
            bounded: self.bounded,
        })
    }
}

impl Ready {
    /// Puts the calling process there. A few system calls and no memory that is not its own: it is
    /// called between fork and exec.
    pub(crate) fn enter(&self) -> io::Result<()> {
        if let Some(group) = &self.group {
            // Whoever writes.
            write(group, b"0")?;
        }
        if let Some(namespace) = &self.namespace {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        if self.bounded { bound() } else { Ok(()) }
    }
}

fn bound() -> io::Result<()> {
    set_no_new_privs(true)?;
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if TO_BEGIN.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // This kernel has no more of them.
            Err(Errno::INVAL) => break,
            removed => removed?,
        }
    }
    Ok(())
}
