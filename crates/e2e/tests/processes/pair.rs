//! A control plane and an agent of one's own, each a process, with a socket between them.

use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use evenkeel_e2e::lab::{self, SETTLE};
use evenkeel_e2e::{eventually, http, password};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const START: Duration = Duration::from_secs(20);
const PROJECT: &str = "a0000000000000000000000000000001";
const SUBNET: &str = "00000000-0000-4000-8000-000000000086";
pub(crate) const PASSWORD: &str = "open sesame";

/// Both processes. They end when this is dropped, and take their HAProxies with them.
#[derive(Debug)]
pub(crate) struct Pair {
    directory: TempDir,
    pub(crate) server: Option<Child>,
    pub(crate) agent: Option<Child>,
    pub(crate) api: SocketAddr,
    token: String,
    /// Where whoever supervises the processes listens, as the environment says it.
    pub(crate) supervisor: Option<String>,
}

impl Pair {
    /// Both, ready, with a file as database.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_on(None).await
    }

    /// Both, ready, with a PostgreSQL as database if its address is given.
    pub(crate) async fn start_on(postgres: Option<&str>) -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        write(directory.path(), postgres).await?;
        let mut pair = Self {
            directory,
            server: None,
            agent: None,
            api: "127.0.0.1:0".parse()?,
            token: String::new(),
            supervisor: None,
        };
        pair.start_server().await?;
        pair.start_agent().await?;
        pair.token = pair.token_for(PASSWORD).await?;
        Ok(pair)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/agent.sock")
    }

    /// What a process has logged.
    pub(crate) fn log(&self, of: &str) -> String {
        fs::read_to_string(self.path(of).with_extension("log")).unwrap_or_default()
    }

    /// Starts the control plane, where it was before. Tokens are gone with an earlier life.
    pub(crate) async fn start_server(&mut self) -> anyhow::Result<()> {
        let bind = format!("api.bind=\"{}\"", self.api);
        let (server, ready) = self.spawn("server", &["--set", &bind]).await?;
        let api = ready.split("http://").nth(1).and_then(|rest| rest.split(',').next());
        self.api = api.with_context(|| format!("no address in {ready}"))?.parse()?;
        self.server = Some(server);
        Ok(())
    }

    pub(crate) async fn start_agent(&mut self) -> anyhow::Result<()> {
        self.agent = Some(self.spawn("agent", &[]).await?.0);
        Ok(())
    }

    /// Logs in again.
    pub(crate) async fn log_in(&mut self) -> anyhow::Result<()> {
        self.token = self.token_for(PASSWORD).await?;
        Ok(())
    }

    pub(crate) async fn token_for(&self, password: &str) -> anyhow::Result<String> {
        let user = json!({"name": "eve", "domain": {"id": "default"}, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let body = json!({"auth": {"identity": identity}});
        let path = "/identity/v3/auth/tokens";
        let answer = http::request(self.api, "POST", path, &[], Some(&body)).await?.expect(201)?;
        let line = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("x-subject-token").then(|| value.trim().to_owned())
        };
        answer.head.lines().find_map(line).context("an answer without a token")
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<http::Answer> {
        let headers = [format!("X-Auth-Token: {}", self.token)];
        let path = format!("/v2/lbaas{path}");
        http::request(self.api, method, &path, &headers, body.as_ref()).await
    }

    /// A load balancer with one listener, once it is served.
    pub(crate) async fn serve(&self, name: &str) -> anyhow::Result<Value> {
        let listeners = json!([{"name": name, "protocol": "HTTP", "protocol_port": 8086}]);
        let body = json!({"loadbalancer": {
            "name": name, "vip_subnet_id": SUBNET, "listeners": listeners,
        }});
        let made = self.call("POST", "/loadbalancers", Some(body)).await?.expect(201)?.json();
        let id = lab::text(&made["loadbalancer"], "id")?;
        eventually(&format!("{name} is served"), SETTLE, async || {
            let shown = self.call("GET", &format!("/loadbalancers/{id}"), None).await?;
            let shown = shown.expect(200)?.json()["loadbalancer"].clone();
            ensure!(shown["provisioning_status"] == "ACTIVE", "{shown}");
            // Without a pool it has nothing to send anybody to, and says so.
            let vip = format!("{}:8086", lab::text(&shown, "vip_address")?).parse()?;
            http::get(vip, "/").await?.expect(503)?;
            Ok(shown)
        })
        .await
    }

    /// Whether the VIP answers.
    pub(crate) async fn answers(&self, load_balancer: &Value) -> anyhow::Result<()> {
        let vip = format!("{}:8086", lab::text(load_balancer, "vip_address")?).parse()?;
        http::get(vip, "/").await?.expect(503).map(drop)
    }

    /// A process, and the line with which it said that it is ready.
    async fn spawn(&self, what: &str, more: &[&str]) -> anyhow::Result<(Child, String)> {
        let directory = self.directory.path();
        let log = directory.join(what).with_extension("log");
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(lab::binary()?);
        command
            .arg(what)
            .arg("--config")
            .arg(directory.join(what).with_extension("toml"))
            .args(more);
        command.env_remove("RUST_LOG").stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        command.envs(self.supervisor.as_ref().map(|it| ("NOTIFY_SOCKET", it)));
        let mut process = command.spawn()?;
        let output = process.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        let read = timeout(START, BufReader::new(output).read_line(&mut line)).await;
        read.with_context(|| format!("evenkeel {what} is not ready"))??;
        if !line.contains("is ready") {
            let said = fs::read_to_string(directory.join(what).with_extension("log"))?;
            bail!("evenkeel {what} said {line:?}: {said}");
        }
        Ok((process, line))
    }

    /// The HAProxies of this pair.
    pub(crate) fn haproxies(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            let place = fs::read_link(entry.path().join("cwd"));
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let is_ours = place.is_ok_and(|it| it.starts_with(self.directory.path()));
            found.extend(pid.filter(|_| is_ours && name.trim() == "haproxy"));
        }
        found.sort_unstable();
        found
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.agent].into_iter().flatten() {
            let _ = process.start_kill();
        }
        for pid in self.haproxies() {
            lab::kill(pid);
        }
    }
}

/// Ends a process as a power cut would.
pub(crate) async fn kill(process: &mut Option<Child>) -> anyhow::Result<()> {
    let mut process = process.take().context("it does not run")?;
    process.start_kill()?;
    process.wait().await?;
    Ok(())
}

/// Ends a process as whoever supervises it would, and waits until it has ended well.
pub(crate) async fn terminate(process: &mut Option<Child>) -> anyhow::Result<()> {
    let mut process = process.take().context("it does not run")?;
    let pid = process.id().context("it has ended")?.to_string();
    Command::new("kill").args(["-TERM", &pid]).status().await?;
    let ended = timeout(Duration::from_secs(30), process.wait()).await.context("it goes on")??;
    ensure!(ended.success(), "{ended}");
    Ok(())
}

async fn write(directory: &Path, postgres: Option<&str>) -> anyhow::Result<()> {
    let shown = directory.display();
    let database = match postgres {
        Some(url) => format!("url = '{url}'"),
        None => format!("path = '{shown}/evenkeel.db'"),
    };
    let vips = format!("127.85.{}.0/24", 1 + std::process::id() % 250);
    let server = format!(
        "log = 'debug'\nmaster_keys = '{shown}/master.key'\nidentity = '{shown}/identity.toml'\n\
         [database]\n{database}\n[agents]\nsocket = '{shown}/run/agent.sock'\n\
         [api.deployment.address_rules]\nloopback_allowed = true\n\
         [[networks]]\nid = '00000000-0000-4000-8000-000000000001'\nname = 'vips'\n\
         project = '{PROJECT}'\nshared = true\n\
         subnets = [{{ id = '{SUBNET}', name = 'vips', cidr = '{vips}' }}]\n"
    );
    let agent = format!(
        "log = 'debug'\nstate = '{shown}/agent'\nsecrets = '{shown}/secrets'\n\
         server = '{shown}/run/agent.sock'\n[network]\nplug = 'none'\n\
         [haproxy]\nlogs = '{shown}/logs'\n\
         [timings]\nrecheck = 1.0\nlongest_pause = 2.0\n"
    );
    let identity = format!(
        "projects = [{{ id = '{PROJECT}', name = 'web' }}]\n[[users]]\nid = 'u1'\nname = 'eve'\n\
         password = '{}'\nproject = 'web'\nroles = ['member', 'reader']\n",
        password::kept(PASSWORD).await?
    );
    for (name, text) in [("server", server), ("agent", agent), ("identity", identity)] {
        let path = directory.join(name).with_extension("toml");
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}
