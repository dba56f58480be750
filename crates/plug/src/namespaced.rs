//! The plug: a namespace for each load balancer, wired up, furnished, and announced.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_driver::{Plug, PlugError, Plugged, Site};
use evenkeel_model::{Attachment, Epoch, LoadBalancerGraph, LoadBalancerId};
use evenkeel_plumbing::{Named, Namespace, Namespaces};

use crate::announcer::{Announcer, close};
use crate::eviction::evict;
use crate::furnishing::{furnish, until_settled};
use crate::interior::{Interior, Role};
use crate::names;
use crate::router::Routers;
use crate::trouble::{kernel, off_runtime, strange, unavailable};
use crate::wiring::{Wires, Wiring};

/// How often each address is announced unless it is said otherwise.
const ANNOUNCEMENTS: u32 = 3;

/// How long others may take to say that they have an address, unless it is said otherwise.
const PATIENCE: Duration = Duration::from_millis(50);

/// Brings VIPs into namespaces of their own.
#[derive(Debug)]
pub struct Namespaced {
    names: Namespaces,
    wiring: Arc<dyn Wiring>,
    announcer: Announcer,
    routers: Routers,
    patience: Duration,
}

impl Namespaced {
    /// Namespaces named in `names`, with devices by `wiring`. Whenever a VIP is plugged, each of its
    /// addresses is announced three times, a second apart.
    pub fn new(names: Namespaces, wiring: Arc<dyn Wiring>) -> Self {
        let announcer = Announcer::new(Arc::clone(&wiring), ANNOUNCEMENTS);
        let routers = Routers::new(names.clone(), Arc::clone(&wiring));
        Self { names, wiring, announcer, routers, patience: PATIENCE }
    }

    /// The same, with another number of announcements; 0 announces nothing.
    #[must_use]
    pub fn announcing(self, times: u32) -> Self {
        let announcer = Announcer::new(Arc::clone(&self.wiring), times);
        Self { announcer, ..self }
    }

    /// The same, with another time for which others on the network are asked whether they have an
    /// IPv4 address that is plugged; 50 ms if nothing is said. 0 asks nobody, and plugs at once.
    #[must_use]
    pub fn asking(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn site(&self, directory: &Path, load_balancer: LoadBalancerId) -> Site {
        Site {
            load_balancer,
            epoch: Epoch::default(),
            directory: directory.to_owned(),
            secrets: PathBuf::new(),
            namespace: Some(self.names.path(&names::namespace(load_balancer))),
            user: None,
            sockets: BTreeMap::new(),
        }
    }

    async fn find(&self, load_balancer: LoadBalancerId) -> Result<Named, PlugError> {
        let names = self.names.clone();
        off_runtime(move || {
            let (name, mark) = (names::namespace(load_balancer), names::mark(load_balancer));
            names.find(&name, &mark).map_err(kernel("look at the namespace"))
        })
        .await
    }

    /// Whether a crash has left a name without a namespace.
    fn has_empty_name(&self, load_balancer: LoadBalancerId) -> Result<bool, PlugError> {
        let is_empty = self.names.is_empty(&names::namespace(load_balancer));
        is_empty.map_err(kernel("look at the namespace"))
    }

    async fn make(&self, load_balancer: LoadBalancerId) -> Result<Namespace, PlugError> {
        let names = self.names.clone();
        off_runtime(move || {
            let (name, mark) = (names::namespace(load_balancer), names::mark(load_balancer));
            match names.ensure(&name, &mark) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(strange("namespace", &name))
                }
                made => made.map_err(kernel("make the namespace")),
            }
        })
        .await
    }
}

#[async_trait]
impl Plug for Namespaced {
    async fn ensure(&self, directory: &Path, graph: &LoadBalancerGraph) -> Result<Site, PlugError> {
        let id = graph.load_balancer.id;
        let attachment = attachment(graph)?;
        // What speaks for a namespace that was lost would keep it, and the names of its devices.
        self.announcer.forget(id).await;
        let namespace = self.make(id).await?;
        let name = names::namespace(id);
        let wired = self.wiring.ensure(id, &name, attachment).await?;
        let speaker = furnish(&namespace, &wired, attachment, Role::Vip, self.patience).await?;
        if let Err(error) = until_settled(&namespace, &wired.device, Role::Vip).await {
            close(speaker).await;
            return Err(error);
        }
        self.announcer.announce(id, name, attachment, speaker);
        for (outside, speaker) in self.routers.ensure(graph, &namespace, self.patience).await? {
            self.announcer.announce(id, names::router(id), &outside, speaker);
        }
        Ok(self.site(directory, id))
    }

    async fn read(
        &self,
        directory: &Path,
        load_balancer: LoadBalancerId,
        graph: Option<&LoadBalancerGraph>,
    ) -> Result<Plugged, PlugError> {
        let name = names::namespace(load_balancer);
        let (namespace, graph) = match (self.find(load_balancer).await?, graph) {
            (Named::Ours(namespace), Some(graph)) => (namespace, graph),
            (Named::Ours(_), None) => return Ok(Plugged::Remains),
            (Named::Strange, Some(_)) => return Err(strange("namespace", &name)),
            (Named::Absent | Named::Strange, _) => {
                let wires = self.wiring.read(load_balancer, &name, None).await?;
                let is_left = self.routers.is_left(load_balancer).await?
                    || self.has_empty_name(load_balancer)?;
                let some = wires != Wires::Absent || is_left;
                return Ok(if some { Plugged::Remains } else { Plugged::Absent });
            }
        };
        let attachment = attachment(graph)?;
        let Wires::Whole(wired) = self.wiring.read(load_balancer, &name, Some(attachment)).await?
        else {
            return Ok(Plugged::Remains);
        };
        let (inside, attachment) = (namespace.clone(), attachment.clone());
        let is_furnished = off_runtime(move || {
            let interior = Interior::open(&inside, &wired.device, Role::Vip);
            let matches =
                interior.and_then(|it| it.map_or(Ok(false), |it| it.matches(&attachment)));
            matches.map_err(kernel("look at the addresses of the VIP"))
        });
        let site = self.site(directory, load_balancer);
        let is_ready = is_furnished.await? && self.routers.is_right(graph, &namespace).await?;
        Ok(if is_ready { Plugged::Ready(site) } else { Plugged::Remains })
    }

    async fn remove(
        &self,
        _directory: &Path,
        load_balancer: LoadBalancerId,
    ) -> Result<(), PlugError> {
        let (name, mark) = (names::namespace(load_balancer), names::mark(load_balancer));
        self.announcer.forget(load_balancer).await;
        if let Named::Ours(namespace) = self.find(load_balancer).await? {
            evict(namespace).await?;
        }
        if self.routers.is_left(load_balancer).await? {
            self.routers.remove(load_balancer, None, &[]).await?;
        }
        self.wiring.remove(load_balancer, &name, &[]).await?;
        let names = self.names.clone();
        off_runtime(move || names.remove(&name, &mark).map_err(kernel("remove the namespace")))
            .await
    }

    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        let names = self.names.clone();
        let listing = off_runtime(move || {
            let mut all = names.list(names::NAMESPACE).map_err(kernel("list the namespaces"))?;
            all.extend(names.list(names::ROUTER).map_err(kernel("list the routers"))?);
            Ok(all)
        });
        let ours = |(name, mark): (String, Option<String>)| {
            let id = names::load_balancer_of(&name)?;
            let is_empty = || self.names.is_empty(&name).unwrap_or_default();
            mark.map_or_else(is_empty, |mark| mark == names::mark(id)).then_some(id)
        };
        let mut found: Vec<_> = listing.await?.into_iter().filter_map(ours).collect();
        found.extend(self.wiring.list().await?);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    async fn disturbed(&self, load_balancer: LoadBalancerId) {
        self.wiring.disturbed(load_balancer).await;
    }
}

fn attachment(graph: &LoadBalancerGraph) -> Result<&Attachment, PlugError> {
    graph.attachment.as_ref().ok_or_else(|| {
        unavailable(
            "the control plane did not say how the VIP is attached to its network",
            "the operator upgrades the control plane",
            None,
        )
    })
}
