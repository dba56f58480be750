//! The control plane through its public face: HTTP in, an agent's messages beside it.

#![expect(clippy::unwrap_used, reason = "what is missing here fails a test, which is the point")]

mod access;
mod agent;
mod amphorae;
mod batch;
mod certificates;
mod hostile;
mod lab;
mod listing;
mod networks;
mod offerings;
mod operators;
mod probing;
mod quota;
mod resources;
mod roles;
mod rules;
mod serving;
mod shelf;
mod status;
mod transport;
mod tree;
