//! `cargo xtask dev`: the service on this machine.

use std::ffi::OsString;

use crate::setup;
use crate::shell::Run;

/// Builds evenkeel and becomes `evenkeel dev`.
///
/// The debug build, because it is ready soonest after a change and after a clone.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    setup::for_running()?;
    let evenkeel = Run::cargo("run").args(["--package", "evenkeel", "--", "dev"]);
    Err(evenkeel.args(arguments).become_it())
}
