//! What goes over the wire of a machine of the lab.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Place;

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// A running `tcpdump`. Ends when it is dropped.
#[derive(Debug)]
pub struct Capture {
    lines: Arc<Mutex<Vec<String>>>,
    _process: Child,
}

impl Capture {
    /// Listens on a device of `place`, for what the filter lets through; returns when it does.
    ///
    /// # Errors
    ///
    /// It cannot, for example because the filter makes no sense.
    pub async fn start(place: &Place, device: &str, filter: &str) -> anyhow::Result<Self> {
        let mut command = Command::new("ip");
        let words = ["netns", "exec", place.name(), "tcpdump", "-U", "-l", "-e", "-n", "-i"];
        command.args(words).args([device, "--immediate-mode", filter]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn()?;
        let said = process.stderr.take().context("no standard error")?;
        timeout(START, listening(said)).await.context("tcpdump does not start")??;
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (out, seen) = (process.stdout.take().context("no output")?, Arc::clone(&lines));
        tokio::spawn(async move {
            let mut out = BufReader::new(out).lines();
            while let Ok(Some(line)) = out.next_line().await {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { lines, _process: process })
    }

    /// What was seen so far, a line for each packet.
    pub fn seen(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listening(said: tokio::process::ChildStderr) -> anyhow::Result<()> {
    let mut said = BufReader::new(said).lines();
    while let Some(line) = said.next_line().await? {
        if line.contains("listening on") {
            // What it says at its end must find a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
            return Ok(());
        }
    }
    bail!("tcpdump ended")
}
