//! A node that serves nothing, and the agent that lives on it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use evenkeel_agent::{Agent, AgentConfig, Disk, Failpoint, RunningAgent, SimulatedDisk, Timings};
use evenkeel_control::ControlPlane;
use evenkeel_driver::{FakeDriver, Plug, PlugError, Plugged, Site};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{AgentId, Epoch, LoadBalancerGraph, LoadBalancerId};
use tempfile::TempDir;
use uuid::Uuid;

use super::cable::{self, Cable};
use super::{Dice, Trap};

/// How many load balancers a node takes.
const CAPACITY: u32 = 100;

/// A node. What it serves outlives its agent, as processes and files do.
#[derive(Debug)]
pub struct Node {
    /// Who lives here.
    pub agent: AgentId,
    /// What serves here.
    pub driver: FakeDriver,
    /// The way to the control plane.
    pub cable: Arc<Cable>,
    /// Where the agent dies.
    pub trap: Arc<Trap>,
    plug: Arc<Sockets>,
    directory: TempDir,
    running: Option<RunningAgent>,
}

impl Node {
    /// The node of this number, without its agent.
    pub(super) fn new(number: u128, control: ControlPlane, dice: Dice) -> anyhow::Result<Self> {
        Ok(Self {
            agent: AgentId::new(Uuid::from_u128(number)),
            driver: FakeDriver::default(),
            cable: Arc::new(Cable::new(control, dice)),
            trap: Arc::default(),
            plug: Arc::default(),
            directory: tempfile::tempdir()?,
            running: None,
        })
    }

    /// Starts the agent, if it does not run. There is no trap for it.
    ///
    /// # Errors
    ///
    /// The agent's.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        self.bury().await;
        self.trap.clear();
        if self.running.is_none() {
            self.running = Some(Agent::start(self.config()).await?);
        }
        Ok(())
    }

    /// Ends the agent in the middle of whatever it does.
    pub async fn kill(&mut self) {
        if let Some(agent) = self.running.take() {
            agent.kill().await;
        }
        self.trap.clear();
    }

    /// Ends the agent, if it was caught in its trap.
    pub(super) async fn bury(&mut self) {
        if self.trap.has_sprung() {
            self.kill().await;
        }
    }

    /// Whether the agent runs, as far as anybody noticed.
    pub const fn lives(&self) -> bool {
        self.running.is_some()
    }

    /// All load balancers of which anything is here: served, plugged, or in a file.
    ///
    /// # Errors
    ///
    /// A directory that cannot be read.
    pub fn traces(&self) -> anyhow::Result<BTreeSet<String>> {
        let served = self.driver.served();
        let plugged = self.plug.plugged().clone();
        let mut traces: BTreeSet<String> =
            served.iter().chain(&plugged).map(ToString::to_string).collect();
        for part in ["ledger", "sites"] {
            let path = self.directory.path().join(part);
            if !path.exists() {
                continue;
            }
            for entry in std::fs::read_dir(path)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                traces.insert(name.split('.').next().unwrap_or_default().to_owned());
            }
        }
        Ok(traces)
    }

    fn config(&self) -> AgentConfig {
        let providers = vec![ProviderName::new("haproxy")];
        AgentConfig {
            agent: self.agent,
            host: format!("node-{}", self.agent),
            state_directory: self.directory.path().to_owned(),
            secrets_directory: self.directory.path().join("secrets"),
            users: None,
            capacity: CAPACITY,
            drivers: vec![(providers, Arc::new(self.driver.clone()))],
            plug: Arc::clone(&self.plug) as Arc<dyn Plug>,
            connector: Arc::new(cable::Plugged(Arc::clone(&self.cable))),
            disk: Disk::Simulated(Arc::new(SimulatedDisk::default())),
            failpoint: Arc::clone(&self.trap) as Arc<dyn Failpoint>,
            timings: Timings::default(),
        }
    }
}

/// Brings a VIP by remembering it.
#[derive(Debug, Default)]
struct Sockets(Mutex<BTreeSet<LoadBalancerId>>);

impl Sockets {
    fn plugged(&self) -> MutexGuard<'_, BTreeSet<LoadBalancerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Plug for Sockets {
    async fn ensure(&self, directory: &Path, graph: &LoadBalancerGraph) -> Result<Site, PlugError> {
        self.plugged().insert(graph.load_balancer.id);
        Ok(site(directory, graph.load_balancer.id))
    }

    async fn read(
        &self,
        directory: &Path,
        id: LoadBalancerId,
        graph: Option<&LoadBalancerGraph>,
    ) -> Result<Plugged, PlugError> {
        Ok(match (self.plugged().contains(&id), graph) {
            (false, _) => Plugged::Absent,
            (true, None) => Plugged::Remains,
            (true, Some(_)) => Plugged::Ready(site(directory, id)),
        })
    }

    async fn remove(&self, _directory: &Path, id: LoadBalancerId) -> Result<(), PlugError> {
        self.plugged().remove(&id);
        Ok(())
    }
}

fn site(directory: &Path, load_balancer: LoadBalancerId) -> Site {
    Site {
        load_balancer,
        epoch: Epoch::default(),
        directory: directory.to_owned(),
        secrets: std::path::PathBuf::new(),
        namespace: None,
        user: None,
        sockets: std::collections::BTreeMap::new(),
    }
}
