//! What is made so, on one node: session, ledger, plan, keeper.
//!
//! The agent looks, plans, acts, and forgets. Its session turns what the control plane says into a
//! record on disk (the ledger) for each load balancer; a keeper for each makes the node so, with
//! the steps of a pure plan, and says what it observes. Nothing that serves needs the agent: it can
//! be killed at any point, and its next life goes on from what is there.
//!
//! In the state directory: `ledger/<id>.json`, what shall be; `sites/<id>/`, the directory of a
//! load balancer's site, which belongs to its driver; `node.key`, which alone opens the keys in the
//! ledger; `lock`, held by the agent that runs.

pub mod config;
pub mod disk;
pub mod failpoint;

mod arrival;
mod contained;
mod drivers;
mod held;
mod holdings;
mod keeper;
mod key;
mod ledger;
mod node;
mod observe;
mod orphans;
mod pause;
mod plan;
mod session;
mod site_directory;
mod step;
mod users;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use evenkeel_wire::Hello;

pub use config::{AgentConfig, Connector, Timings};
pub use disk::{Disk, SimulatedDisk};
pub use failpoint::{Failpoint, Point, Unbroken};
pub use held::{Held, held};

use drivers::Drivers;
use holdings::Holdings;
use ledger::Ledger;
use node::Node;
use site_directory::SiteDirectories;

/// How long a new life waits for an earlier one to let go of the state directory.
const HANDOVER: Duration = Duration::from_secs(10);
const HANDOVER_POLL: Duration = Duration::from_millis(20);

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The state directory cannot be used.
    #[error(
        "could not {attempt} the state directory; give the agent a directory that it can write"
    )]
    State {
        /// What was attempted.
        attempt: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another agent uses the state directory.
    #[error(
        "another agent uses the state directory; stop it, or give this one a directory of its own"
    )]
    Taken,
}

/// The daemon that holds load balancers on one node.
#[derive(Clone, Copy, Debug)]
pub struct Agent;

impl Agent {
    /// Starts an agent: first with what its ledger holds, so that a node serves without a control
    /// plane, then with what the control plane says.
    ///
    /// # Errors
    ///
    /// [`AgentError`]: the state directory cannot be used. A ledger of which some cannot be read is
    /// no error: that is set aside, and fetched again.
    pub async fn start(config: AgentConfig) -> Result<RunningAgent, AgentError> {
        let lock = lock(&config).await?;
        let (node, entries) = open(&config).await?;
        let hello = Hello {
            agent: config.agent,
            host: config.host,
            providers: node.drivers.names(),
            capacity: config.capacity,
            probes: node.drivers.probes(),
            key: node.key.public().clone(),
        };
        tracing::info!(agent = %hello.agent, held = entries.len(), "agent started");
        let running = RunningAgent {
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
            patience: config.timings.stop,
        };
        let (stop, kill) = (running.stop.clone(), running.kill.clone());
        let holdings = Holdings::start(Arc::clone(&node), entries, stop.clone(), kill.clone());
        let session = session::run(config.connector, hello, Arc::clone(&holdings), config.timings);
        let sweep = orphans::sweep(node, Arc::clone(&holdings));
        running.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                () = stop.cancelled() => {}
                () = async { tokio::join!(session, sweep); } => {}
            }
            holdings.ended().await;
            // Held until nobody writes any more.
            drop(lock);
        });
        running.tasks.close();
        Ok(running)
    }
}

/// Opens the state directory, with what its ledger holds.
async fn open(config: &AgentConfig) -> Result<(Arc<Node>, Vec<ledger::Entry>), AgentError> {
    let state = |attempt| move |source| AgentError::State { attempt, source };
    let (directory, disk) = (&config.state_directory, &config.disk);
    let sites =
        SiteDirectories::open(directory.join("sites"), disk.clone(), config.users.clone()).await;
    let sites = sites.map_err(state("open the sites in"))?;
    let key =
        key::open(directory.clone(), disk).await.map_err(state("read the key of the node in"))?;
    let ledger = Ledger::open(directory.join("ledger"), disk.clone()).await;
    let (ledger, entries) = ledger.map_err(state("read the ledger in"))?;
    let timings = config.timings;
    let node = Node {
        drivers: Drivers::new(config.drivers.clone()),
        plug: Arc::clone(&config.plug),
        ledger,
        sites,
        key,
        secrets: config.secrets_directory.clone(),
        failpoint: Arc::clone(&config.failpoint),
        timings,
        working: Semaphore::new(timings.parallel.max(1)),
        watching: Semaphore::new(timings.parallel.max(1)),
    };
    Ok((Arc::new(node), entries))
}

/// An agent that runs. Dropped, it ends where it is, as if it had been killed.
#[derive(Debug)]
#[must_use = "dropped, the agent ends"]
pub struct RunningAgent {
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
    patience: Duration,
}

impl RunningAgent {
    /// Ends the agent when the steps that are being taken have been taken, or after
    /// [`Timings::stop`]. What serves is not touched: whether it lives on without the agent is the
    /// driver's affair.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(self.patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("stopped in the middle of a step");
        }
        self.kill().await;
    }

    /// Ends the agent where it is, as a crash would, and waits until nothing of it runs.
    pub async fn kill(self) {
        self.kill.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

/// Takes the state directory for this life alone. The system lets go of it when the process ends,
/// however it ends.
async fn lock(config: &AgentConfig) -> Result<File, AgentError> {
    let directory = config.state_directory.clone();
    let state = |attempt| move |source| AgentError::State { attempt, source };
    let opened = config.disk.run(move |_| open_lock(&directory)).await;
    let file = opened.map_err(state("open"))?;
    let give_up = tokio::time::Instant::now() + HANDOVER;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(state("lock")(source)),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= give_up => {
                return Err(AgentError::Taken);
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(HANDOVER_POLL).await,
        }
    }
}

fn open_lock(directory: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    File::create(directory.join("lock"))
}
