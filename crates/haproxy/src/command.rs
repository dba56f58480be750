//! What can be changed in a running HAProxy through its runtime socket.

use evenkeel_model::number::Weight;
use evenkeel_model::{ListenerId, MemberId, PoolId};

use crate::configuration::Server;

/// A server in its backend.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct ServerName {
    /// The backend.
    pub pool: PoolId,
    /// The server.
    pub member: MemberId,
}

/// One change. Taking it twice is the same as taking it once, but for [`Command::Add`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Another share of the traffic.
    SetWeight(ServerName, Weight),
    /// Into rotation, or out of it.
    SetDisabled(ServerName, bool),
    /// A new server, at once in rotation unless it is disabled.
    Add(PoolId, Box<Server>),
    /// Out of rotation for good. Its connections live on; the server itself goes with the last.
    Retire(ServerName),
    /// The remains of a retired server. HAProxy refuses while it has connections.
    Delete(ServerName),
    /// How many connections a listener takes.
    SetMaxConnections(ListenerId, u32),
}

impl Command {
    /// What is sent, line by line, and what HAProxy answers to each when it is content.
    pub(crate) fn lines(&self) -> Vec<(String, &'static str)> {
        match self {
            Self::SetWeight(server, weight) => {
                vec![(format!("set server {server} weight {weight}"), "")]
            }
            Self::SetDisabled(server, disabled) => {
                let state = if *disabled { "maint" } else { "ready" };
                vec![(format!("set server {server} state {state}"), "")]
            }
            Self::Add(pool, server) => {
                let name = ServerName { pool: *pool, member: server.id };
                let arguments = server.arguments();
                let mut lines =
                    vec![(format!("add server {name} {arguments}"), "New server registered.")];
                if server.check.is_some() {
                    lines.push((format!("enable health {name}"), ""));
                }
                if !server.disabled {
                    lines.push((format!("set server {name} state ready"), ""));
                }
                lines
            }
            Self::Retire(server) => vec![(format!("set server {server} state maint"), "")],
            Self::Delete(server) => vec![(format!("del server {server}"), "Server deleted.")],
            Self::SetMaxConnections(listener, count) => {
                vec![(format!("set maxconn frontend {listener} {count}"), "")]
            }
        }
    }
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pool, self.member)
    }
}
