//! Who has an address: asked of the neighbours on a link, and told them.

mod frame;
mod link_address;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use evenkeel_model::network::MacAddress;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};
use tokio::time::Instant;

use self::link_address::LinkAddress;
use crate::namespace::Namespace;
use crate::netlink::Link;

/// How often it is asked who has an address: one frame may be lost, above all on a device that was
/// just switched on.
const PROBES: u32 = 3;

/// What is kept of frames that nobody reads, in bytes; the kernel keeps a few frames at least.
const UNREAD: usize = 1;

/// Speaks to the neighbours of a device, wherever in the process it is used.
///
/// It keeps its namespace alive, and dropping it takes some milliseconds, in which the kernel waits
/// for all its processors: nothing for a thread that others wait for.
#[derive(Debug)]
pub struct Speaker {
    socket: OwnedFd,
    device: u32,
    mac: MacAddress,
}

impl Speaker {
    /// Speaks from `device` of `namespace`.
    ///
    /// # Errors
    ///
    /// The system's; [`io::ErrorKind::InvalidInput`] if the device is no Ethernet.
    pub fn open(namespace: &Namespace, device: &Link) -> io::Result<Self> {
        let mac = device.mac.ok_or(io::ErrorKind::InvalidInput)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Without a protocol nothing is received until the device is bound to.
        let open = || Ok(socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?);
        let socket = namespace.within(open)?;
        set_socket_recv_buffer_size(&socket, UNREAD)?;
        bind(&socket, &LinkAddress::new(device.index, frame::ARP))?;
        Ok(Self { socket, device: device.index, mac })
    }

    /// Tells all neighbours that `address` is here: by gratuitous ARP, or an unsolicited neighbour
    /// advertisement.
    ///
    /// # Errors
    ///
    /// The system's: the device is gone, or switched off.
    pub fn announce(&self, address: IpAddr) -> io::Result<()> {
        match address {
            IpAddr::V4(v4) => self.send(frame::ARP, &frame::gratuitous(self.mac, v4)),
            IpAddr::V6(v6) => self.send(frame::IPV6, &frame::advertisement(self.mac, v6)),
        }
    }

    /// Asks the neighbours for `patience` whether somebody else has one of `addresses`, or is about
    /// to take it (RFC 5227, 2.1.1, with less patience): which, and who. Blocks.
    ///
    /// # Errors
    ///
    /// The system's: the device is gone, or switched off.
    pub fn rival(
        &self,
        addresses: &[Ipv4Addr],
        patience: Duration,
    ) -> io::Result<Option<(Ipv4Addr, MacAddress)>> {
        let start = Instant::now();
        for round in 1..=PROBES {
            for address in addresses {
                self.send(frame::ARP, &frame::probe(self.mac, *address))?;
            }
            let deadline = start + patience * round / PROBES;
            if let Some(found) = self.hear(addresses, deadline)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn hear(
        &self,
        addresses: &[Ipv4Addr],
        deadline: Instant,
    ) -> io::Result<Option<(Ipv4Addr, MacAddress)>> {
        let mut buffer = [0_u8; 64];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((length, _)) => {
                    let said = buffer.get(..length).unwrap_or(&buffer);
                    let claimed = |it: &Ipv4Addr| Some((*it, frame::rival(said, self.mac, *it)?));
                    if let Some(found) = addresses.iter().find_map(claimed) {
                        return Ok(Some(found));
                    }
                }
                Err(Errno::AGAIN) if !self.is_readable_until(deadline)? => return Ok(None),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }

    fn is_readable_until(&self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut waiting = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut waiting, Some(&left)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn send(&self, kind: u16, frame: &[u8]) -> io::Result<()> {
        let to = LinkAddress::new(self.device, kind);
        sendto(&self.socket, frame, SendFlags::empty(), &to)?;
        Ok(())
    }
}
