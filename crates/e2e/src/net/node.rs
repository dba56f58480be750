//! A node: the real `evenkeel server` and `evenkeel agent`, as two processes.

use std::fs::{self, OpenOptions, Permissions};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Switch, stage};
use crate::api::Api;
use crate::{eventually, http, lab, password};

/// Where everything of the node is: the test has this directory for itself.
const STATE: &str = "/var/lib/evenkeel";

/// Where the node says what it does.
const LOGS: &str = "/var/log/evenkeel-lab";

/// Who may use the API, where callers prove it.
const IDENTITY: &str = "/var/log/evenkeel-lab/identity.toml";

/// Where the API answers.
const LISTEN: &str = "127.0.0.1:9876";

/// The project that a test is a member of, unless it says otherwise.
pub const PROJECT: &str = "d0000000000000000000000000000001";

/// How long a process may take to answer.
const START: Duration = Duration::from_secs(20);

/// How a node is set up.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seconds between two looks at what it holds.
    pub recheck: f64,
    /// Seconds between two questions to what serves.
    pub observe: f64,
    /// Seconds after which a change that is not served yet shows ERROR.
    pub pending: f64,
    /// Whether callers prove who they are, as stock clients do, instead of saying so in headers.
    pub identity: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { recheck: 1.0, observe: 2.0, pending: 60.0, identity: false }
    }
}

/// A running node. Both processes end when it is dropped; what outlives them ends with the test.
#[derive(Debug)]
pub struct Node {
    api: Api,
    server: Child,
    agent: Child,
}

impl Deref for Node {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Node {
    /// A node that plugs into `switch`, with the networks of the stage.
    ///
    /// # Errors
    ///
    /// A process does not start; the message has what it logged.
    pub async fn start(switch: &Switch, plan: &Plan) -> anyhow::Result<Self> {
        fs::create_dir_all(STATE)?;
        fs::create_dir_all(LOGS)?;
        let plug = match switch {
            Switch::Bridge => "plug = 'bridge'",
            Switch::OpenVswitch(_) => "plug = 'ovs'",
        };
        let Plan { recheck, observe, pending, identity } = plan;
        let timings = format!("recheck = {recheck:?}\nobserve = {observe:?}\nsweep = 1.0\n");
        let agent = format!("[network]\n{plug}\n[timings]\n{timings}");
        fs::write(configuration("agent"), agent)?;
        let strategy = if *identity { register().await? } else { "auth_strategy = 'testing'" };
        let server = format!(
            "identity = '{IDENTITY}'\n[api]\n{strategy}\n[api.bounds]\npending = {pending:?}\n{}",
            stage::NETWORKS
        );
        fs::write(configuration("server"), server)?;
        let server = process("server", &[])?;
        let api = Api::new(LISTEN.parse()?, "nobody".to_owned()).of_project(PROJECT);
        eventually("the API answers", START, async || {
            let answer = http::get(api.api(), "/").await;
            answer.with_context(|| log("server"))
        })
        .await?;
        Ok(Self { api, server, agent: process("agent", &[])? })
    }

    /// The process id of the agent.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn agent(&self) -> anyhow::Result<u32> {
        self.agent.id().context("the agent has ended")
    }

    /// Ends the agent as a crash would.
    ///
    /// # Errors
    ///
    /// It cannot be ended.
    pub async fn kill_agent(&mut self) -> anyhow::Result<()> {
        Ok(self.agent.kill().await?)
    }

    /// Ends the control plane as a crash would.
    ///
    /// # Errors
    ///
    /// It cannot be ended.
    pub async fn kill_server(&mut self) -> anyhow::Result<()> {
        Ok(self.server.kill().await?)
    }

    /// Whether the agent has ended by itself before `within` is over.
    pub async fn agent_ends(&mut self, within: Duration) -> bool {
        timeout(within, self.agent.wait()).await.is_ok()
    }

    /// Starts the agent, with these variables in its environment. It has ended before.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start_agent(&mut self, environment: &[(&str, &str)]) -> anyhow::Result<()> {
        self.agent = process("agent", environment)?;
        Ok(())
    }

    /// What the agent has logged, in all its lives.
    pub fn agent_log(&self) -> String {
        log("agent")
    }
}

/// Writes down the user that `evenkeel dev env` tells stock clients to be; gives what the server is
/// told so that it asks.
async fn register() -> anyhow::Result<&'static str> {
    let identity = format!(
        "projects = [{{ id = '{PROJECT}', name = 'demo' }}]\n[[users]]\nid = 'u1'\nname = 'admin'\n\
         password = '{}'\nproject = 'demo'\nroles = ['admin', 'member', 'reader']\n",
        password::kept("any").await?
    );
    fs::write(IDENTITY, identity)?;
    fs::set_permissions(IDENTITY, Permissions::from_mode(0o600))?;
    Ok("auth_strategy = 'keystone'")
}

fn log(role: &str) -> String {
    fs::read_to_string(Path::new(LOGS).join(role)).unwrap_or_default()
}

fn configuration(role: &str) -> std::path::PathBuf {
    Path::new(LOGS).join(role).with_extension("toml")
}

fn process(role: &str, environment: &[(&str, &str)]) -> anyhow::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(Path::new(LOGS).join(role))?;
    let mut command = Command::new(lab::binary()?);
    command.arg(role).arg("--config").arg(configuration(role));
    command.envs(environment.iter().copied()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("evenkeel {role} cannot be started"))
}
