//! `cargo xtask test`: all that is checked, stage by stage; CI runs this and nothing else.

mod counts;

use std::process::ExitCode;

use anyhow::bail;

use crate::shell::{Run, answer, say, timed};
use crate::{openapi, setup, tidy};
use counts::Counts;

/// The binary under test can be killed at named points.
const FAILPOINTS: [&str; 2] = ["--features", "evenkeel/failpoints"];

/// Stops at the first stage that fails; the tests themselves are all run, and then counted in the
/// last line that is printed.
pub(crate) fn run(thorough: bool) -> anyhow::Result<ExitCode> {
    stage("set-up", setup::for_testing)?;
    stage("format", || Run::cargo("fmt").args(["--all", "--", "--check"]).run())?;
    stage("tidy", tidy::run)?;
    stage("clippy", || {
        let all = Run::cargo("clippy").args(["--workspace", "--all-targets"]);
        all.args(FAILPOINTS).args(["--", "-D", "warnings"]).run()
    })?;
    // Binaries and tests in one go: apart, cargo would build what they share twice.
    stage("build", || {
        Run::cargo("build").args(["--workspace", "--all-targets"]).args(FAILPOINTS).run()
    })?;
    stage("openapi", || openapi::check(Run::built("debug", "evenkeel")))?;
    let tests = stage("tests", || nextest(thorough))?;
    let examples = stage("examples in the documentation", doctests)?;
    let counts = tests + examples;
    answer(&counts.to_string());
    Ok(if counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stage<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    say(&format!("\n== {name}"));
    let (result, took) = timed(work);
    let end = if result.is_ok() { "done" } else { "failed" };
    say(&format!("== {name}: {end} in {:.1} s", took.as_secs_f64()));
    result
}

fn nextest(thorough: bool) -> anyhow::Result<Counts> {
    let runner = Run::cargo("nextest").args(["run", "--workspace"]).args(FAILPOINTS);
    let runner = if thorough {
        runner.args(["--profile", "thorough"]).env("EVENKEEL_THOROUGH", "1")
    } else {
        runner
    };
    let watched = runner.watch()?;
    match Counts::of_nextest(&watched.text) {
        Some(counts) if watched.succeeded || counts.failed > 0 => Ok(counts),
        Some(_) | None => bail!("nextest did not come to an end"),
    }
}

fn doctests() -> anyhow::Result<Counts> {
    let watched =
        Run::cargo("test").args(["--doc", "--workspace", "--quiet", "--no-fail-fast"]).watch()?;
    let counts = Counts::of_libtest(&watched.text);
    if watched.succeeded || counts.failed > 0 {
        Ok(counts)
    } else {
        bail!("the examples could not be built")
    }
}
