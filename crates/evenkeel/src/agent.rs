//! `evenkeel agent`: the daemon that makes load balancers on one node as the control plane says.

mod alone;
mod config;
mod ovs;
mod plug;
mod timings;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use evenkeel_agent::{Agent, AgentConfig as Parts, Connector, Disk, RunningAgent, failpoint};
use evenkeel_driver::Driver;
use evenkeel_haproxy::{HaproxyDriver, HaproxyOptions, NodeLimits};
use evenkeel_model::AgentId;
use evenkeel_plumbing::process::descriptor_limit;
use evenkeel_plumbing::{Lifetime, file};
use evenkeel_wire::grpc::client;
use evenkeel_wire::link::AgentEnd;
use uuid::Uuid;

use crate::config::{Place, read};
use crate::service::{self, Stop};
use crate::template;
use alone::Alone;
pub(crate) use config::AgentConfig;
pub(crate) use config::PlugKind;

/// The file that is read if no other is named.
pub(crate) const FILE: &str = "/etc/evenkeel/agent.toml";

/// What variables that set a key begin with.
const PREFIX: &str = "EVENKEEL_AGENT__";

/// What `evenkeel agent` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// What is logged: error, warn, info, debug, or a filter of tracing's.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Keeps load balancers until it is told to end; what serves is left serving.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = configuration(&arguments.place)?;
    service::log(arguments.log.as_deref().unwrap_or(&config.log))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(keep(config))
}

/// What the agent of this node is told.
///
/// # Errors
///
/// It cannot be read, or is wrong.
pub(crate) fn configuration(place: &Place) -> anyhow::Result<AgentConfig> {
    read(place, Path::new(FILE), PREFIX)
}

async fn keep(config: AgentConfig) -> anyhow::Result<()> {
    let server = config.server.clone();
    let _alone = match config.network.plug {
        PlugKind::None => None,
        PlugKind::Bridge | PlugKind::OpenVswitch => Some(Alone::begin().await?),
    };
    let agent = start(config).await?;
    let stop = Stop::listen()?;
    service::ready(&format!("evenkeel agent is ready: control plane at {}", server.display()));
    stop.said().await;
    service::stopping();
    agent.stop().await;
    Ok(())
}

async fn start(config: AgentConfig) -> anyhow::Result<RunningAgent> {
    let state = std::path::absolute(&config.state)?;
    service::make_directory(&state)?;
    let template = match &config.haproxy.template {
        Some(path) => Some(template::checked(path, &config.haproxy.binary, &state).await?),
        None => None,
    };
    let driver: Arc<dyn Driver> = Arc::new(HaproxyDriver::new(HaproxyOptions {
        binary: config.haproxy.binary.clone(),
        lifetime: Lifetime::OutlivesParent,
        limits: NodeLimits { descriptors: descriptor_limit() },
        template,
        group: config.haproxy.group(),
        logs: Some(Arc::new(config.haproxy.logs())),
    }));
    let parts = Parts {
        agent: agent_id(&state)?,
        host: config.host()?,
        state_directory: state,
        secrets_directory: config.secrets,
        capacity: config.capacity,
        users: config.haproxy.users(),
        drivers: vec![(config.providers, driver)],
        plug: plug::plug(&config.network)?,
        connector: Arc::new(Socket(config.server)),
        disk: Disk::Durable,
        failpoint: failpoint::configured(),
        timings: config.timings.into(),
    };
    Ok(Agent::start(parts).await?)
}

/// The id of the agent of a state directory: the same for all its lives.
///
/// # Errors
///
/// It is not an id, or cannot be kept.
fn agent_id(state: &Path) -> anyhow::Result<AgentId> {
    let path = state.join("agent-id");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(|| {
            format!(
                "{} holds no id; bring it back from a copy, or remove it if the node is to begin \
                 anew",
                path.display()
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = AgentId::new(Uuid::new_v4());
            file::replace(&path, id.to_string().as_bytes())
                .with_context(|| format!("could not write {}", path.display()))?;
            Ok(id)
        }
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

/// The way to the control plane by its Unix socket.
#[derive(Debug)]
struct Socket(PathBuf);

#[async_trait::async_trait]
impl Connector for Socket {
    async fn connect(&self) -> io::Result<AgentEnd> {
        client::connect(&self.0).await.map_err(io::Error::other)
    }
}
