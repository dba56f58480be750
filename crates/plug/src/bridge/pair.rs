//! The two ends of a cable: one in a namespace, and one, the tap, beside the bridge.

use std::io;

use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, LoadBalancerId};
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::{Namespace, Netlink};

use super::asking;
use crate::names;
use crate::trouble::{kernel, strange, unavailable};

/// Both ends of a cable.
#[derive(Debug)]
pub(super) struct Pair {
    /// In the namespace of the load balancer.
    pub(super) inner: Link,
    /// In the namespace of the bridges.
    pub(super) tap: Link,
}

impl Pair {
    /// A pair of which each end knows the other. A tap of another pair is none of this one.
    pub(super) fn find(
        inside: &Netlink,
        outside: &Netlink,
        attachment: &Attachment,
    ) -> io::Result<Option<Self>> {
        let inner = inside.link(&names::inner(attachment.port))?;
        let tap = outside.link(&names::tap(attachment.port))?;
        let pair = inner.zip(tap).map(|(inner, tap)| Self { inner, tap });
        Ok(pair.filter(|it| {
            it.inner.peer == Some(it.tap.index) && it.tap.peer == Some(it.inner.index)
        }))
    }

    /// The pair that is there, or a new one; its tap marked as the load balancer's.
    ///
    /// A pair is made in one step, so that a tap without mark is a stranger's unless its other end
    /// is in our namespace. The mark tells what is ours when that namespace has lost its name.
    pub(super) fn ensure(
        inside: &Netlink,
        outside: &Netlink,
        root: &Namespace,
        load_balancer: LoadBalancerId,
        attachment: &Attachment,
    ) -> Result<Self, PlugError> {
        let mark = names::mark(load_balancer);
        let pair = match Self::find(inside, outside, attachment).map_err(asking)? {
            Some(pair) => pair,
            None => Self::make(inside, outside, root, &mark, attachment)?,
        };
        if pair.tap.alias != mark {
            outside.set_alias(pair.tap.index, &mark).map_err(kernel("mark a device"))?;
        }
        Ok(pair)
    }

    fn make(
        inside: &Netlink,
        outside: &Netlink,
        root: &Namespace,
        mark: &str,
        attachment: &Attachment,
    ) -> Result<Self, PlugError> {
        let (inner, tap) = (names::inner(attachment.port), names::tap(attachment.port));
        let half = inside.link(&inner).map_err(asking)?.map(|half| (inside, half));
        let other = outside.link(&tap).map_err(asking)?.filter(|other| other.alias == mark);
        for (netlink, stale) in half.into_iter().chain(other.map(|other| (outside, other))) {
            netlink.delete_link(stale.index).map_err(kernel("remove a stale device"))?;
        }
        match inside.add_veth(&inner, attachment.mac, &tap, root) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(strange("device", &tap));
            }
            Err(error) => return Err(kernel("make the device of the VIP")(error)),
        }
        let pair = Self::find(inside, outside, attachment).map_err(asking)?;
        pair.ok_or_else(|| unavailable("the device of the VIP vanished", "it is tried again", None))
    }

    /// Gives the inner end its hardware address and MTU.
    pub(super) fn dress(&self, inside: &Netlink, attachment: &Attachment) -> io::Result<()> {
        if self.inner.mac != Some(attachment.mac) {
            inside.set_mac(self.inner.index, attachment.mac)?;
        }
        if self.inner.mtu != u32::from(attachment.mtu) {
            inside.set_mtu(self.inner.index, attachment.mtu)?;
        }
        Ok(())
    }
}

/// The load balancer that a tap is marked as being of.
pub(super) fn owner(link: &Link) -> Option<LoadBalancerId> {
    if link.name.starts_with(names::TAP) { names::owner_of(&link.alias) } else { None }
}

/// The taps that are marked as a load balancer's.
pub(super) fn taps_of(
    load_balancer: LoadBalancerId,
    links: &[Link],
) -> impl Iterator<Item = &Link> {
    links.iter().filter(move |link| owner(link) == Some(load_balancer))
}
