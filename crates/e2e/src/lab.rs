//! An `evenkeel dev` of one's own: a real process, on ports and VIPs that nobody else has.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::eventually;
use crate::http::{self, Answer};

/// How long the first line may take, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(20);

/// How long a killed service may take to end.
const END: Duration = Duration::from_secs(5);

/// How long a change may take until it is served, likewise.
pub const SETTLE: Duration = Duration::from_secs(20);

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
    api: SocketAddr,
    token: String,
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
        let (process, api, token) = spawn(&plan, directory.path(), "127.0.0.1:0").await?;
        Ok(Self { plan, directory, process, api, token })
    }

    /// Where the API answers.
    pub const fn api(&self) -> SocketAddr {
        self.api
    }

    /// The token of the banner.
    pub fn token(&self) -> &str {
        &self.token
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
        let listen = self.api.to_string();
        let (process, api, token) = spawn(&self.plan, self.directory.path(), &listen).await?;
        (self.process, self.api, self.token) = (process, api, token);
        Ok(())
    }

    /// One call of the API below `/v2.0/lbaas`, with the banner's token.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let headers = [format!("X-Auth-Token: {}", self.token)];
        let target = format!("/v2.0/lbaas{path}");
        http::request(self.api, method, &target, &headers, body.as_ref()).await
    }

    /// `POST`, and the object that was created.
    ///
    /// # Errors
    ///
    /// It was not created; the message has the fault.
    pub async fn create(&self, collection: &str, body: Value) -> anyhow::Result<Value> {
        let created = self.call("POST", collection, Some(body)).await?.expect(201)?.json();
        let inner = created.as_object().and_then(|object| object.values().next());
        inner.cloned().context("an empty envelope")
    }

    /// `GET` of one object.
    ///
    /// # Errors
    ///
    /// There is none; the message has the fault.
    pub async fn show(&self, path: &str) -> anyhow::Result<Value> {
        let shown = self.call("GET", path, None).await?.expect(200)?.json();
        let inner = shown.as_object().and_then(|object| object.values().next());
        inner.cloned().context("an empty envelope")
    }

    /// The id of the subnet that VIPs come from.
    ///
    /// # Errors
    ///
    /// The network façade does not answer.
    pub async fn vip_subnet(&self) -> anyhow::Result<String> {
        let headers = [format!("X-Auth-Token: {}", self.token)];
        let target = "/network/v2.0/subnets?name=vips";
        let answer = http::request(self.api, "GET", target, &headers, None).await?.expect(200)?;
        text(&answer.json()["subnets"][0], "id")
    }

    /// A load balancer of this name, with nothing in it.
    ///
    /// # Errors
    ///
    /// It was not created.
    pub async fn create_load_balancer(&self, name: &str) -> anyhow::Result<Value> {
        let subnet = self.vip_subnet().await?;
        let body = json!({"loadbalancer": {"name": name, "vip_subnet_id": subnet}});
        self.create("/loadbalancers", body).await
    }

    /// Waits until the load balancer is ACTIVE.
    ///
    /// # Errors
    ///
    /// It is not, after [`SETTLE`]; the message has its status and reason.
    pub async fn until_active(&self, load_balancer: &str) -> anyhow::Result<Value> {
        self.until(&format!("/loadbalancers/{load_balancer}"), "provisioning_status", "ACTIVE")
            .await
    }

    /// Waits until `field` of the object at `path` is `wanted`.
    ///
    /// # Errors
    ///
    /// It is not, after [`SETTLE`]; the message has the object.
    pub async fn until(&self, path: &str, field: &str, wanted: &str) -> anyhow::Result<Value> {
        eventually(&format!("{path} has {field} {wanted}"), SETTLE, async || {
            let object = self.show(path).await?;
            if object[field] == wanted { Ok(object) } else { bail!("{object}") }
        })
        .await
    }

    /// Waits until there is no object at `path`.
    ///
    /// # Errors
    ///
    /// There still is one after [`SETTLE`].
    pub async fn until_gone(&self, path: &str) -> anyhow::Result<()> {
        eventually(&format!("{path} is gone"), SETTLE, async || {
            self.call("GET", path, None).await?.expect(404).map(drop)
        })
        .await
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

/// A text field of an object.
///
/// # Errors
///
/// It is missing, or no text.
pub fn text(object: &Value, field: &str) -> anyhow::Result<String> {
    object[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {object}"))
}

async fn spawn(
    plan: &Plan,
    directory: &Path,
    listen: &str,
) -> anyhow::Result<(Child, SocketAddr, String)> {
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
        Ok(Ok((api, token))) => Ok((process, api, token)),
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
