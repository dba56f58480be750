//! A control plane and its agents in one process, for tests that stop the clock.
//!
//! Everything is real but what is at the edges: nodes serve nothing, cables lose what they are told
//! to lose, and time is the runtime's. What goes wrong is chosen by a seed; the order in which the
//! runtime polls what is ready is not, so a seed leads to the same faults at the same times rather
//! than to the same run.

mod asked;
mod cable;
mod dice;
mod node;
mod settled;
mod trap;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_control::config::{AuthStrategy, Config};
use evenkeel_control::{ControlPlane, Services};
use evenkeel_model::text::Label;
use evenkeel_model::{AgentId, Epoch, LoadBalancer, LoadBalancerId, Timestamp};
use evenkeel_store::{Backend, Clock, Store, StoreConfig, StoreError};
use evenkeel_vault::{Keyring, MasterKeys};
use tokio::time::{Instant, Interval, interval};

pub use cable::Cable;
pub use dice::Dice;
pub use node::Node;
pub use trap::Trap;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// A control plane, its nodes, and what a tenant wants of them.
#[derive(Debug)]
pub struct World {
    /// What is to be made so.
    pub control: ControlPlane,
    /// Where.
    pub nodes: Vec<Node>,
    /// What chance there is.
    pub dice: Dice,
    /// The load balancers that were created and not deleted.
    pub wanted: BTreeSet<LoadBalancerId>,
    /// The highest epoch that was seen of each, in the store and on the nodes.
    epochs: BTreeMap<(Option<AgentId>, LoadBalancerId), Epoch>,
}

impl World {
    /// A world of so many nodes, whose agents run.
    ///
    /// # Errors
    ///
    /// It could not be made.
    pub async fn new(nodes: u128, seed: u64) -> anyhow::Result<Self> {
        let config = Config { auth_strategy: AuthStrategy::Testing, ..Config::default() };
        let store = Store::open(StoreConfig {
            backend: Backend::Memory,
            inline: true,
            strict_immutable: false,
            count_quotas: false,
            default_limits: config.limits,
            address_rules: config.deployment.address_rules.clone(),
            clock: Arc::new(RuntimeClock(Instant::now())),
        })
        .await?;
        asked::seed(&store).await?;
        let keyring = Keyring::new(MasterKeys::generate());
        let services = Services { identity: None, key_store: None, keyring };
        let control = ControlPlane::start(config, store, services)?;
        let mut dice = Dice::new(seed);
        let mut world = Self {
            control,
            nodes: Vec::new(),
            dice: dice.clone(),
            wanted: BTreeSet::new(),
            epochs: BTreeMap::new(),
        };
        for number in 1..=nodes {
            let chance = Dice::new(dice.number());
            let mut node = Node::new(number, world.control.clone(), chance)?;
            node.start().await?;
            world.nodes.push(node);
        }
        Ok(world)
    }

    /// A load balancer with a listener is wanted.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn create(&mut self) -> Result<LoadBalancerId, StoreError> {
        let draft = asked::draft(&mut self.dice);
        let id = draft.load_balancer.id;
        self.control.store().create_tree(draft, asked::any_vip(), asked::project()).await?;
        self.wanted.insert(id);
        Ok(id)
    }

    /// A load balancer is wanted in another way.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn change(&mut self, id: LoadBalancerId) -> Result<(), StoreError> {
        let name =
            Label::try_from(self.dice.number().to_string()).unwrap_or_else(|_| Label::empty());
        let rename =
            move |before: &LoadBalancer| Ok(LoadBalancer { name: name.clone(), ..before.clone() });
        self.control.store().update(id, rename).await.map(drop)
    }

    /// A load balancer is wanted no more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn delete(&mut self, id: LoadBalancerId) -> Result<(), StoreError> {
        self.wanted.remove(&id);
        self.control.store().delete_load_balancer(id, true).await
    }

    /// The node on which a load balancer is placed.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn node_of(&self, id: LoadBalancerId) -> Result<Option<usize>, StoreError> {
        let placements = self.control.store().placements().await?;
        let placed = placements.iter().find(|placement| placement.load_balancer == id);
        Ok(placed.and_then(|it| self.nodes.iter().position(|node| node.agent == it.agent)))
    }

    /// Waits until all is as it is wanted on all nodes whose agents live, for at most `within`.
    ///
    /// # Errors
    ///
    /// What is still missing then; or at any time, that an epoch fell.
    pub async fn eventually_settles(&mut self, within: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        let mut looks = interval(LOOK);
        loop {
            self.look(&mut looks).await?;
            match self.settled().await {
                Ok(()) => return Ok(()),
                Err(missing) if Instant::now() >= deadline => return Err(missing),
                Err(_) => {}
            }
        }
    }

    /// Lets time pass, and looks on.
    ///
    /// # Errors
    ///
    /// An epoch fell.
    pub async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        let mut looks = interval(LOOK);
        while Instant::now() < end {
            self.look(&mut looks).await?;
        }
        Ok(())
    }

    async fn look(&mut self, looks: &mut Interval) -> anyhow::Result<()> {
        looks.tick().await;
        for node in &mut self.nodes {
            node.bury().await;
        }
        self.see_epochs().await
    }
}

/// The time of the runtime, which stands still while there is work.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let passed = self.0.elapsed() + Duration::from_secs(1_700_000_000);
        Timestamp::from_micros(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX))
    }
}
