//! Everything that runs in one `evenkeel server`: store, control plane, façades.

use std::sync::Arc;

use anyhow::{Context, bail};
use evenkeel_control::config::AuthStrategy;
use evenkeel_control::{ControlPlane, Services};
use evenkeel_facade::{Directory, KeyManager, network};
use evenkeel_haproxy::render::CAPABILITIES;
use evenkeel_store::{Store, StoreConfig, SystemClock};
use evenkeel_wire::grpc::socket::Socket;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::ServerConfig;
use crate::master;

/// A control plane that runs.
#[derive(Debug)]
pub(super) struct World {
    control: ControlPlane,
    serving: JoinHandle<()>,
}

impl World {
    /// Starts everything, and serves on `listener`.
    pub(super) async fn start(config: ServerConfig, listener: TcpListener) -> anyhow::Result<Self> {
        let base = format!("http://{}", listener.local_addr()?);
        let store = open_store(&config).await?;
        for entry in config.networks {
            let (network, subnets) = entry.network()?;
            let name = network.name.clone();
            let configured = store.configure_network(network, subnets).await;
            configured.with_context(|| format!("network {name} of the configuration"))?;
        }
        let keyring = master::keyring(&store, &config.master_keys).await?;
        let directory = directory(config.api.auth_strategy)?;
        let key_manager = KeyManager::new(directory.clone(), store.clone(), keyring.clone(), &base);
        let services =
            Services { identity: None, key_store: Some(Arc::new(key_manager.clone())), keyring };
        let mut api = config.api;
        for provider in &mut api.providers {
            provider.capabilities = CAPABILITIES;
        }
        let control = ControlPlane::start(api, store.clone(), services)?;
        let socket = Socket::bind(&config.agents.socket, config.agents.uids)?;
        control.serve_agents(socket);
        let app = control
            .router()
            .merge(key_manager.router())
            .merge(network::router(directory, store, &base));
        let serving = tokio::spawn({
            let control = control.clone();
            async move { control.serve(listener, app).await }
        });
        Ok(Self { control, serving })
    }

    /// Ends what is under way, within the configured while.
    pub(super) async fn stop(self) {
        self.control.stop().await;
        self.serving.abort();
    }
}

fn directory(strategy: AuthStrategy) -> anyhow::Result<Directory> {
    match strategy {
        AuthStrategy::NoAuth | AuthStrategy::Testing => Ok(Directory::default()),
        AuthStrategy::Keystone => bail!(
            "api.auth_strategy: a Keystone cannot be asked yet; say testing or noauth where nobody \
             else reaches the API"
        ),
    }
}

/// The database of a configuration.
///
/// # Errors
///
/// The store's.
pub(crate) async fn open_store(config: &ServerConfig) -> anyhow::Result<Store> {
    let store = Store::open(StoreConfig {
        backend: config.database.backend(),
        inline: false,
        strict_immutable: config.api.strict_immutable,
        count_quotas: config.api.auth_strategy != AuthStrategy::NoAuth,
        default_limits: config.api.limits,
        address_rules: config.api.deployment.address_rules.clone(),
        clock: Arc::new(SystemClock),
    });
    store.await.context("could not open the database")
}
