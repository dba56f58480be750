//! Everything that runs in one `evenkeel dev`: store, control plane, façades, agent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use evenkeel_agent::{Agent, AgentConfig, Connector, Disk, RunningAgent, Timings, failpoint};
use evenkeel_control::config::default_providers;
use evenkeel_control::{Config, ControlPlane, Services};
use evenkeel_driver::{Driver, Loopback};
use evenkeel_facade::{Directory, KeyManager, directory, identity, network};
use evenkeel_haproxy::{HaproxyDriver, HaproxyOptions, LogOptions, NodeLimits, Template};
use evenkeel_model::address::AddressRules;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::{AgentId, NetworkId, ProjectId, SubnetId};
use evenkeel_plumbing::Lifetime;
use evenkeel_plumbing::process::descriptor_limit;
use evenkeel_store::{Backend, Store, StoreConfig, SystemClock};
use evenkeel_wire::link::AgentEnd;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::home::{self, Home};
use super::{Run, pending};
use crate::{master, template};

/// The subnet that VIPs come from; the same in every run.
pub(super) const VIP_SUBNET: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0086);
const VIP_NETWORK: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

/// How many load balancers the one agent takes.
const CAPACITY: u32 = 10_000;

/// A running service.
pub(super) struct World {
    control: ControlPlane,
    agent: RunningAgent,
    serving: JoinHandle<()>,
    /// A token for the admin in the project `demo`.
    pub(super) token: String,
}

impl World {
    /// Starts everything, and serves on `listener`.
    pub(super) async fn start(
        run: &Run,
        listener: TcpListener,
        home: &Home,
    ) -> anyhow::Result<Self> {
        let api = listener.local_addr()?;
        let driver: Arc<dyn Driver> = Arc::new(HaproxyDriver::new(HaproxyOptions {
            binary: run.haproxy.clone(),
            lifetime: if home.kept { Lifetime::OutlivesParent } else { Lifetime::WithParent },
            limits: NodeLimits { descriptors: descriptor_limit() },
            template: template(run, home).await?,
            group: None,
            logs: Some(Arc::new(LogOptions::in_directory(home.directory.join("logs")))),
        }));
        let store = store(run, home).await?;
        let directory = Directory::default();
        let keyring = master::keyring(&store, &home::master_keys(&home.directory)).await?;
        let config = config(run, api, driver.as_ref());
        let door = config.front_door();
        let key_manager =
            KeyManager::new(directory.clone(), store.clone(), keyring.clone(), door.clone());
        let providers = config.providers.iter().map(|entry| entry.name.clone()).collect();
        let services = Services {
            identity: Some(Arc::new(directory.clone())),
            key_store: Some(Arc::new(key_manager.clone())),
            keyring,
        };
        let control = ControlPlane::start(config, store.clone(), services)?;
        let agent = Agent::start(AgentConfig {
            agent: AgentId::new(home.agent()?),
            host: "localhost".to_owned(),
            state_directory: home.directory.join("agent"),
            secrets_directory: home.secrets()?,
            users: None,
            capacity: CAPACITY,
            drivers: vec![(providers, driver)],
            plug: Arc::new(Loopback),
            connector: Arc::new(Within(control.clone())),
            disk: Disk::Durable,
            failpoint: failpoint::configured(),
            timings: Timings::default(),
        })
        .await?;
        let admin = directory::user("admin").context("there is an admin")?;
        let (token, _) = directory.issue(admin, demo_project()?);
        let app = control
            .router()
            .merge(identity::router(directory.clone(), door.clone()))
            .merge(key_manager.router())
            .merge(network::router(directory, store, door));
        let serving = tokio::spawn({
            let control = control.clone();
            async move { control.serve(listener, app).await }
        });
        Ok(Self { control, agent, serving, token })
    }

    /// Ends agent and control plane, in this order, so that what the agent says is still heard.
    pub(super) async fn stop(self) {
        self.agent.stop().await;
        self.control.stop().await;
        self.serving.abort();
    }
}

/// The way to the control plane within this process.
#[derive(Debug)]
struct Within(ControlPlane);

#[async_trait::async_trait]
impl Connector for Within {
    async fn connect(&self) -> io::Result<AgentEnd> {
        Ok(self.0.connect())
    }
}

async fn template(run: &Run, home: &Home) -> anyhow::Result<Option<Arc<Template>>> {
    match &run.haproxy_template {
        None => Ok(None),
        Some(path) => {
            let checked = template::checked(path, &run.haproxy, &home.directory).await;
            checked.map(Some).context("--haproxy-template cannot be used")
        }
    }
}

fn demo_project() -> anyhow::Result<directory::Project> {
    directory::project("demo").context("there is a project demo")
}

/// On a laptop, members and VIPs may be on the loopback.
fn address_rules() -> AddressRules {
    AddressRules { loopback_allowed: true, reserved: Vec::new() }
}

fn config(run: &Run, api: SocketAddr, driver: &dyn Driver) -> Config {
    let mut config = Config {
        bind: api,
        providers: default_providers(driver.capabilities()),
        healthcheck_enabled: true,
        ..Config::default()
    };
    config.bounds.pending = pending(run);
    config.deployment.address_rules = address_rules();
    config
}

/// The database of a directory.
pub(crate) async fn open_store(home: &Home) -> anyhow::Result<Store> {
    let path = home.directory.join("evenkeel.db");
    let store = Store::open(StoreConfig {
        backend: Backend::Sqlite { path },
        inline: false,
        strict_immutable: false,
        count_quotas: true,
        default_limits: evenkeel_model::quota::Limits::default(),
        address_rules: address_rules(),
        clock: Arc::new(SystemClock),
    });
    Ok(store.await?)
}

async fn store(run: &Run, home: &Home) -> anyhow::Result<Store> {
    let store = open_store(home).await?;
    let network = Network {
        id: NetworkId::new(VIP_NETWORK),
        name: "vip-network".to_owned(),
        project: ProjectId::new(demo_project()?.id).context("a fixed id is an id")?,
        shared: true,
        mtu: 65_535,
        vlan: None,
        is_external: false,
        allowed: Vec::new(),
    };
    let subnet = Subnet {
        id: SubnetId::new(VIP_SUBNET),
        network: network.id,
        name: "vips".to_owned(),
        cidr: run.vips.into(),
        gateway: None,
        host_routes: Vec::new(),
        pools: Vec::new(),
    };
    store.seed_network(network, vec![subnet]).await?;
    Ok(store)
}
