//! What shall be: HTTP handlers, scheduler, background tasks, agent sessions.
//!
//! [`ControlPlane::start`] is the whole of it. Handlers record what is asked for and answer at
//! once; background tasks give every load balancer an agent; sessions tell agents what they shall
//! hold, and the store what they do hold. Nothing here remembers anything: whoever wakes reads the
//! store.

mod claims;
pub mod config;
mod handover;
pub mod http;
pub mod key_store;
pub mod rotation;
mod said;
pub mod scheduler;
pub mod serve;
mod sessions;
mod tasks;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use evenkeel_model::Violation;
use evenkeel_store::Store;
use evenkeel_vault::Keyring;
use evenkeel_wire::grpc::server;
use evenkeel_wire::grpc::socket::Socket;
use evenkeel_wire::link::{self, AgentEnd};
use evenkeel_wire::peer::Peer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use claims::Claims;
pub use config::Config;
pub use http::caller::{Caller, Identity, Unavailable};
pub use http::gate::{BadPolicy, Gate};
pub use key_store::KeyStore;

/// The control plane cannot start as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A rule that names nothing.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// The default provider is not among the providers.
    #[error("default_provider: {0} is not listed in providers")]
    DefaultProvider(String),
    /// What the API fills in would be refused if a client sent it.
    #[error("deployment: what would be filled in is refused")]
    Deployment(#[from] Violation),
}

/// What the control plane asks others for.
#[expect(missing_debug_implementations, reason = "others need not be printable")]
pub struct Services {
    /// Who knows the tokens; without it, no token is good.
    pub identity: Option<Arc<dyn Identity>>,
    /// Who has the tenants' secrets; without it, no certificate can be named.
    pub key_store: Option<Arc<dyn KeyStore>>,
    /// What the secrets in the store are sealed with.
    pub keyring: Keyring,
}

/// The control plane. Clones are the same one.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    services: Services,
    gate: Gate,
    claims: Claims,
    /// Moves when sessions should state their index again.
    published: watch::Sender<u64>,
    stop: CancellationToken,
    running: TaskTracker,
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("running", &self.0.running.len())
            .finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// Starts the background tasks.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself.
    pub fn start(config: Config, store: Store, services: Services) -> Result<Self, StartError> {
        let gate = Gate::new(&config.policy)?;
        if config.provider(&config.default_provider).is_none() {
            return Err(StartError::DefaultProvider(config.default_provider.to_string()));
        }
        config.deployment.check()?;
        let control = Self(Arc::new(Inner {
            config,
            store,
            services,
            gate,
            claims: Claims::default(),
            published: watch::Sender::new(0),
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        }));
        tasks::start(&control);
        Ok(control)
    }

    /// The whole HTTP service, for a server or for a test.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Serves `app` on `listener` until [`Self::stop`]: the router of this control plane, perhaps
    /// with others beside it.
    pub async fn serve(&self, listener: TcpListener, app: Router) {
        serve::serve(listener, app, &self.0.config.bounds, self.0.stop.clone()).await;
    }

    /// Connects an agent within this process. The session lasts as long as the agent's end does.
    pub fn connect(&self) -> AgentEnd {
        self.welcome(Peer::Within)
    }

    /// Opens a session for `peer`. It lasts as long as the returned end does.
    pub fn welcome(&self, peer: Peer) -> AgentEnd {
        let (agent, control) = link::pair();
        self.spawn(sessions::run(self.clone(), peer, control));
        agent
    }

    /// Serves the agents that connect to `socket` until [`Self::stop`].
    pub fn serve_agents(&self, socket: Socket) {
        let control = self.clone();
        let welcome = Arc::new(move |peer| control.welcome(peer));
        let stop = self.0.stop.clone();
        self.spawn(async move {
            if let Err(error) = server::serve(socket, welcome, stop).await {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "agents are served no longer; start evenkeel server anew");
            }
        });
    }

    /// Ends tasks, sessions and serving, and waits for them, but no longer than the configured
    /// while.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.running.close();
        let ended = tokio::time::timeout(self.0.config.bounds.stop, self.0.running.wait()).await;
        if ended.is_err() {
            tracing::warn!(running = self.0.running.len(), "tasks cut off");
        }
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Where it remembers things.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(crate) fn identity(&self) -> Option<&dyn Identity> {
        self.0.services.identity.as_deref()
    }

    pub(crate) fn key_store(&self) -> Option<&dyn KeyStore> {
        self.0.services.key_store.as_deref()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.services.keyring
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    pub(crate) fn published(&self) -> &watch::Sender<u64> {
        &self.0.published
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Runs `task` as one of those that [`Self::stop`] waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.running.spawn(task);
    }
}
