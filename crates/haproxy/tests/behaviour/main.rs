//! Graphs, the files they become, each of which the real HAProxy accepts, and what they then do.
//!
//! `EVENKEEL_BLESS=1 cargo nextest run -p evenkeel-haproxy` writes the files anew.

#![expect(clippy::unwrap_used, reason = "the lint's exemption for tests does not see their worlds")]

mod anything;
mod authority;
mod confined;
mod conformance;
mod engine;
mod files;
mod hostile;
mod raw;
mod real;
mod refusals;
mod said;
mod serving;
mod template;
mod tls_files;
mod world;
