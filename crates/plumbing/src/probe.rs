//! What this kernel can do, found out by doing it where nobody sees it: in a network of its own,
//! with a `/run` of its own, which end with the thread that tries.

use std::io;
use std::net::Ipv6Addr;
use std::path::Path;
use std::thread;

use evenkeel_model::network::MacAddress;
use ipnet::{IpNet, Ipv6Net};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::UnshareFlags;

use crate::namespace::{Namespace, Namespaces};
use crate::netlink::Netlink;

/// Why something was not tried: what it stands on failed.
const UNTRIED: io::ErrorKind = io::ErrorKind::NotConnected;

/// What was tried, and how it ended. [`io::ErrorKind::PermissionDenied`] says nothing about the
/// kernel, and [`io::ErrorKind::NotConnected`] that what it stands on failed already.
#[derive(Debug)]
pub struct Kernel {
    /// A network and a list of mounts of one's own.
    pub namespaces: io::Result<()>,
    /// A namespace with a name, as `ip netns` makes them.
    pub names: io::Result<()>,
    /// Two devices that are each other's far end, in two namespaces.
    pub veth: io::Result<()>,
    /// A bridge with a port.
    pub bridge: io::Result<()>,
    /// An IPv6 address.
    pub ipv6: io::Result<()>,
    /// A socket for whole frames, for announcements.
    pub packets: io::Result<()>,
}

/// Tries everything. Nothing of it is left, and nothing of the machine is touched.
pub fn kernel() -> Kernel {
    let tried = thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, alone)?;
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the trial panicked")))
    });
    tried.unwrap_or_else(|error| Kernel { namespaces: Err(error), ..Kernel::untried() })
}

impl Kernel {
    fn untried() -> Self {
        let untried = || Err(UNTRIED.into());
        Self {
            namespaces: untried(),
            names: untried(),
            veth: untried(),
            bridge: untried(),
            ipv6: untried(),
            packets: untried(),
        }
    }
}

/// On a thread of its own: it is lost to everything else.
fn alone() -> io::Result<Kernel> {
    leave()?;
    let mut kernel = Kernel { namespaces: Ok(()), ..Kernel::untried() };
    kernel.packets =
        socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)
            .map(drop)
            .map_err(io::Error::from);
    let netlink = Netlink::open()?;
    match Namespaces::default().ensure("probe", "probe") {
        Err(error) => kernel.names = Err(error),
        Ok(other) => {
            kernel.names = Ok(());
            kernel.veth = veth(&netlink, &other);
        }
    }
    kernel.bridge = netlink.add_bridge("bridge");
    if kernel.veth.is_ok() && kernel.bridge.is_ok() {
        kernel.bridge = port(&netlink);
    }
    kernel.ipv6 = ipv6(&netlink);
    Ok(kernel)
}

#[expect(unsafe_code, reason = "unshare concerns what threads share")]
fn leave() -> io::Result<()> {
    let flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: no memory or descriptor table is unshared, and the thread does nothing else.
    unsafe { rustix::thread::unshare_unsafe(flags) }?;
    // Before anything is mounted, so that it is mounted here alone.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    Ok(mount("tmpfs", Path::new("/run"), "tmpfs", MountFlags::empty(), None)?)
}

fn veth(netlink: &Netlink, other: &Namespace) -> io::Result<()> {
    let mac = MacAddress([0x02, 0, 0, 0, 0, 1]);
    netlink.add_veth("one", mac, "two", other)
}

fn port(netlink: &Netlink) -> io::Result<()> {
    let index =
        |name| Ok::<_, io::Error>(netlink.link(name)?.ok_or(io::ErrorKind::NotFound)?.index);
    netlink.set_bridge(index("one")?, index("bridge")?)
}

fn ipv6(netlink: &Netlink) -> io::Result<()> {
    let loopback = netlink.link(crate::namespace::LOOPBACK)?.ok_or(io::ErrorKind::NotFound)?;
    let address = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    netlink.add_address(loopback.index, IpNet::V6(Ipv6Net::from(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_probed_without_a_trace() {
        let Kernel { namespaces, names, veth, bridge, ipv6, packets } = kernel();
        for (what, tried) in
            [("namespaces", namespaces), ("names", names), ("veth", veth), ("bridge", bridge)]
        {
            tried.unwrap_or_else(|error| panic!("{what}: {error}; this test needs root"));
        }
        ipv6.and(packets).unwrap();
        assert!(!Path::new("/run/netns/probe").exists());
        assert_eq!(Netlink::open().unwrap().link("one").unwrap(), None);
    }
}
