//! `evenkeel server`: the control plane, for agents that are processes of their own.

mod config;
mod identity;
mod network;
mod world;

use std::path::Path;

use anyhow::Context;
use clap::Args;

use crate::config::{Place, read};
use crate::service::{self, Stop};

pub(crate) use config::ServerConfig;
use world::World;
pub(crate) use world::open_store;

/// The file that is read if no other is named.
pub(crate) const FILE: &str = "/etc/evenkeel/server.toml";

/// What variables that set a key begin with.
const PREFIX: &str = "EVENKEEL_SERVER__";

/// What `evenkeel server` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// What is logged: error, warn, info, debug, or a filter of tracing's.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Serves until it is told to end.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = configuration(&arguments.place)?;
    service::log(arguments.log.as_deref().unwrap_or(&config.log))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

/// What the control plane of this machine is told.
///
/// # Errors
///
/// It cannot be read, or is wrong.
pub(crate) fn configuration(place: &Place) -> anyhow::Result<ServerConfig> {
    read(place, Path::new(FILE), PREFIX)
}

async fn serve(config: ServerConfig) -> anyhow::Result<()> {
    let bind = config.api.bind;
    let listener = tokio::net::TcpListener::bind(bind).await.with_context(|| {
        format!("could not listen on {bind}; end what listens there, or choose another api.bind")
    })?;
    let api = listener.local_addr()?;
    let socket = config.agents.socket.clone();
    let world = World::start(config, listener).await?;
    let stop = Stop::listen()?;
    service::ready(&format!(
        "evenkeel server is ready: http://{api}, agents at {}",
        socket.display()
    ));
    stop.said().await;
    service::stopping();
    world.stop().await;
    Ok(())
}
