//! `cargo xtask bench`: the figures of `docs/benchmarks.md`.

use std::ffi::OsString;

use crate::setup;
use crate::shell::Run;

/// Builds everything as it is released, and becomes the benchmark.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    setup::for_measuring()?;
    let wanted = ["--package", "evenkeel", "--package", "evenkeel-e2e", "--bins"];
    Run::cargo("build").arg("--release").args(wanted).run()?;
    Err(Run::built("release", "bench").args(arguments).become_it())
}
