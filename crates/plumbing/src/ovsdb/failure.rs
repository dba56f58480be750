//! What can go wrong with Open vSwitch's database, and what helps.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OvsdbError {
    /// Nobody listens there.
    #[error("cannot reach Open vSwitch's database at {socket}")]
    Unreachable {
        /// Where it was looked for.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was reached, and went away.
    #[error("Open vSwitch's database broke off")]
    BrokenOff(#[source] io::Error),
    /// It was reached, and is silent.
    #[error("Open vSwitch's database did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It said what RFC 7047 does not know, or too much at once.
    #[error("Open vSwitch's database said what cannot be understood: {0}")]
    Garbled(String),
    /// It did nothing of what was asked.
    #[error("Open vSwitch's database refused: {0}")]
    Refused(String),
    /// A change was not sent.
    #[error("the change was not tried")]
    NotTried(#[source] io::Error),
}

impl OvsdbError {
    /// One sentence on what helps.
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "the operator starts Open vSwitch on the node, or tells the agent where its \
                 database listens; then it goes on by itself"
            }
            Self::BrokenOff(_) | Self::NotTried(_) => "it is tried again",
            Self::Silent(_) => {
                "it is tried again; if this stays so, the operator restarts ovsdb-server"
            }
            Self::Garbled(_) | Self::Refused(_) => {
                "it is tried again; if this stays so, the operator compares the version of Open \
                 vSwitch with those that the documentation names"
            }
        }
    }

    /// What the system said, if it said anything.
    pub fn into_source(self) -> Option<io::Error> {
        match self {
            Self::Unreachable { source, .. } | Self::BrokenOff(source) | Self::NotTried(source) => {
                Some(source)
            }
            Self::Silent(_) | Self::Garbled(_) | Self::Refused(_) => None,
        }
    }
}
