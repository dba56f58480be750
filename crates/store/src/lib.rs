//! What is remembered: what shall be, and how far that has come. The only crate with SQL.
//!
//! Every change of a load balancer's graph is one transaction that raises its generation; a status
//! is a comparison of generations and never stored. [`Store`] has the same promises on SQLite and
//! on PostgreSQL; the tests hold it to them on both.

mod agent;
mod batch;
mod change;
mod column;
mod config;
mod create;
mod delete;
mod engine;
mod error;
mod graph;
mod health_monitor;
mod insert;
mod l7_policy;
mod l7_rule;
mod list;
mod listener;
mod load_balancer;
mod material;
mod member;
mod network;
mod observe;
mod offering;
mod pending;
mod placement;
mod pool;
mod position;
mod profile;
mod quota;
mod related;
mod rules;
mod schema;
mod secret;
mod settle;
mod status;
mod stored;
mod tree;
mod update;

use evenkeel_model::load_balancer::VipRequest;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, ListenerId, LoadBalancerId, Member, Pool, PoolId,
    PortId, ProjectId, Record, Timestamp, Violation,
};
use tokio::sync::watch;

pub use agent::{AgentHello, AgentRecord};
pub use batch::MemberWish;
pub use column::Column;
pub use config::{Backend, Clock, StoreConfig, SystemClock};
pub use error::StoreError;
pub use list::{Direction, Filter, ListQuery, Page, Scope, TagFilter};
pub use material::{Furnish, Furnished};
pub use network::FloatingRequest;
pub use placement::{Assignment, Placement, Unplaced};
pub use quota::{LimitChange, LimitsChange};
pub use secret::{KeptSecret, SecretKind, SecretQuery};
pub use settle::{Held, Progress};
pub use stored::Stored;
pub use tree::{Tree, TreeDraft, no_vip};
pub use update::{Changed, Edit};

use engine::{Readers, Session, Writer};

/// What is remembered. Clones are the same one.
#[derive(Clone)]
pub struct Store {
    config: StoreConfig,
    readers: Readers,
    writer: Writer,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.config.backend).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, brings it to the schema of this program, and begins to write to it.
    ///
    /// Must be called within a tokio runtime, which the store lives in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] or [`StoreError::Full`]: it may be tried again.
    /// [`StoreError::Database`]: it is no database, or one that cannot be used.
    pub async fn open(mut config: StoreConfig) -> Result<Self, StoreError> {
        // The client of PostgreSQL blocks in a runtime of its own, which has no room in another.
        config.inline &= !matches!(config.backend, Backend::Postgres { .. });
        let connect = engine::connect(&config);
        let open = {
            let connect = connect.clone();
            move || {
                let mut connection = connect()?;
                schema::migrate(connection.as_mut())?;
                Ok(connection)
            }
        };
        let connection = if config.inline {
            open()?
        } else {
            tokio::task::spawn_blocking(open).await.unwrap_or(Err(StoreError::Busy))?
        };
        let readers = Readers::new(config.clone(), connect.clone());
        let writer = Writer::start(config.clone(), connect, connection);
        Ok(Self { config, readers, writer })
    }

    /// Moves whenever what shall be has changed. Carries no data: whoever wakes reads.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.writer.changed()
    }

    /// The store's clock.
    pub fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// Reads in one transaction.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.readers.run(read).await
    }

    /// Writes in one transaction, and answers when it is durable.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.run(work).await
    }

    /// The record with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn get<T: Stored>(&self, id: T::Id) -> Result<Record<T>, StoreError> {
        self.read(move |session| stored::get(session, id)).await
    }

    /// A page of a list.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownFilter`], [`StoreError::UnknownSortKey`], [`StoreError::UnknownMarker`].
    pub async fn list<T: Stored>(
        &self,
        scope: Scope,
        query: ListQuery,
    ) -> Result<Page<T>, StoreError> {
        self.read(move |session| list::list(session, &scope, &query)).await
    }

    /// What lists of a resource can be narrowed and sorted by.
    pub fn columns<T: Stored>(&self) -> impl Iterator<Item = &'static Column> {
        stored::columns::<T>()
    }

    /// A load balancer with all that is in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn tree(&self, id: LoadBalancerId) -> Result<Tree, StoreError> {
        self.read(move |session| tree::read(session, id)).await
    }

    /// Creates a load balancer, alone or with all that shall be in it, and leases its VIP.
    ///
    /// # Errors
    ///
    /// [`StoreError::QuotaMet`], [`StoreError::AddressInUse`], [`StoreError::Violation`] and those
    /// of the single creates; nothing of the tree is there then.
    pub async fn create_tree(
        &self,
        draft: TreeDraft,
        request: VipRequest,
        project: ProjectId,
    ) -> Result<Tree, StoreError> {
        let port = PortId::new(uuid::Uuid::new_v4());
        self.write(move |session| tree::create(session, &draft, &request, &project, port)).await
    }

    /// Creates a listener.
    ///
    /// # Errors
    ///
    /// [`StoreError::PortTaken`], [`StoreError::QuotaMet`]; [`StoreError::NotFound`] for the load
    /// balancer or the default pool; [`StoreError::Violation`] if that does not fit.
    pub async fn create_listener(
        &self,
        value: impl Into<Furnished<Listener>>,
    ) -> Result<Record<Listener>, StoreError> {
        let value = value.into();
        self.write(move |session| create::listener(session, &value)).await
    }

    /// Creates a pool; with `listener`, as its default pool.
    ///
    /// # Errors
    ///
    /// [`StoreError::HasDefaultPool`], [`StoreError::QuotaMet`], [`StoreError::NotFound`],
    /// [`StoreError::Violation`].
    pub async fn create_pool(
        &self,
        value: impl Into<Furnished<Pool>>,
        listener: Option<ListenerId>,
    ) -> Result<Record<Pool>, StoreError> {
        let value = value.into();
        self.write(move |session| create::pool(session, &value, listener)).await
    }

    /// Creates a member.
    ///
    /// # Errors
    ///
    /// [`StoreError::MemberTaken`], [`StoreError::QuotaMet`], [`StoreError::NotFound`].
    pub async fn create_member(&self, value: Member) -> Result<Record<Member>, StoreError> {
        self.write(move |session| create::member(session, &value)).await
    }

    /// Creates a health monitor.
    ///
    /// # Errors
    ///
    /// [`StoreError::MonitorTaken`], [`StoreError::QuotaMet`], [`StoreError::NotFound`].
    pub async fn create_health_monitor(
        &self,
        value: HealthMonitor,
    ) -> Result<Record<HealthMonitor>, StoreError> {
        self.write(move |session| create::health_monitor(session, &value)).await
    }

    /// Creates an L7 policy at its position, or as near to it as there are policies.
    ///
    /// # Errors
    ///
    /// [`StoreError::QuotaMet`], [`StoreError::NotFound`], [`StoreError::Violation`].
    pub async fn create_l7_policy(&self, value: L7Policy) -> Result<Record<L7Policy>, StoreError> {
        self.write(move |session| create::l7_policy(session, &value)).await
    }

    /// Creates an L7 rule.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooManyRules`], [`StoreError::TooManyRegexes`], [`StoreError::QuotaMet`],
    /// [`StoreError::NotFound`].
    pub async fn create_l7_rule(&self, value: L7Rule) -> Result<Record<L7Rule>, StoreError> {
        self.write(move |session| create::l7_rule(session, &value)).await
    }

    /// Changes a resource to what `edit` makes of it; its record afterwards. `edit` may be asked
    /// again, and must then say the same. An edit that changes nothing is a change all the same.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Violation`], [`StoreError::Immutable`].
    pub async fn update<T: Changed>(
        &self,
        id: T::Id,
        edit: impl Fn(&T) -> Result<T, Violation> + Send + Sync + 'static,
    ) -> Result<Record<T>, StoreError> {
        self.update_furnished(id, edit, Furnish::default()).await
    }

    /// [`Self::update`], with the material that the change brings along.
    ///
    /// # Errors
    ///
    /// The same, and [`StoreError::Violation`] of `furnish`.
    pub async fn update_furnished<T: Changed>(
        &self,
        id: T::Id,
        edit: impl Fn(&T) -> Result<T, Violation> + Send + Sync + 'static,
        furnish: Furnish,
    ) -> Result<Record<T>, StoreError> {
        self.write(move |session| update::update(session, id, &edit, &furnish)).await
    }

    /// Makes the members of a pool what `wishes` say; with `additive`, others stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if a member is named twice, [`StoreError::MemberTaken`] if a new
    /// one is; [`StoreError::QuotaMet`]; nothing has changed then.
    pub async fn replace_members(
        &self,
        pool: PoolId,
        wishes: Vec<MemberWish>,
        additive: bool,
    ) -> Result<(), StoreError> {
        self.write(move |session| batch::replace_members(session, pool, &wishes, additive)).await
    }

    /// Says that a resource shall go. Said twice, it is said once.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::PoolInUse`], [`StoreError::Immutable`];
    /// [`StoreError::HasChildren`] for a load balancer that is not empty.
    pub async fn delete<T: Changed>(&self, id: T::Id) -> Result<(), StoreError> {
        self.write(move |session| delete::delete::<T>(session, id)).await
    }

    /// Says that a load balancer shall go; with `cascade`, with all that is in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::HasChildren`], [`StoreError::InvalidState`].
    pub async fn delete_load_balancer(
        &self,
        id: LoadBalancerId,
        cascade: bool,
    ) -> Result<(), StoreError> {
        self.write(move |session| delete::load_balancer(session, id, cascade)).await
    }
}
