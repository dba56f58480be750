//! What can be heard on a network.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::Namespace;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with,
};

/// How long it is listened for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hears all that reaches a namespace from now on.
pub(crate) struct Ear {
    socket: OwnedFd,
    own: MacAddress,
}

/// An address, and who says unasked that he has it.
pub(crate) type Announcement = (IpAddr, MacAddress);

impl Ear {
    /// Of a namespace, whose own device has the hardware address `own`.
    pub(crate) fn of(namespace: &Namespace, own: MacAddress) -> Self {
        let everything: Protocol = eth::ALL;
        let open = || {
            let flags = SocketFlags::CLOEXEC;
            Ok(socket_with(AddressFamily::PACKET, SocketType::RAW, flags, Some(everything))?)
        };
        let socket = namespace.within(open).unwrap();
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).unwrap();
        Self { socket, own }
    }

    /// The next announcement.
    pub(crate) fn next(&self) -> Announcement {
        loop {
            let frame = self.frame(RecvFlags::empty()).expect("something is announced in time");
            if let Some(heard) = self.announcement(&frame) {
                return heard;
            }
        }
    }

    /// The announcements that were not asked for yet.
    pub(crate) fn rest(&self) -> Vec<Announcement> {
        let mut heard = Vec::new();
        while let Some(frame) = self.frame(RecvFlags::DONTWAIT) {
            heard.extend(self.announcement(&frame));
        }
        heard
    }

    fn frame(&self, flags: RecvFlags) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        let (length, _) = recv(&self.socket, &mut buffer[..], flags).ok()?;
        Some(buffer[..length].to_vec())
    }

    fn announcement(&self, frame: &[u8]) -> Option<Announcement> {
        announcement(frame).filter(|(_, mac)| *mac != self.own)
    }
}

fn announcement(frame: &[u8]) -> Option<Announcement> {
    let mac = MacAddress(frame.get(6..12)?.try_into().ok()?);
    match frame.get(12..14)? {
        [8, 6] => {
            let sender: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
            (frame.get(38..42)? == sender).then_some((sender.into(), mac))
        }
        // ICMPv6; a neighbour advertisement that nobody asked for.
        [0x86, 0xdd] if frame.get(20)? == &58 && frame.get(54)? == &136 => {
            let is_solicited = frame.get(58)? & 0x40 != 0;
            let target: [u8; 16] = frame.get(62..78)?.try_into().ok()?;
            (!is_solicited).then_some((target.into(), mac))
        }
        _ => None,
    }
}
