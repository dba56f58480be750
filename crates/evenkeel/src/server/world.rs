//! Everything that runs in one `evenkeel server`: store, control plane, façades.

use std::sync::Arc;

use anyhow::Context;
use evenkeel_control::config::AuthStrategy;
use evenkeel_control::{ControlPlane, Services};
use evenkeel_facade as facade;
use evenkeel_facade::directory::People;
use evenkeel_facade::{Directory, KeyManager, network};
use evenkeel_haproxy::render::CAPABILITIES;
use evenkeel_store::{Store, StoreConfig, SystemClock};
use evenkeel_wire::grpc::socket::Socket;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{ServerConfig, identity};
use crate::{master, service};

const NOBODY: People = People { projects: &[], users: &[] };

/// A control plane that runs.
#[derive(Debug)]
pub(super) struct World {
    control: ControlPlane,
    serving: JoinHandle<()>,
}

impl World {
    /// Starts everything, and serves on `listener`.
    pub(super) async fn start(config: ServerConfig, listener: TcpListener) -> anyhow::Result<Self> {
        let store = open_store(&config).await?;
        for entry in config.networks.clone() {
            let (network, subnets) = entry.network()?;
            let name = network.name.clone();
            let configured = store.configure_network(network, subnets).await;
            configured.with_context(|| format!("network {name} of the configuration"))?;
        }
        let keyring = master::keyring(&store, &config.master_keys).await?;
        let directory = directory(&config)?;
        let mut api = config.api;
        api.bind = listener.local_addr()?;
        let door = api.front_door();
        let key_manager =
            KeyManager::new(directory.clone(), store.clone(), keyring.clone(), door.clone());
        let services = Services {
            identity: Some(Arc::new(directory.clone())),
            key_store: Some(Arc::new(key_manager.clone())),
            keyring,
        };
        for provider in &mut api.providers {
            provider.capabilities = CAPABILITIES;
        }
        let control = ControlPlane::start(api, store.clone(), services)?;
        let socket = Socket::bind(&config.agents.socket, config.agents.uids).await?;
        control.serve_agents(socket);
        let app = control
            .router()
            .merge(facade::identity::router(directory.clone(), door.clone()))
            .merge(key_manager.router())
            .merge(network::router(directory, store, door));
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

/// Who may use the API. Where nobody is asked who he is, nobody can get a token either.
fn directory(config: &ServerConfig) -> anyhow::Result<Directory> {
    match config.api.auth_strategy {
        AuthStrategy::NoAuth | AuthStrategy::Testing => Ok(Directory::of(NOBODY)),
        AuthStrategy::Keystone => {
            let people = identity::people(&config.identity);
            people.map(Directory::of).context(
                "api.auth_strategy is keystone, which is answered here from the identity file: a \
                 Keystone elsewhere cannot be asked yet",
            )
        }
    }
}

/// The database of a configuration.
///
/// # Errors
///
/// The store's.
pub(crate) async fn open_store(config: &ServerConfig) -> anyhow::Result<Store> {
    let files = [&config.database.path, &config.master_keys];
    for directory in files.into_iter().filter_map(|file| file.parent()) {
        service::make_directory(directory)?;
    }
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
