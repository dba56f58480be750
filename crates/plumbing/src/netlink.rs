//! The kernel's network, asked and changed by netlink, in one namespace.
#![expect(clippy::wildcard_enum_match_arm, reason = "the vocabulary is the kernel's, and grows")]

mod address;
mod link;
pub mod route;
mod rule;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::change::change;

pub use address::Address;
pub use link::Link;
pub use rule::MarkRule;

/// How long the kernel may take to answer. It holds one lock for all that changes the network, so
/// that a node on which much is built answers late.
const ANSWER: Duration = Duration::from_secs(10);

/// Room for a datagram, in bytes: the kernel fills half of it, unless a single device says more.
const DATAGRAM: usize = 64 * 1024;

/// A socket to the kernel in the namespace in which it was opened, wherever it is used. Its calls
/// block, for some milliseconds at most on a node that is not swamped.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: AtomicU32,
}

impl Netlink {
    /// A socket in the namespace of this thread.
    ///
    /// # Errors
    ///
    /// The system's: no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER))?;
        // Only then does it narrow what it lists to what was asked for.
        socket.set_netlink_get_strict_chk(true)?;
        Ok(Self { socket, sequence: AtomicU32::new(1) })
    }

    /// Everything of a kind.
    fn list(&self, request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let sequence = self.send(request, NLM_F_REQUEST | NLM_F_DUMP)?;
        let mut found = Vec::new();
        while self.receive(sequence, &mut found)?.is_more() {}
        Ok(found)
    }

    /// One thing; `None` if it is not there.
    fn get(&self, request: RouteNetlinkMessage) -> io::Result<Option<RouteNetlinkMessage>> {
        let sequence = self.send(request, NLM_F_REQUEST | NLM_F_ACK)?;
        let mut found = Vec::new();
        loop {
            match self.receive(sequence, &mut found) {
                Ok(end) if end.is_more() => {}
                Ok(_) => return Ok(found.pop()),
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Changes something, as `what` says for the log.
    fn change(&self, what: &str, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        change(what)?;
        let sequence = self.send(request, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        while self.receive(sequence, &mut Vec::new())?.is_more() {}
        Ok(())
    }

    fn send(&self, request: RouteNetlinkMessage, flags: u16) -> io::Result<u32> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        Ok(sequence)
    }

    /// Reads one datagram of an answer.
    fn receive(&self, sequence: u32, found: &mut Vec<RouteNetlinkMessage>) -> io::Result<End> {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        self.socket.recv(&mut datagram, 0).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::from(io::ErrorKind::TimedOut),
            _ => error,
        })?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            // Left by a request that was given up.
            let is_answer = message.header.sequence_number == sequence;
            match message.payload {
                NetlinkPayload::InnerMessage(inner) if is_answer => found.push(inner),
                NetlinkPayload::Done(_) if is_answer => return Ok(End::Reached),
                NetlinkPayload::Error(error) if is_answer => {
                    return match error.code {
                        Some(_) => Err(error.to_io()),
                        None => Ok(End::Reached),
                    };
                }
                _ => {}
            }
            // Messages begin at multiples of four bytes.
            rest = rest.get(length.max(1).next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(End::More)
    }
}

/// Whether an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    More,
    Reached,
}

impl End {
    const fn is_more(self) -> bool {
        matches!(self, Self::More)
    }
}

/// Whether the kernel says that what was named is not there.
fn is_absent(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let absent = [Errno::NODEV, Errno::NOENT, Errno::SRCH, Errno::ADDRNOTAVAIL, Errno::NXIO];
    error.raw_os_error().is_some_and(|code| absent.iter().any(|it| it.raw_os_error() == code))
}

/// Success if what was to be deleted was not there.
fn or_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        result => result,
    }
}

/// Success if what was to be made was there just so.
fn or_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}
