//! Linux, for those above who know nothing of it: processes and how they end, files that are
//! whole, echo requests. The only crate that may hold unsafe code.

pub mod echo;
pub mod file;
pub mod process;
pub mod program;
pub mod running;
mod starter;
mod watched;

pub use process::{Identity, Process};
pub use program::{Lifetime, Program};
