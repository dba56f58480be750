//! `cargo xtask bench`: the figures of `docs/benchmarks.md`.

use std::ffi::OsString;

use crate::setup;
use crate::shell::Run;

/// Builds everything as it is released, and becomes the benchmark.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    setup::for_testing()?;
    Run::cargo("build").args(["--release", "--package", "evenkeel"]).run()?;
    Err(Run::cargo("run")
        .args(["--release", "--package", "evenkeel-e2e", "--bin", "bench", "--"])
        .args(arguments)
        .become_it())
}
