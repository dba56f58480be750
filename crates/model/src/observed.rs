//! What was seen on a node: raw facts, without the words of any API.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{Generation, ListenerId, MemberId, PoolId, SeriesId};

/// What serves a load balancer on a node now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Served {
    /// Nothing at all.
    #[default]
    Absent,
    /// Something is there, but it serves no generation that is known: a process that hangs, half
    /// of a start, files of an earlier life.
    Remains,
    /// This generation.
    Serving(Generation),
}

/// How a member is, as far as the data plane knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberHealth {
    /// Its probes succeed.
    Up,
    /// Its probes fail.
    Down,
    /// Up, finishing what it has, taking nothing new.
    Draining,
    /// Administratively out of rotation.
    Disabled,
    /// Nobody probes it.
    Unmonitored,
    /// It has just appeared and its first probe is not back.
    Unknown,
}

/// How a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerHealth {
    /// Its port is open.
    Open,
    /// Its port is open and its connection limit is reached.
    Full,
}

/// How a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolHealth {
    /// It can answer, or has no members at all.
    Up,
    /// All its members are down.
    Down,
}

/// What one observation of a load balancer found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What is served.
    pub served: Served,
    /// The listeners whose port is open.
    pub listeners: BTreeMap<ListenerId, ListenerHealth>,
    /// The pools that a listener uses.
    pub pools: BTreeMap<PoolId, PoolHealth>,
    /// The members of those.
    pub members: BTreeMap<MemberId, MemberHealth>,
    /// What passed each listener since the series began, across restarts of what serves it.
    pub traffic: BTreeMap<ListenerId, Traffic>,
    /// Which series the counters are of: whoever has to count from 0 again begins another one.
    /// `None` is one series like any other, for a driver that never has to.
    #[serde(default)]
    pub series: Option<SeriesId>,
    /// Where each listener's socket really is, where that is not VIP and port.
    pub sockets: BTreeMap<ListenerId, SocketAddr>,
}

/// Counters of a listener (contract 2.1.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Connections open now.
    pub active_connections: u64,
    /// Connections ever.
    pub total_connections: u64,
    /// Requests that could not be served because of the client.
    pub request_errors: u64,
}

impl Traffic {
    /// The same without open connections: what ended cannot have any.
    #[must_use]
    pub const fn idle(self) -> Self {
        Self { active_connections: 0, ..self }
    }

    /// What is known after a later word of the same series: no counter falls, and the connections
    /// are those of the later word.
    #[must_use]
    pub fn risen_to(self, later: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.max(later.bytes_in),
            bytes_out: self.bytes_out.max(later.bytes_out),
            active_connections: later.active_connections,
            total_connections: self.total_connections.max(later.total_connections),
            request_errors: self.request_errors.max(later.request_errors),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
            active_connections: self.active_connections.saturating_add(other.active_connections),
            total_connections: self.total_connections.saturating_add(other.total_connections),
            request_errors: self.request_errors.saturating_add(other.request_errors),
        }
    }
}
