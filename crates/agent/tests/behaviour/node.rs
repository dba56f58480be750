//! A node that serves nothing: its driver and plug remember what they were asked, and outlive the
//! agent as processes and namespaces do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use evenkeel_driver::{Driver, DriverError, Plug, PlugError, Plugged, Site};
use evenkeel_model::observed::{Observation, Served};
use evenkeel_model::provider::Capabilities;
use evenkeel_model::{Epoch, Generation, LoadBalancerGraph, LoadBalancerId};
use evenkeel_vault::Material;

/// What the driver does when it is asked to apply a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Works,
    Unavailable,
    Rejects,
    Panics,
    Hangs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Ensure,
    Apply(Generation),
    Remove,
    Unplug,
}

/// Counts that never stand still; what is held is behind one lock.
#[derive(Debug, Default)]
pub(crate) struct FakeNode {
    inner: Mutex<Inner>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    plugged: BTreeSet<LoadBalancerId>,
    served: BTreeMap<LoadBalancerId, Served>,
    seen: BTreeMap<LoadBalancerId, Observation>,
    moods: BTreeMap<LoadBalancerId, Mood>,
    slow: BTreeSet<LoadBalancerId>,
    calls: Vec<(LoadBalancerId, Call)>,
    busy: BTreeSet<LoadBalancerId>,
    fallen: BTreeSet<LoadBalancerId>,
    observations: usize,
    belonging: BTreeSet<LoadBalancerId>,
}

impl FakeNode {
    fn inner<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }

    pub(crate) fn mood(&self, id: LoadBalancerId, mood: Mood) {
        self.inner(|inner| inner.moods.insert(id, mood));
    }

    /// From now on observations of this one never return.
    pub(crate) fn slow(&self, id: LoadBalancerId) {
        self.inner(|inner| inner.slow.insert(id));
    }

    pub(crate) fn served(&self, id: LoadBalancerId) -> Served {
        self.inner(|inner| inner.served.get(&id).copied().unwrap_or_default())
    }

    pub(crate) fn serves(&self, id: LoadBalancerId, generation: u64) -> bool {
        self.served(id) == Served::Serving(Generation::new(generation))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner(|inner| inner.plugged.is_empty() && inner.served.is_empty())
    }

    pub(crate) fn observations(&self) -> usize {
        self.inner(|inner| inner.observations)
    }

    pub(crate) fn see(&self, id: LoadBalancerId, change: impl FnOnce(&mut Observation)) {
        self.inner(|inner| change(inner.seen.entry(id).or_default()));
    }

    /// The process ends by itself.
    pub(crate) fn crash(&self, id: LoadBalancerId) {
        self.inner(|inner| {
            inner.served.insert(id, Served::Remains);
            inner.fallen.insert(id);
        });
        self.ended.notify_waiters();
    }

    /// The process hangs: nobody is told.
    pub(crate) fn hang(&self, id: LoadBalancerId) {
        self.inner(|inner| inner.served.insert(id, Served::Remains));
    }

    pub(crate) fn unplug(&self, id: LoadBalancerId) {
        self.inner(|inner| inner.plugged.remove(&id));
    }

    pub(crate) fn calls(&self, id: LoadBalancerId) -> Vec<Call> {
        self.inner(|inner| {
            let of_it = inner.calls.iter().filter(|(whose, _)| *whose == id);
            of_it.map(|(_, call)| call.clone()).collect()
        })
    }

    /// What the driver was told last to belong to the node.
    pub(crate) fn belonging(&self) -> Vec<LoadBalancerId> {
        self.inner(|inner| inner.belonging.iter().copied().collect())
    }

    pub(crate) fn applied(&self, id: LoadBalancerId) -> usize {
        let calls = self.calls(id);
        let applied = calls.iter().filter(|call| matches!(call, Call::Apply(_)));
        applied.count()
    }

    pub(crate) fn forget_calls(&self) {
        self.inner(|inner| inner.calls.clear());
    }

    fn begin(&self, id: LoadBalancerId, call: Call) -> Busy<'_> {
        self.inner(|inner| {
            inner.calls.push((id, call));
            assert!(inner.busy.insert(id), "two calls at once for {id}");
        });
        Busy { node: self, id }
    }

    async fn do_apply(&self, site: &Site, graph: &LoadBalancerGraph) -> Result<(), DriverError> {
        let id = site.load_balancer;
        assert!(site.directory.is_dir(), "the site has its directory");
        assert!(self.inner(|inner| inner.plugged.contains(&id)), "the VIP is there");
        let mood = self.inner(|inner| inner.moods.get(&id).copied().unwrap_or_default());
        match mood {
            Mood::Works => {}
            Mood::Unavailable => return Err(unavailable()),
            Mood::Rejects => {
                return Err(DriverError::Rejected {
                    reason: "the cookie's name is taken; choose another".to_owned(),
                });
            }
            Mood::Panics => panic!("the driver panics on purpose"),
            Mood::Hangs => std::future::pending().await,
        }
        self.inner(|inner| {
            if !matches!(inner.served.get(&id), Some(Served::Serving(_))) {
                inner.served.insert(id, Served::Remains);
            }
        });
        tokio::task::yield_now().await;
        self.inner(|inner| {
            inner.served.insert(id, Served::Serving(graph.generation));
            inner.fallen.remove(&id);
        });
        Ok(())
    }
}

/// One call at a time for each load balancer.
struct Busy<'a> {
    node: &'a FakeNode,
    id: LoadBalancerId,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // A poisoned lock here would hide the first panic behind a second.
        if let Ok(mut inner) = self.node.inner.lock() {
            inner.busy.remove(&self.id);
        }
    }
}

fn unavailable() -> DriverError {
    DriverError::Unavailable {
        attempt: "could not start the load balancer's process".to_owned(),
        cure: "it is tried again by itself".to_owned(),
        source: None,
    }
}

#[async_trait]
impl Driver for FakeNode {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    async fn apply(
        &self,
        site: &Site,
        graph: &LoadBalancerGraph,
        _: &Material,
    ) -> Result<(), DriverError> {
        let _busy = self.begin(site.load_balancer, Call::Apply(graph.generation));
        self.do_apply(site, graph).await
    }

    async fn observe(&self, site: &Site) -> Result<Observation, DriverError> {
        let id = site.load_balancer;
        if self.inner(|inner| inner.slow.contains(&id)) {
            std::future::pending::<()>().await;
        }
        Ok(self.inner(|inner| {
            inner.observations += 1;
            assert!(!inner.busy.contains(&id), "observed while something is done");
            let mut seen = inner.seen.get(&id).cloned().unwrap_or_default();
            seen.served = inner.served.get(&id).copied().unwrap_or_default();
            seen
        }))
    }

    async fn remove(&self, site: &Site) -> Result<(), DriverError> {
        let id = site.load_balancer;
        let _busy = self.begin(id, Call::Remove);
        tokio::task::yield_now().await;
        self.inner(|inner| inner.served.remove(&id));
        Ok(())
    }

    async fn sweep(&self, held: BTreeSet<LoadBalancerId>) {
        self.inner(|inner| inner.belonging = held);
    }

    async fn ended(&self, site: &Site) {
        loop {
            let notified = self.ended.notified();
            let fallen = self.inner(|inner| inner.fallen.contains(&site.load_balancer));
            if fallen {
                return;
            }
            // A real driver is woken by the kernel; this one also looks now and then.
            let _ = tokio::time::timeout(Duration::from_secs(1), notified).await;
        }
    }
}

#[async_trait]
impl Plug for FakeNode {
    async fn ensure(&self, directory: &Path, graph: &LoadBalancerGraph) -> Result<Site, PlugError> {
        let id = graph.load_balancer.id;
        let _busy = self.begin(id, Call::Ensure);
        tokio::task::yield_now().await;
        self.inner(|inner| inner.plugged.insert(id));
        Ok(site(directory.to_owned(), id))
    }

    async fn read(
        &self,
        directory: &Path,
        load_balancer: LoadBalancerId,
        graph: Option<&LoadBalancerGraph>,
    ) -> Result<Plugged, PlugError> {
        let plugged = self.inner(|inner| inner.plugged.contains(&load_balancer));
        Ok(match (plugged, graph) {
            (false, _) => Plugged::Absent,
            (true, None) => Plugged::Remains,
            (true, Some(_)) => Plugged::Ready(site(directory.to_owned(), load_balancer)),
        })
    }

    async fn remove(&self, _directory: &Path, id: LoadBalancerId) -> Result<(), PlugError> {
        let _busy = self.begin(id, Call::Unplug);
        tokio::task::yield_now().await;
        self.inner(|inner| inner.plugged.remove(&id));
        Ok(())
    }
}

fn site(directory: PathBuf, load_balancer: LoadBalancerId) -> Site {
    let sockets = BTreeMap::new();
    let secrets = PathBuf::new();
    Site {
        load_balancer,
        epoch: Epoch::default(),
        directory,
        secrets,
        namespace: None,
        user: None,
        sockets,
    }
}
