//! The driver with a real HAProxy, seen from outside: what clients get, and which processes run.

mod changes;
mod failures;
mod fields;
mod hostile;
mod interruptions;
mod metrics;
pub(crate) mod node;
mod statistics;
mod templated;
mod threads;
mod tls;
mod ways;
