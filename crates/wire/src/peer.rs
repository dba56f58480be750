//! Who is at the other end of a link, as the system vouches for it.

use std::fmt;

/// Who is at the other end of a link. What it says of itself is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The same process.
    Within,
    /// A process on this machine, by the word of the kernel when it connected.
    Local {
        /// Its effective user.
        uid: u32,
        /// Its number, for people: it may be another process's by now.
        pid: Option<u32>,
    },
}

impl Peer {
    /// Whether both have the same rights, so that one may take over what the other began.
    pub const fn is_equal_to(self, other: Self) -> bool {
        match (self, other) {
            (Self::Within, Self::Within) => true,
            (Self::Local { uid, .. }, Self::Local { uid: other, .. }) => uid == other,
            (Self::Within, Self::Local { .. }) | (Self::Local { .. }, Self::Within) => false,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within => f.write_str("this process"),
            Self::Local { uid, pid: Some(pid) } => write!(f, "process {pid} of user {uid}"),
            Self::Local { uid, pid: None } => write!(f, "a process of user {uid}"),
        }
    }
}
