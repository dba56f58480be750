//! What can be changed in a running HAProxy through its runtime socket.

use std::path::{Path, PathBuf};

use evenkeel_model::number::Weight;
use evenkeel_model::tls::MaterialKind;
use evenkeel_model::{ListenerId, MemberId};

use crate::backend_name::BackendName;
use crate::configuration::Server;
use crate::material::SecretFile;

/// A server in its backend.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct ServerName {
    /// The backend.
    #[serde(rename = "pool")]
    pub backend: BackendName,
    /// The server.
    pub member: MemberId,
}

/// One change. Taking it twice is the same as taking it once, but for those that add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Another share of the traffic.
    SetWeight(ServerName, Weight),
    /// Into rotation, or out of it.
    SetDisabled(ServerName, bool),
    /// A new server, at once in rotation unless it is disabled.
    Add(BackendName, Box<Server>),
    /// Out of rotation for good. Its connections live on; the server itself goes with the last.
    Retire(ServerName),
    /// The remains of a retired server. HAProxy refuses while it has connections.
    Delete(ServerName),
    /// How many connections a listener takes.
    SetMaxConnections(ListenerId, u32),
    /// What is in the file now, for connections from now on; those that are there live on.
    Replace(SecretFile),
    /// One certificate more to choose from, in this list.
    AddCertificate(PathBuf, SecretFile),
    /// One less. Connections that were made with it live on.
    RemoveCertificate(PathBuf, SecretFile),
}

/// One line to HAProxy, and what it answers when it is content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) line: String,
    /// A file that is sent after the line. It is read at the last moment, so that nothing secret is
    /// in here.
    pub(crate) payload: Option<PathBuf>,
    pub(crate) answer: Answer,
}

/// What HAProxy answers when it is content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This and nothing else.
    Exactly(String),
    /// This at the end of a report.
    Ending(&'static str),
}

impl Order {
    fn exactly(line: String, answer: impl Into<String>) -> Self {
        Self { line, payload: None, answer: Answer::Exactly(answer.into()) }
    }

    /// One that HAProxy says nothing to.
    pub(crate) fn silent(line: String) -> Self {
        Self::exactly(line, "")
    }

    /// One that HAProxy reports on.
    fn reported(line: String) -> Self {
        Self { line, payload: None, answer: Answer::Ending("Success!") }
    }
}

impl Command {
    /// What is sent, line by line, and what HAProxy answers to each when it is content.
    pub(crate) fn orders(&self) -> Vec<Order> {
        match self {
            Self::SetWeight(server, weight) => {
                vec![Order::silent(format!("set server {server} weight {weight}"))]
            }
            Self::SetDisabled(server, disabled) => {
                let state = if *disabled { "maint" } else { "ready" };
                vec![Order::silent(format!("set server {server} state {state}"))]
            }
            Self::Add(backend, server) => {
                let name = ServerName { backend: *backend, member: server.id };
                let add = format!("add server {name} {}", server.arguments());
                let mut orders = vec![Order::exactly(add, "New server registered.")];
                if server.check.is_some() {
                    orders.push(Order::silent(format!("enable health {name}")));
                }
                if !server.disabled {
                    orders.push(Order::silent(format!("set server {name} state ready")));
                }
                orders
            }
            Self::Retire(server) => vec![Order::silent(format!("set server {server} state maint"))],
            Self::Delete(server) => {
                vec![Order::exactly(format!("del server {server}"), "Server deleted.")]
            }
            Self::SetMaxConnections(listener, count) => {
                vec![Order::silent(format!("set maxconn frontend {listener} {count}"))]
            }
            Self::Replace(file) => replace(file),
            Self::AddCertificate(list, file) => {
                let (list, path) = (list.display(), file.path.display());
                let new = format!("New empty certificate store '{path}'!");
                let mut orders = vec![Order::exactly(format!("new ssl cert {path}"), new)];
                orders.extend(replace(file));
                orders.push(Order::reported(format!("add ssl crt-list {list} {path}")));
                orders
            }
            Self::RemoveCertificate(list, file) => remove(list, file),
        }
    }

    /// What takes back as much as was done of it, if it was refused in the middle: HAProxy keeps
    /// what was begun, and would refuse it the next time.
    pub(crate) fn undo(&self) -> Vec<Order> {
        match self {
            Self::SetWeight(..)
            | Self::SetDisabled(..)
            | Self::Add(..)
            | Self::Retire(_)
            | Self::Delete(_)
            | Self::SetMaxConnections(..)
            | Self::RemoveCertificate(..) => Vec::new(),
            Self::Replace(file) => vec![abort(file)],
            Self::AddCertificate(list, file) => {
                std::iter::once(abort(file)).chain(remove(list, file)).collect()
            }
        }
    }
}

/// What HAProxy calls a kind of material in a command.
const fn kind(file: &SecretFile) -> &'static str {
    match file.slot.kind {
        MaterialKind::Certificate => "cert",
        MaterialKind::Authorities => "ca-file",
        MaterialKind::Revocations => "crl-file",
    }
}

/// What was begun by somebody else and not ended is not gone on with: HAProxy would take this content
/// for that file.
fn replace(file: &SecretFile) -> Vec<Order> {
    let (kind, path) = (kind(file), file.path.display());
    let begun = match file.slot.kind {
        MaterialKind::Certificate => "Transaction created for certificate",
        MaterialKind::Authorities => "transaction created for CA",
        MaterialKind::Revocations => "transaction created for CRL",
    };
    let set = Order::exactly(format!("set ssl {kind} {path} <<"), format!("{begun} {path}!"));
    let set = Order { payload: Some(file.path.clone()), ..set };
    vec![set, Order::reported(format!("commit ssl {kind} {path}"))]
}

fn remove(list: &Path, file: &SecretFile) -> Vec<Order> {
    let (list, path) = (list.display(), file.path.display());
    let unlisted = format!("Entry '{path}' deleted in crtlist '{list}'!");
    vec![
        Order::exactly(format!("del ssl crt-list {list} {path}"), unlisted),
        Order::exactly(format!("del ssl cert {path}"), format!("Certificate '{path}' deleted!")),
    ]
}

fn abort(file: &SecretFile) -> Order {
    Order::exactly(format!("abort ssl {} {}", kind(file), file.path.display()), "")
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.backend, self.member)
    }
}
