//! The kernel's side of a port of Open vSwitch.

use std::collections::BTreeSet;
use std::io;

use evenkeel_driver::PlugError;
use evenkeel_model::Attachment;
use evenkeel_plumbing::netlink::Link;
use evenkeel_plumbing::{Named, Namespace, Namespaces, Netlink, offload};

use crate::bridge::silence;
use crate::names;
use crate::trouble::{kernel, strange};

/// Where the devices of a load balancer are: in one of its namespaces, and beside the switch.
#[derive(Clone, Debug)]
pub(super) struct Devices {
    pub(super) names: Namespaces,
    pub(super) root: Namespace,
    pub(super) namespace: String,
    pub(super) mark: String,
    pub(super) veth: bool,
}

/// Both sides, asked at once.
struct Sides {
    namespace: Namespace,
    inside: Netlink,
    outside: Netlink,
}

impl Devices {
    fn sides(&self) -> io::Result<Option<Sides>> {
        match self.names.find(&self.namespace, &self.mark)? {
            Named::Ours(namespace) => {
                let (inside, outside) = (namespace.netlink()?, self.root.netlink()?);
                Ok(Some(Sides { namespace, inside, outside }))
            }
            Named::Absent | Named::Strange => Ok(None),
        }
    }

    /// The name within the namespace of the device that is called `tap` beside the switch.
    fn inner(&self, tap: &str) -> String {
        match tap.strip_prefix(names::TAP) {
            Some(short) if self.veth => format!("{}{short}", names::INNER),
            Some(_) | None => tap.to_owned(),
        }
    }

    /// Whether the device of a port is there, and connected to the switch.
    pub(super) fn are_usable(&self, tap: &str) -> Result<bool, PlugError> {
        let usable = || match self.sides()? {
            Some(sides) => self.usable(&sides, tap),
            None => Ok(false),
        };
        usable().map_err(asking)
    }

    fn usable(&self, sides: &Sides, tap: &str) -> io::Result<bool> {
        if self.veth {
            let ends = (sides.inside.link(&self.inner(tap))?, sides.outside.link(tap)?);
            let (Some(inner), Some(tap)) = ends else { return Ok(false) };
            let is_pair = inner.peer == Some(tap.index) && tap.peer == Some(inner.index);
            return Ok(is_pair && tap.is_up);
        }
        Ok(match (sides.inside.link(tap)?, sides.outside.link(tap)?) {
            // Of a switch in userspace that has ended, the device stays without carrier.
            (Some(inside), None) => inside.has_carrier || !inside.is_up,
            (None, Some(_)) => true,
            // Of one that has started again there is a new device, and the old one is dead.
            (Some(_), Some(_)) | (None, None) => false,
        })
    }

    /// Deletes what is left in the namespace of a port that is made anew, and makes the pair of a
    /// port that has one.
    pub(super) fn prepare(&self, tap: &str, wanted: &Attachment) -> Result<(), PlugError> {
        let failed = || kernel("make the device of the VIP");
        let sides = self.sides().map_err(failed())?;
        let sides = sides.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))?;
        delete(&sides.inside, &self.inner(tap)).map_err(failed())?;
        if !self.veth {
            return Ok(());
        }
        // Its other end may be in a namespace that has lost its name.
        let stale = sides.outside.link(tap).map_err(failed())?;
        if let Some(stale) = stale.filter(|it| it.alias == self.mark) {
            sides.outside.delete_link(stale.index).map_err(failed())?;
        }
        match sides.inside.add_veth(&self.inner(tap), wanted.mac, tap, &self.root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(strange("device", tap));
            }
            made => made.map_err(failed())?,
        }
        self.raise(&sides.outside, tap, wanted.mtu).map_err(failed())
    }

    /// Moves the device into the namespace and sets its hardware address and MTU, where that is
    /// not done already; its name there.
    pub(super) fn dress(&self, tap: &str, wanted: &Attachment) -> Result<String, PlugError> {
        let name = self.inner(tap);
        let dress = || -> io::Result<()> {
            let sides = self.sides()?.ok_or(io::ErrorKind::NotFound)?;
            if !self.veth
                && let Some(outside) = sides.outside.link(tap)?
            {
                sides.outside.set_mac(outside.index, wanted.mac)?;
                sides.outside.move_link(outside.index, &sides.namespace)?;
            }
            let inside = sides.inside.link(&name)?.ok_or(io::ErrorKind::NotFound)?;
            if inside.mac != Some(wanted.mac) {
                sides.inside.set_mac(inside.index, wanted.mac)?;
            }
            // After the move: beside the switch it would be held to the smallest of the bridge.
            if inside.mtu != u32::from(wanted.mtu) {
                sides.inside.set_mtu(inside.index, wanted.mtu)?;
            }
            if self.veth {
                sides.namespace.within(|| offload::finish_checksums(&name))?;
                self.raise(&sides.outside, tap, wanted.mtu)?;
            }
            Ok(())
        };
        dress().map_err(kernel("set up the device of the VIP"))?;
        Ok(name)
    }

    /// Switches the outer end of a pair on, with its mark, and the node itself saying nothing on it.
    fn raise(&self, outside: &Netlink, tap: &str, mtu: u16) -> io::Result<()> {
        let link = outside.link(tap)?.ok_or(io::ErrorKind::NotFound)?;
        if link.alias != self.mark {
            outside.set_alias(link.index, &self.mark)?;
        }
        silence(tap)?;
        if link.mtu != u32::from(mtu) {
            outside.set_mtu(link.index, mtu)?;
        }
        if link.is_up { Ok(()) } else { outside.set_up(link.index) }
    }

    /// The name of the device in the namespace, if there is nothing to be done about it.
    pub(super) fn dressed(
        &self,
        tap: &str,
        wanted: &Attachment,
    ) -> Result<Option<String>, PlugError> {
        let name = self.inner(tap);
        let dressed = || -> io::Result<bool> {
            let Some(sides) = self.sides()? else { return Ok(false) };
            if !self.usable(&sides, tap)? {
                return Ok(false);
            }
            let Some(inside) = sides.inside.link(&name)? else { return Ok(false) };
            let mtu = u32::from(wanted.mtu);
            if inside.mac != Some(wanted.mac) || inside.mtu != mtu {
                return Ok(false);
            }
            if !self.veth {
                return Ok(true);
            }
            let outside = sides.outside.link(tap)?;
            Ok(outside.is_some_and(|it| it.mtu == mtu)
                && sides.namespace.within(|| offload::are_checksums_finished(&name))?)
        };
        Ok(dressed().map_err(asking)?.then_some(name))
    }

    /// Deletes the devices of a port: in the namespace, and if the port `is_made` those beside the
    /// switch; otherwise what has that name is a stranger's.
    pub(super) fn delete(&self, tap: &str, is_made: bool) -> Result<(), PlugError> {
        let delete_both = || -> io::Result<()> {
            if let Some(sides) = self.sides()? {
                delete(&sides.inside, &self.inner(tap))?;
            }
            if is_made { delete(&self.root.netlink()?, tap) } else { Ok(()) }
        };
        delete_both().map_err(kernel("remove a device"))
    }

    /// Whether the namespace has a device that is or was plugged in.
    pub(super) fn are_any(&self) -> Result<bool, PlugError> {
        let plugged = || match self.sides()? {
            Some(sides) => plugged(&sides.inside).map(|links| !links.is_empty()),
            None => Ok(false),
        };
        plugged().map_err(asking)
    }

    /// Deletes what is left in the namespace of ports that are gone, but those of the `kept`.
    pub(super) fn delete_all_but(&self, kept: &BTreeSet<String>) -> Result<(), PlugError> {
        let kept: BTreeSet<String> = kept.iter().map(|tap| self.inner(tap)).collect();
        let delete_rest = || -> io::Result<()> {
            let Some(sides) = self.sides()? else { return Ok(()) };
            for link in plugged(&sides.inside)?.iter().filter(|link| !kept.contains(&link.name)) {
                or_switch(sides.inside.delete_link(link.index))?;
            }
            Ok(())
        };
        delete_rest().map_err(kernel("remove a device"))
    }
}

fn plugged(inside: &Netlink) -> io::Result<Vec<Link>> {
    let is_plugged =
        |link: &Link| link.name.starts_with(names::TAP) || link.name.starts_with(names::INNER);
    Ok(inside.links()?.into_iter().filter(is_plugged).collect())
}

fn delete(netlink: &Netlink, name: &str) -> io::Result<()> {
    match netlink.link(name)? {
        Some(link) => or_switch(netlink.delete_link(link.index)),
        None => Ok(()),
    }
}

/// Of a switch in the kernel nobody but the switch can delete a device. It does so, wherever the
/// device is, when its port is deleted; only what a switch in userspace left stays without that.
fn or_switch(deleted: io::Result<()>) -> io::Result<()> {
    match deleted {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        deleted => deleted,
    }
}

fn asking(error: io::Error) -> PlugError {
    kernel("ask the kernel for the devices of the node")(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operation not supported, as `ip link delete br-int` is told with the kernel's datapath.
    const EOPNOTSUPP: i32 = 95;
    const EBUSY: i32 = 16;

    #[test]
    fn a_device_that_only_the_switch_can_delete_is_left_to_it() {
        assert!(or_switch(Err(io::Error::from_raw_os_error(EOPNOTSUPP))).is_ok());
        assert!(or_switch(Err(io::Error::from_raw_os_error(EBUSY))).is_err());
    }
}
