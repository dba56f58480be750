//! Looking at one load balancer on this node, and taking the steps of a plan.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_driver::{Driver, DriverError, PlugError, Plugged, Site};
use evenkeel_model::observed::{Observation, Served};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{Epoch, LoadBalancerGraph, LoadBalancerId};
use evenkeel_vault::Unopenable;

use crate::failpoint::Point;
use crate::node::Node;
use crate::plan::{Actual, Place, Step};
use crate::site_directory::SiteDirectory;
use crate::users::NoneLeft;

/// Why a load balancer is not yet as it shall be: one sentence with the cure, fit for the tenant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The driver did not do it.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The plug did not do it.
    #[error(transparent)]
    Plug(#[from] PlugError),
    /// The control plane placed it on a node that cannot do it.
    #[error(
        "The node has no driver for provider '{0}'; ask the operator to enable it, or create the \
         load balancer with another provider."
    )]
    NoDriver(ProviderName),
    /// A file could not be written.
    #[error("{}", storage_cure(.0))]
    Storage(#[source] io::Error),
    /// A directory is in the way that the agent did not make.
    #[error(
        "The node has files in the place of this load balancer that it did not make; ask the \
         operator to move them away, then it goes on by itself."
    )]
    Strange,
    /// All users of the node are given.
    #[error(
        "The node has no user left for another load balancer; ask the operator to widen its range \
         of users, then it goes on by itself."
    )]
    NoUser,
    /// A call took too long.
    #[error(
        "The node could not {attempt} within {} s; it is tried again, and if this stays so, ask \
         the operator to look at the node.", .deadline.as_secs()
    )]
    Late {
        /// What was attempted.
        attempt: &'static str,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// Everything was done, and still the node is not as planned.
    #[error(
        "The node does not keep what was set up; it is tried again, and if this stays so, ask the \
         operator to look at the node."
    )]
    Unsettled,
    /// What came with the graph is not sealed for this node.
    #[error(
        "The node cannot open the certificates of this load balancer, because they are sealed for \
         another key; change the load balancer, or ask the operator to fail it over."
    )]
    Sealed(#[source] Unopenable),
    /// Somebody's code panicked.
    #[error(
        "The node met an internal error with this load balancer; it is tried again, and if this \
         stays so, report it to the operator."
    )]
    Panicked,
}

impl StepError {
    /// Whether only another generation helps.
    pub(crate) const fn is_final(&self) -> bool {
        match self {
            Self::Driver(error) => error.is_final(),
            Self::Plug(error) => error.is_final(),
            Self::NoDriver(_) => true,
            Self::Storage(_)
            | Self::Strange
            | Self::NoUser
            | Self::Late { .. }
            | Self::Unsettled
            | Self::Sealed(_)
            | Self::Panicked => false,
        }
    }
}

fn storage_cure(error: &io::Error) -> &'static str {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded) {
        "The node's disk is full, so the change waits and what was set up before is kept; it goes \
         on by itself when the operator has freed space."
    } else {
        "The node cannot write its files, so the change waits and what was set up before is kept; \
         it goes on by itself when the operator has repaired the node's disk."
    }
}

/// A graph that the node shall serve, and the placement that wants it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) graph: Arc<LoadBalancerGraph>,
    pub(crate) epoch: Epoch,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) actual: Actual,
    pub(crate) site: Site,
    pub(crate) observation: Observation,
}

/// The hands of one keeper.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    pub(crate) id: LoadBalancerId,
    pub(crate) node: Arc<Node>,
}

impl Hands {
    /// What this node has of the load balancer, with an eye to what `graph` wants.
    pub(crate) async fn look(&self, graph: Option<&LoadBalancerGraph>) -> Result<Look, StepError> {
        let graph = graph.filter(|graph| graph.has_work());
        let (directory, epoch) = match self.node.sites.read(self.id).await {
            Ok(SiteDirectory::Absent) => (false, None),
            Ok(SiteDirectory::Ours { epoch }) => (true, epoch),
            // What is there was not made by the agent, and nobody needs the place.
            Ok(SiteDirectory::Strange) if graph.is_none() => return Ok(self.nothing()),
            Ok(SiteDirectory::Strange) => return Err(StepError::Strange),
            Err(error) => return Err(StepError::Storage(error)),
        };
        let path = self.node.sites.path(self.id);
        let reading = self.node.plug.read(&path, self.id, graph);
        let (place, site) = match self.in_time("look at the VIP", reading).await?? {
            Plugged::Absent => (Place::Absent, self.bare_site()),
            Plugged::Remains => (Place::Remains, self.bare_site()),
            Plugged::Ready(site) => (Place::Ready, self.furnished(site)?),
        };
        let observation = self.observe(graph, &site).await?;
        let served = observation.served;
        let actual = Actual { directory, place, served, epoch };
        Ok(Look { actual, site, observation })
    }

    /// What is served: by the driver of `graph`, or without a graph by whichever has anything.
    pub(crate) async fn observe(
        &self,
        graph: Option<&LoadBalancerGraph>,
        site: &Site,
    ) -> Result<Observation, StepError> {
        if let Some(graph) = graph {
            return self.observe_by(self.driver(graph)?, site).await;
        }
        for driver in self.node.drivers.all() {
            let observation = self.observe_by(driver, site).await?;
            if observation.served != Served::Absent {
                return Ok(observation);
            }
        }
        Ok(Observation::default())
    }

    /// The driver that a graph asks for.
    pub(crate) fn driver(&self, graph: &LoadBalancerGraph) -> Result<&Arc<dyn Driver>, StepError> {
        let provider = &graph.load_balancer.provider;
        let driver = self.node.drivers.of(provider);
        driver.ok_or_else(|| StepError::NoDriver(provider.clone()))
    }

    /// Takes the steps of a plan, one after the other.
    pub(crate) async fn take_all(
        &self,
        steps: Vec<Step>,
        target: Option<&Target>,
        mut site: Site,
    ) -> Result<(), StepError> {
        for step in steps {
            tracing::info!(?step, "step taken");
            match (step, target) {
                (Step::RemoveDriver, _) => self.remove_driver(&site).await?,
                (Step::Unplug, _) => self.unplug().await?,
                (Step::RemoveDirectory, _) => self.remove_directory().await?,
                (Step::MakeDirectory, _) => self.make_directory().await?,
                (Step::Plug, Some(target)) => site = self.plug(&target.graph).await?,
                (Step::ApplyDriver, Some(target)) => self.apply_driver(&site, target).await?,
                // No plan brings up what is not desired.
                (Step::Plug | Step::ApplyDriver, None) => {}
            }
        }
        Ok(())
    }

    async fn remove_driver(&self, site: &Site) -> Result<(), StepError> {
        // Without a graph nobody says whose it is; to remove nothing is allowed.
        for driver in self.node.drivers.all() {
            self.in_time("stop serving", driver.remove(site)).await??;
        }
        self.reached(Point::DriverRemoved).await;
        Ok(())
    }

    async fn unplug(&self) -> Result<(), StepError> {
        let path = self.node.sites.path(self.id);
        let removing = self.node.plug.remove(&path, self.id);
        self.in_time("take the VIP away", removing).await??;
        self.reached(Point::Unplugged).await;
        Ok(())
    }

    async fn remove_directory(&self) -> Result<(), StepError> {
        let removed = self.node.sites.remove(self.id).await;
        removed.map_err(StepError::Storage)?;
        self.reached(Point::DirectoryRemoved).await;
        Ok(())
    }

    async fn make_directory(&self) -> Result<(), StepError> {
        self.user()?;
        let made = self.node.sites.make(self.id).await;
        made.map_err(StepError::Storage)?;
        self.reached(Point::DirectoryMade).await;
        Ok(())
    }

    async fn plug(&self, graph: &LoadBalancerGraph) -> Result<Site, StepError> {
        let path = self.node.sites.path(self.id);
        let plugging = self.node.plug.ensure(&path, graph);
        let site = self.furnished(self.in_time("bring the VIP", plugging).await??)?;
        self.reached(Point::Plugged).await;
        Ok(site)
    }

    async fn apply_driver(&self, site: &Site, target: &Target) -> Result<(), StepError> {
        let driver = self.driver(&target.graph)?;
        let material = self.node.material(&target.graph).map_err(StepError::Sealed)?;
        let site = Site { epoch: target.epoch, ..site.clone() };
        let applying = driver.apply(&site, &target.graph, &material);
        self.in_time("start serving", applying).await??;
        self.reached(Point::Applied).await;
        let noted = self.node.sites.note(self.id, target.epoch).await;
        noted.map_err(StepError::Storage)?;
        self.reached(Point::Noted).await;
        Ok(())
    }

    async fn observe_by(
        &self,
        driver: &Arc<dyn Driver>,
        site: &Site,
    ) -> Result<Observation, StepError> {
        let deadline = self.node.timings.observe_deadline;
        let late = StepError::Late { attempt: "see what is served", deadline };
        let observing = tokio::time::timeout(deadline, driver.observe(site));
        Ok(observing.await.map_err(|_| late)??)
    }

    async fn in_time<F: Future>(
        &self,
        attempt: &'static str,
        work: F,
    ) -> Result<F::Output, StepError> {
        let deadline = self.node.timings.step_deadline;
        let done = tokio::time::timeout(deadline, work).await;
        done.map_err(|_| StepError::Late { attempt, deadline })
    }

    pub(crate) async fn reached(&self, point: Point) {
        self.node.failpoint.reached(self.id, point).await;
    }

    fn nothing(&self) -> Look {
        Look {
            actual: Actual::default(),
            site: self.bare_site(),
            observation: Observation::default(),
        }
    }

    /// Where the keys of this load balancer are in clear.
    fn secrets(&self) -> PathBuf {
        self.node.secrets.join(self.id.to_string())
    }

    /// The user that serves this load balancer. Where there are users, nobody serves as another.
    fn user(&self) -> Result<Option<u32>, StepError> {
        let users = self.node.sites.users();
        users.give(self.id).map_err(|NoneLeft| StepError::NoUser)?;
        Ok(users.of(self.id))
    }

    fn furnished(&self, site: Site) -> Result<Site, StepError> {
        Ok(Site { secrets: self.secrets(), user: self.user()?, ..site })
    }

    fn bare_site(&self) -> Site {
        Site {
            load_balancer: self.id,
            epoch: Epoch::default(),
            directory: self.node.sites.path(self.id),
            secrets: self.secrets(),
            namespace: None,
            user: self.node.sites.users().of(self.id),
            sockets: std::collections::BTreeMap::new(),
        }
    }
}
