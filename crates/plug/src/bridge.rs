//! Linux bridges: one for each network, and a pair of devices between it and each namespace.

mod pair;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, LoadBalancerId, NetworkId, PortId};
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::{Named, Namespace, Namespaces, Netlink, sysctl};

use self::pair::{Pair, owner, taps_of};
use crate::names;
use crate::trouble::{kernel, off_runtime, strange, unavailable};
use crate::wiring::{Wired, Wires, Wiring};

/// Plugs into Linux bridges.
///
/// A network that the operator has named a bridge for uses that one, which must be there. Every
/// other network gets a bridge of its own with its first port on the node, and loses it with its
/// last; an uplink in it is a port, and so keeps it.
#[derive(Clone, Debug)]
pub struct Bridge(Arc<Bridges>);

#[derive(Debug)]
struct Bridges {
    names: Namespaces,
    /// Where bridges are: the namespace of the agent.
    root: Namespace,
    given: BTreeMap<NetworkId, String>,
    /// Held while a bridge is made and gets its port, and while bridges without ports are removed.
    building: Mutex<()>,
}

impl Bridge {
    /// Bridges in the namespace of this process; `given` are those that are the operator's.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(names: Namespaces, given: BTreeMap<NetworkId, String>) -> io::Result<Self> {
        let root = Namespace::current()?;
        Ok(Self(Arc::new(Bridges { names, root, given, building: Mutex::default() })))
    }

    async fn off_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Bridges) -> Result<T, PlugError> + Send + 'static,
    ) -> Result<T, PlugError> {
        let bridges = Arc::clone(&self.0);
        off_runtime(move || work(&bridges)).await
    }
}

#[async_trait]
impl Wiring for Bridge {
    async fn ensure(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: &Attachment,
    ) -> Result<Wired, PlugError> {
        let (namespace, attachment) = (namespace.to_owned(), attachment.clone());
        self.off_runtime(move |it| it.ensure(load_balancer, &namespace, &attachment)).await
    }

    async fn read(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: Option<&Attachment>,
    ) -> Result<Wires, PlugError> {
        let (namespace, attachment) = (namespace.to_owned(), attachment.cloned());
        self.off_runtime(move |it| it.read(load_balancer, &namespace, attachment.as_ref())).await
    }

    async fn remove(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        kept: &[Attachment],
    ) -> Result<(), PlugError> {
        let kept: Vec<PortId> = kept.iter().map(|it| it.port).collect();
        let namespace = namespace.to_owned();
        self.off_runtime(move |it| it.remove(load_balancer, &namespace, &kept)).await
    }

    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        self.off_runtime(Bridges::list).await
    }
}

impl Bridges {
    fn ensure(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: &Attachment,
    ) -> Result<Wired, PlugError> {
        let inside = self
            .inside(load_balancer, namespace)?
            .ok_or_else(|| unavailable("the namespace is gone", "it is tried again", None))?;
        let outside = self.root.netlink().map_err(kernel("ask the kernel"))?;
        let pair = Pair::ensure(&inside, &outside, &self.root, load_balancer, attachment)?;
        self.connect(&outside, &pair.tap, attachment)?;
        let dressed = pair.dress(&inside, attachment);
        dressed.map_err(kernel("set up the device of the VIP"))?;
        Ok(Wired { device: pair.inner.name, is_live: true })
    }

    /// Makes the outer end a port of its network's bridge, and nothing of the node's own.
    fn connect(&self, outside: &Netlink, tap: &Link, to: &Attachment) -> Result<(), PlugError> {
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        let bridge = self.bridge(outside, to.network)?;
        plug_in(outside, tap, to, &bridge).map_err(kernel("plug the VIP into its bridge"))
    }

    /// The bridge of a network, switched on.
    fn bridge(&self, outside: &Netlink, network: NetworkId) -> Result<Link, PlugError> {
        let given = self.given.get(&network);
        let name = given.cloned().unwrap_or_else(|| names::bridge(network));
        let found = match outside.link(&name).map_err(asking)? {
            Some(found) if !found.is_bridge => return Err(strange("device", &name)),
            // Names have only the beginning of an id, which two networks may share.
            Some(found) if given.is_none() && is_of_another(&found, network) => {
                return Err(strange("bridge", &name));
            }
            Some(found) => found,
            None if given.is_some() => {
                return Err(unavailable(
                    format!("the bridge {name} of the network is not there"),
                    "the operator makes it, or takes it out of the agent's configuration",
                    None,
                ));
            }
            None => make_bridge(outside, network, &name).map_err(kernel("make a bridge"))?,
        };
        if names::is_mark(&found.alias) {
            // The node itself is not on the tenant's network.
            silence(&name).map_err(kernel("make a bridge"))?;
        }
        if !found.is_up {
            outside.set_up(found.index).map_err(kernel("switch a bridge on"))?;
        }
        Ok(found)
    }

    fn read(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: Option<&Attachment>,
    ) -> Result<Wires, PlugError> {
        let outside = self.root.netlink().map_err(asking)?;
        let inside = self.inside(load_balancer, namespace)?;
        let Some(attachment) = attachment else {
            let some = self.has_remains(load_balancer, inside.as_ref(), &outside);
            return Ok(if some.map_err(asking)? { Wires::Remains } else { Wires::Absent });
        };
        let Some(inside) = inside else { return Ok(Wires::Absent) };
        let pair = Pair::find(&inside, &outside, attachment).map_err(asking)?;
        let Some(Pair { inner, tap }) = pair else { return Ok(Wires::Remains) };
        let name = self.given.get(&attachment.network).cloned();
        let name = name.unwrap_or_else(|| names::bridge(attachment.network));
        let bridge = outside.link(&name).map_err(asking)?;
        let is_plugged = bridge.is_some_and(|it| it.is_up && tap.bridge == Some(it.index));
        let mtu = u32::from(attachment.mtu);
        let is_whole = is_plugged
            && tap.is_up
            && (tap.mtu, inner.mtu) == (mtu, mtu)
            && inner.mac == Some(attachment.mac)
            && tap.alias == names::mark(load_balancer);
        let wired = Wired { device: inner.name, is_live: true };
        Ok(if is_whole { Wires::Whole(wired) } else { Wires::Remains })
    }

    fn remove(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        kept: &[PortId],
    ) -> Result<(), PlugError> {
        let is_kept = |link: &Link| {
            kept.iter().any(|port| [names::inner(*port), names::tap(*port)].contains(&link.name))
        };
        if let Some(inside) = self.inside(load_balancer, namespace)? {
            for link in inside.links().map_err(asking)? {
                if link.name.starts_with(names::INNER) && !is_kept(&link) {
                    inside.delete_link(link.index).map_err(kernel("remove a device"))?;
                }
            }
        }
        // Of a namespace that has lost its name, and that somebody still holds.
        let outside = self.root.netlink().map_err(asking)?;
        for tap in taps_of(load_balancer, &outside.links().map_err(asking)?) {
            if !is_kept(tap) {
                outside.delete_link(tap.index).map_err(kernel("remove a device"))?;
            }
        }
        self.prune(&outside).map_err(kernel("remove a bridge without ports"))
    }

    /// Whether anything is left of a load balancer, or of a bridge that nobody uses.
    fn has_remains(
        &self,
        load_balancer: LoadBalancerId,
        inside: Option<&Netlink>,
        outside: &Netlink,
    ) -> io::Result<bool> {
        if let Some(inside) = inside
            && inside.links()?.iter().any(|link| link.name.starts_with(names::INNER))
        {
            return Ok(true);
        }
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        let links = outside.links()?;
        let has_tap = taps_of(load_balancer, &links).next().is_some();
        Ok(has_tap || unused_bridges(&links).next().is_some())
    }

    fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        let links = self.root.netlink().and_then(|outside| outside.links()).map_err(asking)?;
        Ok(links.iter().filter_map(owner).collect())
    }

    /// Removes the bridges that we made and that have no port any more.
    fn prune(&self, outside: &Netlink) -> io::Result<()> {
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        let links = outside.links()?;
        unused_bridges(&links).try_for_each(|bridge| outside.delete_link(bridge.index))
    }

    fn inside(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
    ) -> Result<Option<Netlink>, PlugError> {
        match self.names.find(namespace, &names::mark(load_balancer)).map_err(asking)? {
            Named::Ours(namespace) => namespace.netlink().map(Some).map_err(asking),
            Named::Absent | Named::Strange => Ok(None),
        }
    }
}

fn asking(error: io::Error) -> PlugError {
    kernel("ask the kernel for the devices of the node")(error)
}

/// Whether a bridge was made for another network.
fn is_of_another(bridge: &Link, network: NetworkId) -> bool {
    names::is_mark(&bridge.alias) && bridge.alias != names::mark_of_network(network)
}

/// The bridges that we made and that have no port.
fn unused_bridges(links: &[Link]) -> impl Iterator<Item = &Link> {
    let is_ours = |link: &&Link| {
        let is_unfinished = names::is_unfinished_bridge(&link.name);
        link.is_bridge && (is_unfinished || names::is_mark(&link.alias))
    };
    let is_used = |bridge: &Link| links.iter().any(|link| link.bridge == Some(bridge.index));
    links.iter().filter(is_ours).filter(move |bridge| !is_used(bridge))
}

/// Makes a bridge under a name that nobody else uses, marks it, and gives it its own name last.
fn make_bridge(outside: &Netlink, network: NetworkId, name: &str) -> io::Result<Link> {
    let unfinished = names::unfinished_bridge(network);
    if outside.link(&unfinished)?.is_none() {
        outside.add_bridge(&unfinished)?;
    }
    let made = outside.link(&unfinished)?.ok_or(io::ErrorKind::NotFound)?;
    outside.set_alias(made.index, &names::mark_of_network(network))?;
    outside.rename(made.index, name)?;
    outside.link(name)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn plug_in(outside: &Netlink, tap: &Link, to: &Attachment, bridge: &Link) -> io::Result<()> {
    silence(&tap.name)?;
    if tap.mtu != u32::from(to.mtu) {
        outside.set_mtu(tap.index, to.mtu)?;
    }
    if tap.bridge != Some(bridge.index) {
        outside.set_bridge(tap.index, bridge.index)?;
    }
    if !tap.is_up {
        outside.set_up(tap.index)?;
    }
    Ok(())
}

/// A device on which the node itself says nothing.
pub(crate) fn silence(device: &str) -> io::Result<()> {
    sysctl::ensure(&[(&format!("ipv6/conf/{device}/disable_ipv6"), "1")])
}
