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
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
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

/// How often a list is asked for that changes while it is told.
const ATTEMPTS: u32 = 5;

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

    /// Everything of a kind, as it was at one time.
    ///
    /// The kernel breaks a long list off when what it lists changes, and says so: what is missing in
    /// it may be there.
    fn list(&self, request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 1..ATTEMPTS {
            match self.list_once(request.clone()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                listed => return listed,
            }
        }
        self.list_once(request)
    }

    fn list_once(&self, request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let answer = self.ask(request, NLM_F_REQUEST | NLM_F_DUMP)?;
        if answer.is_torn { Err(io::ErrorKind::Interrupted.into()) } else { Ok(answer.found) }
    }

    /// One thing; `None` if it is not there.
    fn get(&self, request: RouteNetlinkMessage) -> io::Result<Option<RouteNetlinkMessage>> {
        match self.ask(request, NLM_F_REQUEST | NLM_F_ACK) {
            Ok(mut answer) => Ok(answer.found.pop()),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes something, as `what` says for the log.
    fn change(&self, what: &str, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        change(what)?;
        self.ask(request, NLM_F_REQUEST | NLM_F_ACK | flags).map(drop)
    }

    fn ask(&self, request: RouteNetlinkMessage, flags: u16) -> io::Result<Answer> {
        let sequence = self.send(request, flags)?;
        let mut answer = Answer { sequence, found: Vec::new(), is_torn: false };
        while self.receive(&mut answer)?.is_more() {}
        Ok(answer)
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
    fn receive(&self, answer: &mut Answer) -> io::Result<End> {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        self.socket.recv(&mut datagram, 0).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::from(io::ErrorKind::TimedOut),
            _ => error,
        })?;
        answer.read(&datagram)
    }
}

/// What the kernel has answered so far.
#[derive(Debug)]
struct Answer {
    /// The number of what was asked.
    sequence: u32,
    found: Vec<RouteNetlinkMessage>,
    /// What is listed changed on the way.
    is_torn: bool,
}

impl Answer {
    fn read(&mut self, datagram: &[u8]) -> io::Result<End> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            // Others were left by a request that was given up.
            if message.header.sequence_number == self.sequence {
                self.is_torn |= message.header.flags & NLM_F_DUMP_INTR != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => self.found.push(inner),
                    NetlinkPayload::Done(done) if done.code == 0 => return Ok(End::Reached),
                    NetlinkPayload::Done(done) => {
                        return Err(io::Error::from_raw_os_error(done.code.saturating_neg()));
                    }
                    NetlinkPayload::Error(error) if error.code.is_none() => {
                        return Ok(End::Reached);
                    }
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
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

#[cfg(test)]
mod tests {
    use netlink_packet_core::DoneMessage;
    use netlink_packet_route::link::LinkMessage;

    use super::*;

    fn datagram(flags: u16, done: i32) -> Vec<u8> {
        let link = NetlinkPayload::from(RouteNetlinkMessage::NewLink(LinkMessage::default()));
        let mut end = DoneMessage::default();
        end.code = done;
        let mut bytes = Vec::new();
        for (sequence, payload) in [(6, link.clone()), (7, link), (7, NetlinkPayload::Done(end))] {
            let mut header = NetlinkHeader::default();
            (header.flags, header.sequence_number) = (flags, sequence);
            let mut message = NetlinkMessage::new(header, payload);
            message.finalize();
            let start = bytes.len();
            bytes.resize(start + message.buffer_len(), 0);
            message.serialize(&mut bytes[start..]);
        }
        bytes
    }

    fn read(flags: u16, done: i32) -> io::Result<Answer> {
        let mut answer = Answer { sequence: 7, found: Vec::new(), is_torn: false };
        answer.read(&datagram(flags, done)).map(|end| {
            assert_eq!(end, End::Reached);
            answer
        })
    }

    #[test]
    fn an_answer_is_told_from_what_was_asked_before() {
        let answer = read(0, 0).unwrap();
        assert_eq!((answer.found.len(), answer.is_torn), (1, false));
    }

    #[test]
    fn a_list_that_changed_meanwhile_or_failed_is_no_list() {
        assert!(read(NLM_F_DUMP_INTR, 0).unwrap().is_torn);
        assert_eq!(read(0, -105).unwrap_err().raw_os_error(), Some(105));
    }
}
