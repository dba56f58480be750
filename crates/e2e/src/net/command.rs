//! Commands of the lab, as a person would type them. (The product runs none of them.)

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::time::timeout;

/// How long one may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command line, whose words are parted by spaces, and gives what it printed.
///
/// # Errors
///
/// It cannot be run, fails, or takes too long; the message has what it complained of.
pub async fn run(line: &str) -> anyhow::Result<String> {
    let mut words = line.split_whitespace();
    let program = words.next().context("an empty command")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.with_context(|| format!("{line}: takes too long"))?;
    let output = output.with_context(|| format!("{line}: {program} is missing"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        bail!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim())
    }
}
