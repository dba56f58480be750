//! The plug: a namespace for each load balancer, wired up, furnished, and announced.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_driver::{Plug, PlugError, Plugged, Site};
use evenkeel_model::{Attachment, Epoch, LoadBalancerGraph, LoadBalancerId};
use evenkeel_plumbing::{Named, Namespace, Namespaces};
use tokio::time::{Instant, interval};

use crate::interior::{Interior, Settled};
use crate::names;
use crate::trouble::{kernel, off_runtime, strange, unavailable};
use crate::wiring::{Wired, Wires, Wiring};

/// How long the kernel may take to find out whether somebody else has an IPv6 address, and how
/// often it is asked.
const SETTLE: Duration = Duration::from_secs(5);
const ASK: Duration = Duration::from_millis(20);

/// Brings VIPs into namespaces of their own.
#[derive(Debug)]
pub struct Namespaced {
    names: Namespaces,
    wiring: Arc<dyn Wiring>,
}

impl Namespaced {
    /// Namespaces named in `names`, with devices by `wiring`.
    pub fn new(names: Namespaces, wiring: Arc<dyn Wiring>) -> Self {
        Self { names, wiring }
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
        let namespace = self.make(id).await?;
        let name = names::namespace(id);
        let wired = self.wiring.ensure(id, &name, attachment).await?;
        furnish(&namespace, &wired, attachment).await?;
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
                let some = wires != Wires::Absent;
                return Ok(if some { Plugged::Remains } else { Plugged::Absent });
            }
        };
        let attachment = attachment(graph)?;
        let Wires::Whole(wired) = self.wiring.read(load_balancer, &name, Some(attachment)).await?
        else {
            return Ok(Plugged::Remains);
        };
        let attachment = attachment.clone();
        let is_furnished = off_runtime(move || {
            let interior = Interior::open(&namespace, &wired.device);
            let matches =
                interior.and_then(|it| it.map_or(Ok(false), |it| it.matches(&attachment)));
            matches.map_err(kernel("look at the addresses of the VIP"))
        });
        let site = self.site(directory, load_balancer);
        Ok(if is_furnished.await? { Plugged::Ready(site) } else { Plugged::Remains })
    }

    async fn remove(
        &self,
        _directory: &Path,
        load_balancer: LoadBalancerId,
    ) -> Result<(), PlugError> {
        let (name, mark) = (names::namespace(load_balancer), names::mark(load_balancer));
        self.wiring.remove(load_balancer, &name, &[]).await?;
        let names = self.names.clone();
        off_runtime(move || names.remove(&name, &mark).map_err(kernel("remove the namespace")))
            .await
    }

    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        let names = self.names.clone();
        let listing = off_runtime(move || {
            names.list(names::NAMESPACE).map_err(kernel("list the namespaces"))
        });
        let ours = |(name, mark): (String, Option<String>)| {
            let id = names::load_balancer_of(&name)?;
            (mark == Some(names::mark(id))).then_some(id)
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

/// Brings addresses and routes into a namespace, and waits until they can be used.
async fn furnish(
    namespace: &Namespace,
    wired: &Wired,
    attachment: &Attachment,
) -> Result<(), PlugError> {
    let (inside, device, wanted) = (namespace.clone(), wired.device.clone(), attachment.clone());
    off_runtime(move || {
        let failed = || kernel("set up the addresses of the VIP");
        let interior = Interior::open(&inside, &device).map_err(failed())?;
        let interior = interior.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))?;
        interior.switch_on().map_err(failed())?;
        interior.furnish(&wanted).map_err(failed())
    })
    .await?;
    until_settled(namespace, &wired.device).await
}

async fn until_settled(namespace: &Namespace, device: &str) -> Result<(), PlugError> {
    let deadline = Instant::now() + SETTLE;
    let mut asking = interval(ASK);
    loop {
        asking.tick().await;
        let (inside, device) = (namespace.clone(), device.to_owned());
        let settled = off_runtime(move || settled(&inside, &device)).await?;
        match settled {
            Settled::Yes => return Ok(()),
            Settled::Taken(address) => return Err(taken(address)),
            Settled::NotYet if Instant::now() < deadline => {}
            Settled::NotYet => {
                return Err(unavailable(
                    "the kernel does not find out whether the VIP is free",
                    "it is tried again; the operator sees to it that the node's network is up",
                    None,
                ));
            }
        }
    }
}

fn settled(inside: &Namespace, device: &str) -> Result<Settled, PlugError> {
    let look = || {
        let interior = Interior::open(inside, device)?.ok_or(io::ErrorKind::NotFound)?;
        let settled = interior.settled()?;
        if let Settled::Taken(address) = settled {
            interior.give_up(address)?;
        }
        Ok(settled)
    };
    look().map_err(kernel("look at the addresses of the VIP"))
}

fn taken(address: IpAddr) -> PlugError {
    unavailable(
        format!("the address {address} is used by somebody else on its network"),
        "the operator finds out who, or the tenant takes another address",
        None,
    )
}
