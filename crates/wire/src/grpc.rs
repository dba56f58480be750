//! The link between two processes: gRPC with one stream in each direction.
//!
//! A session is one call. Whatever carries it, both ends hold what [`pair`](crate::link::pair)
//! gives, so that neither knows that there is a wire in between.

pub mod client;
mod guest;
pub mod server;
pub mod socket;
#[cfg(test)]
mod tests;

use std::time::Duration;

/// Where the one call is, as `link.proto` has it.
const SERVICE: &str = "evenkeel.link.v1.Link";
const SESSION: &str = "/evenkeel.link.v1.Link/Session";

/// Bytes of a message. An index of 100 000 load balancers has 4 MB.
const MESSAGE_BYTES: usize = 32 << 20;

/// Bytes of the document in a message, so that there is room around it.
pub(crate) const DOCUMENT_BYTES: usize = MESSAGE_BYTES - (1 << 20);

/// How often an idle connection is probed, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long it may take to connect and begin a session.
const CONNECT: Duration = Duration::from_secs(5);
