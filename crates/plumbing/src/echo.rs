//! Echo requests (ICMP, RFC 792 and 4443): by the kernel's ping sockets, which need no right where
//! the operator allows them, else by raw sockets, which need `CAP_NET_RAW`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use tokio::io::Interest;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::namespace::Namespace;
use crate::watched::watched;

/// What tells our requests on raw sockets apart, where every socket hears every answer.
static NEXT: AtomicU16 = AtomicU16::new(1);

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The kernel fills in identifier and checksum, and gives us only answers to our own.
    PingSocket,
    /// We do so ourselves.
    RawSocket,
}

/// Whether this process may send echo requests. Where not: `sysctl
/// net.ipv4.ping_group_range="0 2147483647"`, or `CAP_NET_RAW`.
pub fn is_allowed() -> bool {
    open(IpAddr::from([127, 0, 0, 1])).is_ok()
}

fn open(target: IpAddr) -> io::Result<(OwnedFd, Way)> {
    let (family, protocol) = match target {
        IpAddr::V4(_) => (AddressFamily::INET, rustix::net::ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, rustix::net::ipproto::ICMPV6),
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    if let Ok(socket) = socket_with(family, SocketType::DGRAM, flags, Some(protocol)) {
        return Ok((socket, Way::PingSocket));
    }
    Ok((socket_with(family, SocketType::RAW, flags, Some(protocol))?, Way::RawSocket))
}

/// A socket inside the network namespace that a path means.
async fn open_in(namespace: Option<&Path>, target: IpAddr) -> io::Result<(OwnedFd, Way)> {
    let Some(path) = namespace.map(Path::to_owned) else {
        return open(target);
    };
    let opening = spawn_blocking(move || Namespace::at(&path)?.within(|| open(target)));
    opening.await.map_err(io::Error::other)?
}

/// Sends one echo request from inside `namespace`, or from where this process is; true if its
/// answer came within `patience`.
///
/// Must be called within a tokio runtime.
///
/// # Errors
///
/// No socket could be had: no such namespace, no right, or no descriptor.
pub async fn answers(
    namespace: Option<&Path>,
    target: IpAddr,
    patience: Duration,
) -> io::Result<bool> {
    let (socket, way) = open_in(namespace, target).await?;
    let socket = watched(socket)?;
    if connect(socket.get_ref(), &SocketAddr::new(target, 0)).is_err() {
        // No route: nobody answers.
        return Ok(false);
    }
    let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
    let exchange = async {
        let packet = request(target, sequence);
        let sent =
            socket.async_io(Interest::WRITABLE, |fd| Ok(send(fd, &packet, SendFlags::empty())?));
        sent.await?;
        loop {
            let mut buffer = [0_u8; 128];
            let received = socket.async_io(Interest::READABLE, |fd| {
                Ok(recv(fd, &mut buffer[..], RecvFlags::empty())?.0)
            });
            let length = received.await?;
            if is_answer(&buffer[..length], target, way, sequence) {
                return io::Result::Ok(());
            }
        }
    };
    Ok(timeout(patience, exchange).await.is_ok_and(|outcome| outcome.is_ok()))
}

/// An echo request without data. The kernel computes the checksum for IPv6 on every socket, that
/// for IPv4 on ping sockets, where it also replaces the identifier.
fn request(target: IpAddr, sequence: u16) -> [u8; 8] {
    let kind = match target {
        IpAddr::V4(_) => 8,
        IpAddr::V6(_) => 128,
    };
    let [high, low] = sequence.to_be_bytes();
    let mut packet = [kind, 0, 0, 0, b'e', b'k', high, low];
    let [high, low] = checksum(packet).to_be_bytes();
    (packet[2], packet[3]) = (high, low);
    packet
}

/// The internet checksum (RFC 1071).
fn checksum(packet: [u8; 8]) -> u16 {
    let words =
        packet.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from(folded & 0xffff).unwrap_or(0)
}

fn is_answer(packet: &[u8], target: IpAddr, way: Way, sequence: u16) -> bool {
    let (kind, header) = match (target, way) {
        // A raw socket gives the IPv4 header too, whose length is in its first byte.
        (IpAddr::V4(_), Way::RawSocket) => {
            (0, packet.first().map_or(0, |first| usize::from(first & 0x0f) * 4))
        }
        (IpAddr::V4(_), Way::PingSocket) => (0, 0),
        (IpAddr::V6(_), Way::PingSocket | Way::RawSocket) => (129, 0),
    };
    let Some(&[found, _, _, _, first, second, high, low]) =
        packet.get(header..header + 8).and_then(|answer| answer.first_chunk::<8>())
    else {
        return false;
    };
    let is_ours = way == Way::PingSocket || [first, second] == *b"ek";
    found == kind && is_ours && u16::from_be_bytes([high, low]) == sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_sums_up_to_nothing() {
        let packet = request(IpAddr::from([127, 0, 0, 1]), 0xfffe);
        assert_eq!(checksum(packet), 0);
    }

    #[test]
    fn only_the_answer_to_our_own_request_counts() {
        let target = IpAddr::from([127, 0, 0, 1]);
        let answer = [0, 0, 0, 0, b'e', b'k', 0, 7];
        assert!(is_answer(&answer, target, Way::PingSocket, 7));
        assert!(!is_answer(&answer, target, Way::PingSocket, 8));
        let mut raw = [0_u8; 28];
        raw[0] = 0x45;
        raw[20..].copy_from_slice(&answer);
        assert!(is_answer(&raw, target, Way::RawSocket, 7));
        raw[24] = b'x';
        assert!(!is_answer(&raw, target, Way::RawSocket, 7));
        assert!(!is_answer(&raw[..5], target, Way::RawSocket, 7));
    }

    #[tokio::test]
    async fn this_machine_answers_its_own_echo_requests() {
        // Without the right there is an error, and nobody is said to be dead.
        for target in ["127.0.0.1", "127.9.8.7"] {
            let outcome = answers(None, target.parse().unwrap(), Duration::from_secs(5)).await;
            assert_eq!(outcome.is_ok(), is_allowed(), "{outcome:?}");
            assert!(outcome.unwrap_or(true), "{target}");
        }
    }
}
