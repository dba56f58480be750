//! The driver with a real HAProxy, seen from outside: what clients get, and which processes run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../golden/world.rs"]
#[expect(dead_code, reason = "the goldens need more of it")]
mod world;

mod changes;
mod failures;
mod node;
mod statistics;
mod ways;
