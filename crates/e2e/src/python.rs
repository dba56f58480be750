//! The stock clients, from PyPI, in the virtual environment that `cargo xtask test` makes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::time::timeout;

use crate::Lab;
use crate::api::Api;
use crate::member::Backend;

/// How long one script may take: importing the clients alone takes seconds.
const PATIENCE: Duration = Duration::from_mins(4);

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The interpreter with the clients.
///
/// # Errors
///
/// It was not made.
pub fn interpreter() -> anyhow::Result<PathBuf> {
    let python = workspace().join("target/python/bin/python");
    if python.is_file() {
        Ok(python)
    } else {
        bail!("{} is missing; `cargo xtask test` makes it", python.display())
    }
}

/// Runs a script of `crates/e2e/python` against a lab, with the variables that `evenkeel dev env`
/// prints, and gives what it printed.
///
/// # Errors
///
/// It fails, or takes too long; the message has what it printed.
pub async fn run(lab: &Lab, script: &str, arguments: &[String]) -> anyhow::Result<String> {
    let mut command = Command::new(interpreter()?);
    command.arg(workspace().join("crates/e2e/python").join(script)).args(arguments);
    finished(lab, script, command).await
}

/// Runs the first block of shell commands in a chapter of `docs`, in a directory of its own, with
/// `member` in the place of the demonstration's. Gives what it printed.
///
/// # Errors
///
/// A command fails, or they take too long; the message has what was printed.
pub async fn run_chapter(lab: &Lab, chapter: &str, member: &Backend) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(workspace().join("docs").join(chapter))?;
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let socket = member.socket();
    let own = format!("{} --protocol-port {}", socket.ip(), socket.port());
    let theirs = "127.87.0.1 --protocol-port 8080";
    let block = block.context("the chapter has no commands")?.replace(theirs, &own);
    let place = tempfile::tempdir()?;
    let interpreter = interpreter()?;
    let clients = interpreter.parent().context("the interpreter is in a directory")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-e", "-u", "-o", "pipefail", "-c", &block])
        .current_dir(place.path())
        .env("PATH", format!("{}:{path}", clients.display()));
    finished(lab, chapter, command).await
}

/// Runs the stock `openstack` client with these words, parted by spaces, and gives what it printed.
///
/// # Errors
///
/// It fails, or takes too long; the message has what it complained of.
pub async fn openstack(api: &Api, line: &str) -> anyhow::Result<String> {
    let mut command = Command::new(interpreter()?);
    command.args(["-m", "openstackclient.shell"]).args(line.split_whitespace());
    finished(api, line, command).await
}

/// What a command prints that speaks to a service.
async fn finished(api: &Api, script: &str, mut command: Command) -> anyhow::Result<String> {
    let binary = crate::lab::binary()?;
    let listen = api.api().to_string();
    let printed = Command::new(binary).args(["dev", "env", "--listen", &listen]).output().await?;
    let exports = String::from_utf8(printed.stdout)?;
    let variables =
        exports.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    command.envs(variables).kill_on_drop(true);
    let output =
        timeout(PATIENCE, command.output()).await.context("the script takes too long")??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(printed)
    } else {
        bail!("{script} failed:\n{printed}\n{}", String::from_utf8_lossy(&output.stderr))
    }
}
