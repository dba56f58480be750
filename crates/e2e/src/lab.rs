//! An `evenkeel dev` of one's own: a real process, on ports and VIPs that nobody else has.

use std::io::Write;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::api::Api;
pub use crate::api::{SETTLE, text};

/// How long the first line may take, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(20);

/// How long a killed service may take to end.
const END: Duration = Duration::from_secs(5);

/// What the names of directories of labs begin with: so long that no socket in them can be reached
/// by its path.
const PREFIX: &str = "evenkeel-e2e-whose-sockets-have-long-paths-";

/// How a lab differs from a plain `evenkeel dev`.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Keep the data, and the HAProxies, across restarts.
    pub keep: bool,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// The range that VIPs come from; by default a small one of this process.
    pub vips: Option<String>,
    /// A command that runs the binary, with its arguments behind these.
    pub wrapper: Vec<String>,
}

/// A running service. Ends when it is dropped, and takes its HAProxies with it.
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    directory: TempDir,
    process: Child,
    api: Api,
}

impl Deref for Lab {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// Where the binary under test is: beside the test's own.
///
/// # Errors
///
/// It was not built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let place = test.ancestors().find(|place| place.join("evenkeel").is_file());
    place
        .map(|place| place.join("evenkeel"))
        .context("the evenkeel binary is missing; build it first: cargo build -p evenkeel")
}

/// VIPs that no other test of this machine uses: a /24 chosen by the process id.
fn own_vips() -> String {
    let slot = 1 + std::process::id() % 250;
    format!("127.86.{slot}.0/24")
}

impl Lab {
    /// A service with nothing in it, that keeps nothing.
    ///
    /// # Errors
    ///
    /// It does not start; the message has what it printed.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Plan::default()).await
    }

    /// A service as `plan` says.
    ///
    /// # Errors
    ///
    /// It does not start; the message has what it printed.
    pub async fn with(plan: Plan) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let (process, api) = spawn(&plan, directory.path(), "127.0.0.1:0").await?;
        Ok(Self { plan, directory, process, api })
    }

    /// Where the data is, if it is kept.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The process id of the service.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().context("the service has ended")
    }

    /// Ends the service as a power cut would.
    ///
    /// # Errors
    ///
    /// It cannot be ended.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        Ok(())
    }

    /// Waits until the service has ended by itself.
    ///
    /// # Errors
    ///
    /// It is still there after `within`.
    pub async fn ended(&mut self, within: Duration) -> anyhow::Result<()> {
        timeout(within, self.process.wait()).await.context("the service goes on")??;
        Ok(())
    }

    /// Starts the service again on the same data and the same port. `environment` replaces that of
    /// the plan.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn restart(&mut self, environment: &[(&str, &str)]) -> anyhow::Result<()> {
        let pairs = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        self.plan.environment = pairs.collect();
        let listen = self.api().to_string();
        (self.process, self.api) = spawn(&self.plan, self.directory.path(), &listen).await?;
        Ok(())
    }

    /// The process ids of the HAProxies of this service.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be read.
    pub fn haproxies(&self) -> anyhow::Result<Vec<u32>> {
        let own = self.directory.path();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            let directory = std::fs::read_link(entry.path().join("cwd"));
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let ours = directory.is_ok_and(|it| it.starts_with(own));
            if let Some(pid) = pid
                && ours
                && name.trim() == "haproxy"
            {
                found.push(pid);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The service first, which would start again what ends under it.
        let _ = self.process.start_kill();
        let deadline = tokio::time::Instant::now() + END;
        while let Ok(None) = self.process.try_wait()
            && tokio::time::Instant::now() < deadline
        {
            std::thread::yield_now();
        }
        // With kept data the HAProxies outlive the service; a test leaves nothing behind.
        for pid in self.haproxies().unwrap_or_default() {
            kill(pid);
        }
        if let Ok(keys) = crate::tls::clear_keys(&self.data()) {
            let _ = std::fs::remove_dir_all(keys);
        }
        // Killed, a service leaves its directory for keys to the next one.
        for entry in std::fs::read_dir(self.directory.path()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("evenkeel-dev-") {
                let _ = std::fs::remove_dir_all(Path::new("/dev/shm").join(entry.file_name()));
            }
        }
    }
}

/// Ends a process that this test's service started.
pub fn kill(pid: u32) {
    let outcome = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    if outcome.is_ok() {
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).spawn();
    }
}

async fn spawn(plan: &Plan, directory: &Path, listen: &str) -> anyhow::Result<(Child, Api)> {
    let binary = binary()?;
    let words: Vec<_> = plan.wrapper.iter().map(Into::into).chain([binary]).collect();
    let mut command = Command::new(&words[0]);
    let vips = plan.vips.clone().unwrap_or_else(own_vips);
    command.args(&words[1..]).args(["dev", "--listen", listen, "--vips", &vips]);
    if plan.keep {
        command.arg("--data").arg(directory.join("data"));
    }
    command.args(&plan.arguments);
    command.envs(plan.environment.iter().map(|(name, value)| (name, value)));
    command.env("TMPDIR", directory).stdout(Stdio::piped()).stderr(log(directory)?);
    let mut process = command.stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let output = process.stdout.take().context("no standard output")?;
    match timeout(START, banner(output, log(directory)?)).await {
        Ok(Ok((socket, token))) => Ok((process, Api::new(socket, token))),
        outcome => {
            let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
            bail!("the service does not start ({outcome:?}):\n{log}")
        }
    }
}

fn log(directory: &Path) -> anyhow::Result<std::fs::File> {
    let path = directory.join("log");
    Ok(std::fs::OpenOptions::new().create(true).append(true).open(path)?)
}

/// Reads the banner until it has named the address and a token; what comes behind it goes to `rest`.
async fn banner(
    output: tokio::process::ChildStdout,
    mut rest: std::fs::File,
) -> anyhow::Result<(SocketAddr, String)> {
    let mut lines = BufReader::new(output).lines();
    let mut api = None;
    while let Some(line) = lines.next_line().await? {
        if let Some((_, rest)) = line.split_once("is ready: http://") {
            api = rest.split_whitespace().next().and_then(|address| address.parse().ok());
        }
        if let Some((address, token)) = api.zip(line.trim().strip_prefix("TOKEN=")) {
            let token = token.to_owned();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    // Without a place to write there is nobody who reads it.
                    let _ = writeln!(rest, "{line}");
                }
            });
            return Ok((address, token));
        }
    }
    bail!("the output ended before the banner")
}
