//! The control plane through its public face: HTTP in, an agent's messages beside it.

mod access;
mod agent;
mod batch;
mod hostile;
mod lab;
mod listing;
mod operators;
mod quota;
mod resources;
mod rules;
mod status;
mod transport;
mod tree;
