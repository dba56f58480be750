//! The test runner.

use anyhow::Context;

use crate::shell::{Run, say};

/// A version that the toolchain of `rust-toolchain.toml` can build; any that is present will do.
const VERSION: &str = "0.9.143";

/// Installs cargo-nextest, unless there is one.
pub(crate) fn install() -> anyhow::Result<()> {
    if Run::cargo("nextest").arg("--version").quietly() {
        return Ok(());
    }
    say("set-up: building cargo-nextest, once (some minutes)");
    Run::cargo("install")
        .args(["cargo-nextest", "--locked", "--version", VERSION])
        .run()
        .with_context(|| format!("type: cargo install cargo-nextest --locked --version {VERSION}"))
}
