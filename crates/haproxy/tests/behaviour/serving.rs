//! The driver with a real HAProxy, seen from outside: what clients get, and which processes run.

mod both;
mod changes;
mod failures;
mod fields;
mod frames;
mod hostile;
mod interruptions;
mod logs;
mod metrics;
mod namespaced;
pub(crate) mod node;
mod own;
mod policies;
mod statistics;
mod templated;
mod threads;
mod tls;
mod unwell;
mod ways;
