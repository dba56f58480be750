//! Floating addresses: a router of its own for each load balancer that has any.
//!
//! The router is a namespace between the outer networks and that of the VIPs. What is for a
//! floating address is sent on to its VIP with the client's own address, and the answers come back
//! through the router whatever the routes of the VIP's network are.

mod join;
mod rules;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, FloatingAddress, LoadBalancerGraph, LoadBalancerId};
use evenkeel_plumbing::{Named, Namespace, Namespaces, Speaker, nft};

use crate::announcer::close;
use crate::furnishing::{furnish, until_settled};
use crate::interior::{Interior, Role};
use crate::names;
use crate::trouble::{kernel, off_runtime, strange, unavailable};
use crate::wiring::{Wires, Wiring};
use join::{Mode, TO_ROUTER, TO_VIP, join};

/// Makes routers.
#[derive(Debug)]
pub(crate) struct Routers {
    names: Namespaces,
    wiring: Arc<dyn Wiring>,
}

impl Routers {
    pub(crate) fn new(names: Namespaces, wiring: Arc<dyn Wiring>) -> Self {
        Self { names, wiring }
    }

    /// Whether there is a router, and whose.
    async fn find(&self, load_balancer: LoadBalancerId) -> Result<Named, PlugError> {
        let names = self.names.clone();
        off_runtime(move || {
            let (name, mark) = (names::router(load_balancer), names::mark(load_balancer));
            names.find(&name, &mark).map_err(kernel("look at the router"))
        })
        .await
    }

    /// Whether there is a router of ours, or a name that did not get to mean one.
    pub(crate) async fn is_left(&self, load_balancer: LoadBalancerId) -> Result<bool, PlugError> {
        match self.find(load_balancer).await? {
            Named::Ours(_) => Ok(true),
            Named::Strange => Ok(false),
            Named::Absent => Ok(self.names.path(&names::router(load_balancer)).exists()),
        }
    }

    /// Makes the floating addresses of `graph` lead to its VIPs, which are in `vip`, and nothing
    /// else; gives back who can speak for each. Without any there is no router afterwards.
    pub(crate) async fn ensure(
        &self,
        graph: &LoadBalancerGraph,
        vip: &Namespace,
        patience: Duration,
    ) -> Result<Vec<(Attachment, Speaker)>, PlugError> {
        let id = graph.load_balancer.id;
        let kept: Vec<_> = graph.attachment.iter().cloned().chain(outsides(graph)).collect();
        if graph.floating.is_empty() {
            if self.is_left(id).await? {
                self.remove(id, Some(vip), &kept).await?;
            }
            return Ok(Vec::new());
        }
        refuse_odd(graph)?;
        let router = self.make(id).await?;
        let name = names::router(id);
        self.wiring.remove(id, &name, &kept).await?;
        // Before anybody outside can reach it.
        mend(vip, &router, &graph.floating).await?;
        let mut speakers = Vec::new();
        for outside in outsides(graph) {
            match self.plug(id, &router, &outside, patience).await {
                Ok(speaker) => speakers.push((outside, speaker)),
                Err(error) => {
                    for (_, speaker) in speakers {
                        close(speaker).await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(speakers)
    }

    /// Attaches a router to one of its outer networks.
    async fn plug(
        &self,
        load_balancer: LoadBalancerId,
        router: &Namespace,
        outside: &Attachment,
        patience: Duration,
    ) -> Result<Speaker, PlugError> {
        let name = names::router(load_balancer);
        let wired = self.wiring.ensure(load_balancer, &name, outside).await?;
        let speaker = furnish(router, &wired, outside, Role::Router, patience).await?;
        match until_settled(router, &wired.device, Role::Router).await {
            Ok(()) => Ok(speaker),
            Err(error) => {
                close(speaker).await;
                Err(error)
            }
        }
    }

    async fn make(&self, load_balancer: LoadBalancerId) -> Result<Namespace, PlugError> {
        let names = self.names.clone();
        off_runtime(move || {
            let (name, mark) = (names::router(load_balancer), names::mark(load_balancer));
            match names.ensure(&name, &mark) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(strange("namespace", &name))
                }
                made => made.map_err(kernel("make the router")),
            }
        })
        .await
    }

    /// Whether there is nothing to do for [`Routers::ensure`].
    pub(crate) async fn is_right(
        &self,
        graph: &LoadBalancerGraph,
        vip: &Namespace,
    ) -> Result<bool, PlugError> {
        let id = graph.load_balancer.id;
        if graph.floating.is_empty() {
            return Ok(!self.is_left(id).await?);
        }
        let router = match self.find(id).await? {
            Named::Absent => return Ok(false),
            Named::Strange => return Err(strange("namespace", &names::router(id))),
            Named::Ours(router) => router,
        };
        for outside in outsides(graph) {
            if !self.is_plugged(id, &router, outside).await? {
                return Ok(false);
            }
        }
        let joined = [vip.clone(), router.clone()];
        let floating = graph.floating.clone();
        let is_joined = off_runtime(move || {
            join(&joined[0], &joined[1], &floating, Mode::Look)
                .map_err(kernel("look at the router"))
        });
        Ok(is_joined.await?
            && have_rules(vip, TO_ROUTER, &rules::of_vip()).await?
            && have_rules(&router, TO_VIP, &rules::of_router(&graph.floating)).await?)
    }

    async fn is_plugged(
        &self,
        load_balancer: LoadBalancerId,
        router: &Namespace,
        outside: Attachment,
    ) -> Result<bool, PlugError> {
        let name = names::router(load_balancer);
        let found = self.wiring.read(load_balancer, &name, Some(&outside)).await?;
        let Wires::Whole(wired) = found else { return Ok(false) };
        let router = router.clone();
        off_runtime(move || {
            let interior = Interior::open(&router, &wired.device, Role::Router);
            let matches = interior.and_then(|it| it.map_or(Ok(false), |it| it.matches(&outside)));
            matches.map_err(kernel("look at the floating address"))
        })
        .await
    }

    /// Takes the router away, but no device of the `kept` attachments, which are elsewhere; also if
    /// it is not there.
    pub(crate) async fn remove(
        &self,
        load_balancer: LoadBalancerId,
        vip: Option<&Namespace>,
        kept: &[Attachment],
    ) -> Result<(), PlugError> {
        let (name, mark) = (names::router(load_balancer), names::mark(load_balancer));
        let found = self.find(load_balancer).await?;
        if let (Some(vip), Named::Ours(_)) = (vip, &found) {
            nft::delete(vip, rules::TABLE).await.map_err(nft_failed("remove the rules"))?;
        }
        self.wiring.remove(load_balancer, &name, kept).await?;
        let names = self.names.clone();
        off_runtime(move || {
            let remove = || {
                if let Named::Ours(router) = found {
                    join::part(&router.netlink()?, TO_VIP)?;
                }
                // Last, so that until then everything of it is found by it.
                names.remove(&name, &mark)
            };
            remove().map_err(kernel("remove the router"))
        })
        .await
    }
}

/// How a router is attached to its outer networks. Where two attachments lead to one destination
/// the first is used for both: what leaves by it has the right sender all the same.
fn outsides(graph: &LoadBalancerGraph) -> impl Iterator<Item = Attachment> + use<> {
    let mut led = BTreeSet::new();
    let outsides: Vec<Attachment> = graph
        .floating
        .iter()
        .map(|it| {
            let mut outside = it.outside.clone();
            outside.routes.retain(|route| led.insert(route.destination));
            outside
        })
        .collect();
    outsides.into_iter()
}

/// A router has one way out, which is that of one network.
fn refuse_odd(graph: &LoadBalancerGraph) -> Result<(), PlugError> {
    let networks: BTreeSet<_> = graph.floating.iter().map(|it| it.outside.network).collect();
    if networks.len() > 1 {
        return Err(PlugError::Refused(
            "all floating addresses of a load balancer must be of one external network; the tenant \
             gives those of another one to another load balancer"
                .to_owned(),
        ));
    }
    for FloatingAddress { outside, inside } in &graph.floating {
        let address = outside.addresses.first().map(ipnet::IpNet::addr);
        if address.is_none_or(|it| it.is_ipv4() != inside.is_ipv4()) {
            return Err(PlugError::Refused(format!(
                "a floating address must be of the same IP version as the VIP {inside} it stands \
                 for; the tenant gives it another"
            )));
        }
    }
    Ok(())
}

/// Joins router and VIPs, with rules on both sides.
async fn mend(
    vip: &Namespace,
    router: &Namespace,
    floating: &[FloatingAddress],
) -> Result<(), PlugError> {
    let (at, between, wanted) = (vip.clone(), router.clone(), floating.to_vec());
    off_runtime(move || {
        let joined = join(&at, &between, &wanted, Mode::Mend);
        joined.map(drop).map_err(kernel("join the router and the VIP"))
    })
    .await?;
    let sides = [(vip, TO_ROUTER, rules::of_vip()), (router, TO_VIP, rules::of_router(floating))];
    for (namespace, end, rules) in sides {
        if have_rules(namespace, end, &rules).await? {
            continue;
        }
        let seal = rules::set(namespace, &rules).await.map_err(nft_failed("set the rules"))?;
        let namespace = namespace.clone();
        off_runtime(move || {
            join::seal(&namespace, end, &seal).map_err(kernel("seal the rules of the router"))
        })
        .await?;
    }
    Ok(())
}

async fn have_rules(
    namespace: &Namespace,
    end: &'static str,
    rules: &str,
) -> Result<bool, PlugError> {
    let at = namespace.clone();
    let sealed = off_runtime(move || {
        join::sealed(&at, end).map_err(kernel("look at the rules of the router"))
    });
    let are = rules::are(namespace, rules, &sealed.await?).await;
    are.map_err(nft_failed("look at the rules"))
}

fn nft_failed(attempt: &str) -> impl FnOnce(io::Error) -> PlugError + use<> {
    let attempt = format!("could not {attempt} of floating addresses");
    move |error| {
        let cure = if error.kind() == io::ErrorKind::NotFound {
            "the operator installs nftables on the node, then it goes on by itself"
        } else {
            "it is tried again; if this stays so, the operator looks at the agent's log"
        };
        unavailable(attempt, cure, Some(error))
    }
}
