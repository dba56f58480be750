//! The commands that look at a node, on a node of the test's own.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod doctor;
mod orphans;
mod switch;

use std::process::Output;

/// Runs the program as an operator would.
#[expect(clippy::disallowed_methods, reason = "tests start the program as a person would")]
fn evenkeel(arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(arguments).output().expect("the program is there")
}
