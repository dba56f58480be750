//! One agent, its node, its disk, and a small control plane.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at, timeout};
use uuid::Uuid;

use evenkeel_agent::{
    Agent, AgentConfig, AgentError, Connector, Disk, Failpoint, RunningAgent, SimulatedDisk,
    Timings, Unbroken,
};
use evenkeel_driver::{Driver, Plug};
use evenkeel_model::flavor::Allowance;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::number::PortNumber;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::ListenerTls;
use evenkeel_model::{
    AgentId, Epoch, Generation, Listener, ListenerId, LoadBalancer, LoadBalancerGraph,
    LoadBalancerId, NetworkId, PortId, SubnetId,
};
use evenkeel_wire::link::{self, AgentEnd, ControlEnd};
use evenkeel_wire::{
    FromAgent, Graph, Hello, Index, IndexEntry, Inventory, Observed, Outcome, ToAgent, Unusable,
};

use crate::node::FakeNode;

/// Of stopped time, in which nothing waits for real.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) fn id(number: u128) -> LoadBalancerId {
    LoadBalancerId::new(Uuid::from_u128(number))
}

fn heartbeat() -> Interval {
    let period = Duration::from_secs(2);
    interval_at(Instant::now() + period, period)
}

/// A graph with one listener.
pub(crate) fn graph(number: u128, generation: u64) -> LoadBalancerGraph {
    let uuid = Uuid::from_u128(number);
    let load_balancer = LoadBalancer {
        id: id(number),
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        vip: Vip {
            address: "127.0.0.1".parse().unwrap(),
            port: PortId::new(uuid),
            subnet: SubnetId::new(uuid),
            network: NetworkId::new(uuid),
        },
        additional_vips: Vec::new(),
        vip_qos_policy: None,
        vip_security_groups: Vec::new(),
        provider: ProviderName::new("fake"),
        flavor: None,
        availability_zone: None,
        allowance: Allowance::default(),
        tags: Tags::default(),
    };
    LoadBalancerGraph {
        generation: Generation::new(generation),
        load_balancer,
        listeners: vec![listener(number)],
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        pools: Vec::new(),
        members: Vec::new(),
        health_monitors: Vec::new(),
        material: Vec::new(),
        attachment: None,
        floating: Vec::new(),
    }
}

fn listener(number: u128) -> Listener {
    Listener {
        id: ListenerId::new(Uuid::from_u128(number)),
        load_balancer: id(number),
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: ListenerProtocol::Tcp,
        protocol_port: PortNumber::try_from(8080).unwrap(),
        connection_limit: None,
        default_pool: None,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}

/// What outlives an agent.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) disk: Arc<SimulatedDisk>,
    pub(crate) cable: Arc<Cable>,
    sessions: mpsc::UnboundedReceiver<ControlEnd>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (to_control, sessions) = mpsc::unbounded_channel();
        let directory = TempDir::new().unwrap();
        // A key of its own would make each run another.
        std::fs::write(directory.path().join("node.key"), [7; 32]).unwrap();
        Self {
            directory,
            node: Arc::default(),
            disk: Arc::default(),
            cable: Arc::new(Cable { cut: AtomicBool::new(false), to_control }),
            sessions,
        }
    }

    pub(crate) async fn start(&self) -> RunningAgent {
        self.start_with(Arc::new(Unbroken)).await.unwrap()
    }

    pub(crate) async fn start_with(
        &self,
        failpoint: Arc<dyn Failpoint>,
    ) -> Result<RunningAgent, AgentError> {
        Agent::start(self.config(failpoint)).await
    }

    pub(crate) fn config(&self, failpoint: Arc<dyn Failpoint>) -> AgentConfig {
        let names = vec![ProviderName::new("fake"), ProviderName::new("alias")];
        AgentConfig {
            agent: AgentId::new(Uuid::from_u128(1)),
            host: "node-1".to_owned(),
            state_directory: self.directory.path().to_owned(),
            secrets_directory: self.directory.path().join("secrets"),
            users: None,
            capacity: 1000,
            drivers: vec![(names, Arc::clone(&self.node) as Arc<dyn Driver>)],
            plug: Arc::clone(&self.node) as Arc<dyn Plug>,
            connector: Arc::clone(&self.cable) as Arc<dyn Connector>,
            disk: Disk::Simulated(Arc::clone(&self.disk)),
            failpoint,
            timings: Timings::default(),
        }
    }

    /// The next session of the agent.
    pub(crate) async fn session(&mut self) -> Control {
        let end = timeout(PATIENCE, self.sessions.recv()).await;
        Control::new(end.unwrap().unwrap())
    }

    pub(crate) fn ledger(&self, number: u128, ending: &str) -> PathBuf {
        let name = format!("ledger/{}.{ending}", id(number));
        self.directory.path().join(name)
    }

    pub(crate) fn site(&self, number: u128) -> PathBuf {
        self.directory.path().join(format!("sites/{}", id(number)))
    }

    /// Nothing is on the node and nothing in the state directory.
    pub(crate) fn has_no_trace(&self) -> bool {
        let empty = |name| {
            let listed = std::fs::read_dir(self.directory.path().join(name));
            listed.unwrap().next().is_none()
        };
        self.node.is_empty() && empty("ledger") && empty("sites")
    }
}

/// The way to the control plane.
#[derive(Debug)]
pub(crate) struct Cable {
    cut: AtomicBool,
    to_control: mpsc::UnboundedSender<ControlEnd>,
}

impl Cable {
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }
}

#[async_trait]
impl Connector for Cable {
    async fn connect(&self) -> io::Result<AgentEnd> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (agent, control) = link::pair();
        let gone = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.to_control.send(control).map_err(gone)?;
        Ok(agent)
    }
}

/// A small control plane in one session.
pub(crate) struct Control {
    end: ControlEnd,
    beat: Interval,
    serial: u64,
    wanted: BTreeMap<LoadBalancerId, (Epoch, LoadBalancerGraph)>,
    pub(crate) hello: Option<Hello>,
    pub(crate) inventory: Inventory,
    pub(crate) inventories: usize,
    pub(crate) observed: BTreeMap<LoadBalancerId, Observed>,
    pub(crate) observations: usize,
    pub(crate) fetched: Vec<LoadBalancerId>,
    /// All that the agent said.
    pub(crate) transcript: Vec<FromAgent>,
    /// Fetches are not answered.
    pub(crate) mute: bool,
    /// Fetches are answered with what the agent cannot use, for this reason.
    pub(crate) unusable: Option<&'static str>,
}

impl Control {
    fn new(end: ControlEnd) -> Self {
        Self {
            end,
            beat: heartbeat(),
            serial: 0,
            wanted: BTreeMap::new(),
            hello: None,
            inventory: Inventory::default(),
            inventories: 0,
            observed: BTreeMap::new(),
            observations: 0,
            fetched: Vec::new(),
            transcript: Vec::new(),
            mute: false,
            unusable: None,
        }
    }

    pub(crate) fn want(&mut self, epoch: u64, graph: LoadBalancerGraph) {
        let epoch = Epoch::new(epoch);
        self.wanted.insert(graph.load_balancer.id, (epoch, graph));
    }

    pub(crate) fn drop_it(&mut self, number: u128) {
        self.wanted.remove(&id(number));
    }

    /// States what is wanted.
    pub(crate) async fn index(&mut self) {
        self.serial += 1;
        let entry =
            |(load_balancer, (epoch, graph)): (&_, &(Epoch, LoadBalancerGraph))| IndexEntry {
                load_balancer: *load_balancer,
                epoch: *epoch,
                generation: graph.generation,
            };
        let index = Index { serial: self.serial, entries: self.wanted.iter().map(entry).collect() };
        self.send(ToAgent::Index(index)).await;
    }

    pub(crate) async fn send(&mut self, message: ToAgent) {
        let sent = timeout(PATIENCE, self.end.send.send(message)).await;
        sent.unwrap().unwrap();
    }

    /// Serves the session until something is so.
    pub(crate) async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        let waiting = timeout(PATIENCE, async {
            while !so(self) {
                self.serve_once().await;
            }
        });
        let in_time = waiting.await.is_ok();
        assert!(in_time, "not so in time: {what}; inventory {:?}", self.inventory);
    }

    /// Serves the session for some time.
    pub(crate) async fn serve_for(&mut self, time: Duration) {
        let serving = async {
            loop {
                self.serve_once().await;
            }
        };
        let _ = timeout(time, serving).await;
    }

    /// Hears one message, or states the index again, as a control plane does at each heartbeat.
    async fn serve_once(&mut self) {
        tokio::select! {
            biased;
            message = self.end.receive.recv() => {
                self.hear(message.expect("the agent is there")).await;
            }
            _ = self.beat.tick() => if self.serial > 0 {
                self.index().await;
            },
        }
    }

    async fn hear(&mut self, message: FromAgent) {
        self.transcript.push(message.clone());
        match message {
            FromAgent::Hello(hello) => self.hello = Some(hello),
            FromAgent::Fetch(fetch) => {
                self.fetched.push(fetch.load_balancer);
                if !self.mute {
                    self.answer(fetch.load_balancer).await;
                }
            }
            FromAgent::Inventory(inventory) => {
                self.inventories += 1;
                self.inventory = inventory;
            }
            FromAgent::Observed(observed) => {
                self.observations += 1;
                self.observed.insert(observed.load_balancer, observed);
            }
        }
    }

    async fn answer(&mut self, load_balancer: LoadBalancerId) {
        let found = self.wanted.get(&load_balancer).cloned();
        let (epoch, graph) =
            found.map_or((Epoch::default(), None), |(epoch, graph)| (epoch, Some(graph)));
        if let (Some(reason), Some(graph)) = (self.unusable, &graph) {
            let (generation, reason) = (graph.generation, reason.to_owned());
            let unusable = Unusable { load_balancer, epoch, generation, reason };
            return self.send(ToAgent::Unusable(unusable)).await;
        }
        let graph = Graph { load_balancer, epoch, graph };
        self.send(ToAgent::Graph(Box::new(graph))).await;
    }

    pub(crate) fn outcome(&self, number: u128) -> Option<(u64, &Outcome)> {
        let entries = self.inventory.entries.iter();
        let mut of_it = entries.filter(|entry| entry.load_balancer == id(number));
        of_it.next().map(|entry| (entry.epoch.get(), &entry.outcome))
    }

    pub(crate) fn converged(&self, number: u128, epoch: u64, generation: u64) -> bool {
        let converged = Outcome::Converged(Generation::new(generation));
        self.outcome(number) == Some((epoch, &converged))
    }

    pub(crate) fn refusal(&self, number: u128) -> Option<(u64, &str)> {
        match self.outcome(number) {
            Some((_, Outcome::Refused { generation, reason })) => Some((generation.get(), reason)),
            Some((_, Outcome::Converged(_) | Outcome::Retrying { .. } | Outcome::Leaving))
            | None => None,
        }
    }

    pub(crate) fn retrying(&self, number: u128) -> Option<(u64, &str)> {
        match self.outcome(number) {
            Some((_, Outcome::Retrying { generation, reason })) => Some((generation.get(), reason)),
            Some((_, Outcome::Converged(_) | Outcome::Refused { .. } | Outcome::Leaving))
            | None => None,
        }
    }

    /// Whether the agent says that it is gone.
    pub(crate) fn gone(&self, number: u128) -> bool {
        self.inventory.answers == self.serial && self.outcome(number).is_none()
    }

    /// Wants one load balancer in its first generation, and sees it converge.
    pub(crate) async fn create(&mut self, number: u128) {
        self.want(1, graph(number, 1));
        self.index().await;
        self.until("created", |control| control.converged(number, 1, 1)).await;
    }
}
