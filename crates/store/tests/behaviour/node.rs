//! The nouns of the scenarios: a store with a network and an agent, and load balancers in it.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::flavor::Allowance;
use evenkeel_model::l7_policy::Action;
use evenkeel_model::listener::Timeouts;
use evenkeel_model::load_balancer::VipRequest;
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::number::{Position, Weight};
use evenkeel_model::observed::{ListenerHealth, MemberHealth, Observation, PoolHealth, Served};
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::status::{OperatingStatus, ProvisioningStatus};
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::tls::{ListenerTls, PoolTls};
use evenkeel_model::{
    AgentId, Epoch, Generation, HealthMonitor, L7Policy, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Member, NetworkId, Pool, PoolId, ProjectId, SubnetId,
};
use evenkeel_store::{
    AgentHello, Furnish, Held, Progress, Store, StoreConfig, StoreError, Stored, TreeDraft, no_vip,
};
use uuid::Uuid;

use crate::scenario::Home;

/// The id with this number.
pub(crate) fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(number))
}

/// A new id.
pub(crate) fn new<T: From<Uuid>>() -> T {
    T::from(Uuid::new_v4())
}

/// The project that owns everything here.
pub(crate) fn project() -> ProjectId {
    ProjectId::new("tenant").expect("a short name")
}

pub(crate) const AGENT: u128 = 900;
pub(crate) const NETWORK: u128 = 800;
pub(crate) const SUBNET: u128 = 801;

/// A store with the network `127.86.0.0/16` and an agent.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) agent: AgentId,
}

impl World {
    pub(crate) async fn open(home: &Home) -> Self {
        Self::open_with(home, |_| ()).await
    }

    pub(crate) async fn open_with(home: &Home, change: impl FnOnce(&mut StoreConfig)) -> Self {
        let store = home.open_with(change).await;
        store.seed_network(network(NETWORK), vec![subnet(SUBNET, "127.86.0.0/16")]).await.unwrap();
        let world = Self { store, agent: id(AGENT) };
        world.hello(AGENT).await;
        world
    }

    /// An agent says what it is.
    pub(crate) async fn hello(&self, agent: u128) {
        let hello = AgentHello {
            agent: id(agent),
            host: format!("node-{agent}"),
            providers: vec![ProviderName::new("haproxy")],
            capacity: 1000,
            probes: Vec::new(),
        };
        self.store.hello(hello).await.unwrap();
    }

    /// A load balancer that is placed on the agent, and with nothing in it.
    pub(crate) async fn load_balancer(&self) -> LoadBalancerId {
        let load_balancer = self.unplaced().await;
        assert!(self.store.place(load_balancer, self.agent, None).await.unwrap());
        load_balancer
    }

    /// A load balancer that is not placed anywhere.
    pub(crate) async fn unplaced(&self) -> LoadBalancerId {
        let draft = draft();
        let load_balancer = draft.load_balancer.id;
        self.create(draft, on_subnet()).await.unwrap();
        load_balancer
    }

    pub(crate) async fn create(
        &self,
        draft: TreeDraft,
        request: VipRequest,
    ) -> Result<LoadBalancer, StoreError> {
        let tree = self.store.create_tree(draft, request, project()).await?;
        Ok(tree.load_balancer.value)
    }

    /// A load balancer that serves: a listener, a pool with a monitor, two members.
    pub(crate) async fn serving(&self) -> Serving {
        let load_balancer = self.load_balancer().await;
        let pool = pool(load_balancer);
        self.store.create_pool(pool.clone(), None).await.unwrap();
        let mut listener = listener(load_balancer, 80);
        listener.default_pool = Some(pool.id);
        self.store.create_listener(listener.clone()).await.unwrap();
        let members = [member(pool.id, 1), member(pool.id, 2)];
        for member in &members {
            self.store.create_member(member.clone()).await.unwrap();
        }
        let monitor = monitor(pool.id);
        self.store.create_health_monitor(monitor.clone()).await.unwrap();
        let serving = Serving { load_balancer, listener, pool, members, monitor };
        self.converge(load_balancer).await;
        self.see(load_balancer, self.healthy(&serving).await).await;
        serving
    }

    /// What an agent sees where all is well.
    pub(crate) async fn healthy(&self, serving: &Serving) -> Observation {
        let generation = self.generation(serving.load_balancer).await;
        Observation {
            served: Served::Serving(generation),
            listeners: BTreeMap::from([(serving.listener.id, ListenerHealth::Open)]),
            pools: BTreeMap::from([(serving.pool.id, PoolHealth::Up)]),
            members: serving.members.iter().map(|it| (it.id, MemberHealth::Up)).collect(),
            ..Observation::default()
        }
    }

    /// The agent's index, as ids.
    pub(crate) async fn indexed(&self) -> BTreeSet<LoadBalancerId> {
        let index = self.store.index(self.agent).await.unwrap();
        index.into_iter().map(|entry| entry.load_balancer).collect()
    }

    pub(crate) async fn generation(&self, load_balancer: LoadBalancerId) -> Generation {
        self.store.generation(load_balancer).await.unwrap()
    }

    pub(crate) async fn epoch(&self, load_balancer: LoadBalancerId) -> Epoch {
        let placements = self.store.placements().await.unwrap();
        let placement = placements.iter().find(|it| it.load_balancer == load_balancer);
        placement.expect("it is placed").epoch
    }

    /// The agent makes the latest graph so.
    pub(crate) async fn converge(&self, load_balancer: LoadBalancerId) {
        let generation = self.generation(load_balancer).await;
        self.report(load_balancer, Progress::Converged(generation)).await;
    }

    /// The agent reports how far it has come with one load balancer, in answer to its index.
    pub(crate) async fn report(&self, load_balancer: LoadBalancerId, progress: Progress) {
        let epoch = self.epoch(load_balancer).await;
        self.settle(vec![Held { load_balancer, epoch, progress }]).await;
    }

    /// The agent reports all that it holds, in answer to its index.
    pub(crate) async fn settle(&self, held: Vec<Held>) {
        let indexed = self.indexed().await;
        self.store.settle(self.agent, held, indexed).await.unwrap();
    }

    /// The agent reports how a load balancer is.
    pub(crate) async fn see(&self, load_balancer: LoadBalancerId, observation: Observation) {
        let epoch = self.epoch(load_balancer).await;
        self.store.observe(self.agent, load_balancer, epoch, observation).await.unwrap();
    }

    /// The statuses of an object.
    pub(crate) async fn status<T: Stored>(
        &self,
        id: T::Id,
    ) -> (ProvisioningStatus, OperatingStatus) {
        let record = self.store.get::<T>(id).await.unwrap();
        (record.provisioning_status, record.operating_status)
    }

    pub(crate) async fn provisioning<T: Stored>(&self, id: T::Id) -> ProvisioningStatus {
        self.status::<T>(id).await.0
    }

    pub(crate) async fn operating<T: Stored>(&self, id: T::Id) -> OperatingStatus {
        self.status::<T>(id).await.1
    }

    /// Why an object is in error.
    pub(crate) async fn reason<T: Stored>(&self, id: T::Id) -> Option<String> {
        self.store.get::<T>(id).await.unwrap().status_reason
    }

    /// Whether an object is there.
    pub(crate) async fn has<T: Stored>(&self, id: T::Id) -> bool {
        match self.store.get::<T>(id).await {
            Ok(_) => true,
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Renames a listener: the smallest change there is.
    pub(crate) async fn rename(&self, listener: ListenerId) {
        let edit = |it: &Listener| Ok(Listener { name: label("renamed"), ..it.clone() });
        self.store.update::<Listener>(listener, Box::new(edit)).await.unwrap();
    }
}

/// The parts of a load balancer that serves.
pub(crate) struct Serving {
    pub(crate) load_balancer: LoadBalancerId,
    pub(crate) listener: Listener,
    pub(crate) pool: Pool,
    pub(crate) members: [Member; 2],
    pub(crate) monitor: HealthMonitor,
}

pub(crate) fn label(text: &str) -> Label {
    text.to_owned().try_into().expect("a short text")
}

pub(crate) fn network(number: u128) -> Network {
    Network {
        id: id(number),
        name: "private".to_owned(),
        project: project(),
        shared: true,
        mtu: 1500,
        vlan: None,
        is_external: false,
        allowed: Vec::new(),
    }
}

pub(crate) fn subnet(number: u128, cidr: &str) -> Subnet {
    let network: NetworkId = id(NETWORK);
    let cidr = cidr.parse().expect("a subnet");
    Subnet {
        id: id::<SubnetId>(number),
        network,
        name: format!("subnet-{number}"),
        cidr,
        gateway: None,
        host_routes: Vec::new(),
        pools: Vec::new(),
    }
}

/// Any address of the world's subnet.
pub(crate) fn on_subnet() -> VipRequest {
    VipRequest { subnet: Some(id(SUBNET)), ..VipRequest::default() }
}

/// A load balancer to be, and nothing else.
pub(crate) fn draft() -> TreeDraft {
    TreeDraft {
        load_balancer: LoadBalancer {
            id: new(),
            name: label("web"),
            description: Label::empty(),
            admin_state_up: true,
            vip: no_vip(),
            additional_vips: Vec::new(),
            vip_qos_policy: None,
            vip_security_groups: Vec::new(),
            provider: ProviderName::new("haproxy"),
            flavor: None,
            availability_zone: None,
            allowance: Allowance::default(),
            tags: Tags::default(),
        },
        listeners: Vec::new(),
        l7_policies: Vec::new(),
        l7_rules: Vec::new(),
        pools: Vec::new(),
        members: Vec::new(),
        health_monitors: Vec::new(),
        furnish: Furnish::default(),
    }
}

pub(crate) fn listener(load_balancer: LoadBalancerId, port: i64) -> Listener {
    Listener {
        id: new(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: ListenerProtocol::Http,
        protocol_port: port.try_into().expect("a port"),
        connection_limit: None,
        default_pool: None,
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: ListenerTls::default(),
        allowed_cidrs: Vec::new(),
        tags: Tags::default(),
    }
}

pub(crate) fn pool(load_balancer: LoadBalancerId) -> Pool {
    Pool {
        id: new(),
        load_balancer,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        protocol: PoolProtocol::Http,
        algorithm: Algorithm::RoundRobin,
        persistence: None,
        tls: PoolTls::default(),
        tags: Tags::default(),
    }
}

pub(crate) fn member(pool: PoolId, last_byte: u8) -> Member {
    Member {
        id: new(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        address: std::net::IpAddr::from([192, 0, 2, last_byte]).into(),
        protocol_port: 8080.try_into().expect("a port"),
        weight: Weight::try_from(1).expect("a weight"),
        backup: false,
        subnet: None,
        monitor_address: None,
        monitor_port: None,
        tags: Tags::default(),
    }
}

pub(crate) fn monitor(pool: PoolId) -> HealthMonitor {
    HealthMonitor {
        id: new(),
        pool,
        name: Label::empty(),
        admin_state_up: true,
        probe: evenkeel_model::health_monitor::Probe::Tcp,
        delay: 5.try_into().expect("seconds"),
        timeout: 3.try_into().expect("seconds"),
        rise: 1.try_into().expect("a threshold"),
        fall: 3.try_into().expect("a threshold"),
        tags: Tags::default(),
    }
}

pub(crate) fn policy(listener: ListenerId, position: i64) -> L7Policy {
    L7Policy {
        id: new(),
        listener,
        name: Label::empty(),
        description: Label::empty(),
        admin_state_up: true,
        action: Action::Reject,
        position: Position::try_from(position).expect("a position"),
        tags: Tags::default(),
    }
}
