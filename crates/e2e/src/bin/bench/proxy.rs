//! HAProxies that are started with a file of the benchmark's own, and what they cost.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running HAProxy. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Child,
    _place: TempDir,
}

impl Proxy {
    /// Starts one with this file, on this processor, in a directory that has what ours need.
    pub(crate) fn start(file: &str, processor: usize) -> anyhow::Result<Self> {
        Self::beside(&[], file, processor)
    }

    /// The same with these files, by name and content, in the directory.
    pub(crate) fn beside(
        files: &[(&str, &str)],
        file: &str,
        processor: usize,
    ) -> anyhow::Result<Self> {
        let place = tempfile::tempdir()?;
        for (name, content) in files {
            std::fs::write(place.path().join(name), content)?;
        }
        std::fs::write(place.path().join("haproxy.cfg"), file)?;
        std::fs::write(place.path().join("servers.state"), "1\n")?;
        std::fs::create_dir(place.path().join("jail"))?;
        // In a session of its own, as ours are: Linux shares processors out among sessions.
        let process = Command::new("setsid")
            .args(["taskset", "--cpu-list", &processor.to_string(), "/usr/sbin/haproxy"])
            .args(["-db", "-f", "../haproxy.cfg"])
            .current_dir(place.path().join("jail"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("setsid, taskset or haproxy is missing")?;
        Ok(Self { process, _place: place })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().context("it has ended")
    }
}

/// Waits until somebody listens.
pub(crate) async fn until_listening(socket: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(socket).await.is_err() {
        if Instant::now() > deadline {
            bail!("nobody listens on {socket}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// How much processor time a process has used.
pub(crate) fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok()).context("no time");
    // Linux counts in hundredths of a second for everybody.
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

/// A line of `/proc/<pid>/smaps_rollup`, in kilobytes: `Pss` is what a process has, its share of
/// what it shares included.
pub(crate) fn memory(pid: u32, line: &str) -> anyhow::Result<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/smaps_rollup"));
    let text = std::fs::read_to_string(path)?;
    let wanted = format!("{line}:");
    let line = text.lines().find(|it| it.starts_with(&wanted)).context("no such line")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}
