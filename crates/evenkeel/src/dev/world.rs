//! Everything that runs in one `evenkeel dev`: store, control plane, façades, agent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use evenkeel_agent::{Agent, AgentConfig, Connector, Disk, RunningAgent, Timings, failpoint};
use evenkeel_control::config::default_providers;
use evenkeel_control::{Config, ControlPlane, Services};
use evenkeel_driver::{Driver, Loopback};
use evenkeel_facade::{Directory, KeyManager, directory, identity, network};
use evenkeel_haproxy::{HaproxyDriver, HaproxyOptions, NodeLimits};
use evenkeel_model::address::AddressRules;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::tls::{Sealed, SealedMaterial};
use evenkeel_model::{AgentId, NetworkId, ProjectId, SubnetId};
use evenkeel_plumbing::Lifetime;
use evenkeel_plumbing::process::descriptor_limit;
use evenkeel_store::{Backend, KeptSecret, Store, StoreConfig, SystemClock};
use evenkeel_vault::Keyring;
use evenkeel_wire::link::AgentEnd;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::home::{self, Home};
use super::{Run, pending, template};

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
            template: template::checked(run, home).await?,
        }));
        let store = store(run, home).await?;
        let directory = Directory::default();
        let base = format!("http://{api}");
        let keyring = keyring(&store, home).await?;
        let key_manager = KeyManager::new(directory.clone(), store.clone(), keyring.clone(), &base);
        let config = config(run, api, driver.as_ref());
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
            .merge(identity::router(directory.clone(), &base))
            .merge(key_manager.router())
            .merge(network::router(directory, store, &base));
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
        identity_uri: format!("http://{api}/identity/v3"),
        providers: default_providers(driver.capabilities()),
        healthcheck_enabled: true,
        ..Config::default()
    };
    config.bounds.pending = pending(run);
    config.deployment.address_rules = address_rules();
    config
}

/// The keys that the secrets in the store are sealed with. Made with the first store, and not in the
/// place of some that are lost. Others are refused: what they sealed would be lost in its turn when
/// the right ones are back.
async fn keyring(store: &Store, home: &Home) -> anyhow::Result<Keyring> {
    let path = home::master_keys(&home.directory);
    if !path.exists() && has_secrets(store).await? {
        bail!(
            "{} is missing, without which the certificates in the database cannot be opened; bring \
             it back from a copy, or choose another --data",
            path.display()
        );
    }
    let keyring = Keyring::open_or_make(&path)?;
    if are_for_another_store(store, &keyring).await? {
        bail!(
            "{} opens nothing in the database: it is an older copy, or another database's; bring \
             back the last copy, or choose another --data",
            path.display()
        );
    }
    Ok(keyring)
}

/// Whether there is something sealed, and none of the first of it opens.
async fn are_for_another_store(store: &Store, keyring: &Keyring) -> anyhow::Result<bool> {
    let (some, opens) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let look = {
        let (keys, some, opens) = (keyring.keys(), Arc::clone(&some), Arc::clone(&opens));
        move |sealed: &Sealed| {
            some.store(true, Ordering::Relaxed);
            opens.fetch_or(keys.reseal(sealed).is_ok(), Ordering::Relaxed);
        }
    };
    let look_too = look.clone();
    let material = move |it: &SealedMaterial| {
        look(&it.sealed);
        None
    };
    store.reseal_material(None, material).await?;
    let secret = move |it: &KeptSecret| {
        it.sealed.iter().for_each(&look_too);
        None
    };
    store.reseal_secrets(None, secret).await?;
    Ok(some.load(Ordering::Relaxed) && !opens.load(Ordering::Relaxed))
}

async fn has_secrets(store: &Store) -> anyhow::Result<bool> {
    let material = store.reseal_material(None, |_| None).await?;
    Ok(material.is_some() || store.reseal_secrets(None, |_| None).await?.is_some())
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
