//! How often the rules of a namespace have changed: one question to the kernel tells that they are
//! as they were, where listing them takes a process.

use std::io;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::Namespace;

/// How long the kernel may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// `NFT_MSG_GETGEN` and `NFT_MSG_NEWGEN` of the subsystem of nftables (`linux/netfilter/`,
/// `nfnetlink.h` and `nf_tables.h`), and the number in the answer.
const ASK: u16 = 10 << 8 | 16;
const TELL: u16 = 10 << 8 | 15;
const NUMBER: u16 = 1;

/// What both messages begin with, and the header of what follows.
const HEADER: usize = 16;
const PREFIX: usize = HEADER + 4;

/// The number of the state that the rules of a namespace are in. It is another after each change.
///
/// # Errors
///
/// The system's; [`io::ErrorKind::InvalidData`] if the kernel has no nftables.
pub fn generation(namespace: &Namespace) -> io::Result<u32> {
    namespace.within(|| {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER))?;
        socket.send(&question(), 0)?;
        let (answer, _) = socket.recv_from_full()?;
        read(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
    })
}

fn question() -> [u8; PREFIX] {
    const REQUEST: u16 = 1;
    let mut question = [0; PREFIX];
    question[0] = 20;
    question[4..6].copy_from_slice(&ASK.to_ne_bytes());
    question[6..8].copy_from_slice(&REQUEST.to_ne_bytes());
    question
}

fn read(answer: &[u8]) -> Option<u32> {
    let short =
        |bytes: &[u8], at: usize| Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    if short(answer, 4)? != TELL {
        return None;
    }
    let mut rest = answer.get(PREFIX..)?;
    loop {
        let (length, kind) = (usize::from(short(rest, 0)?), short(rest, 2)?);
        if kind == NUMBER {
            return Some(u32::from_be_bytes(rest.get(4..8)?.try_into().ok()?));
        }
        // Attributes begin at multiples of four bytes.
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_has_no_number() {
        let mut answer = vec![0; PREFIX];
        answer[4..6].copy_from_slice(&TELL.to_ne_bytes());
        for attribute in [[8, 0, 3, 0, 9, 9, 9, 9], [8, 0, 1, 0, 0, 0, 1, 2]] {
            answer.extend(attribute);
        }
        if cfg!(target_endian = "little") {
            assert_eq!(read(&answer), Some(258));
        }
        for length in 0..answer.len() {
            assert_eq!(read(&answer[..length]), None, "{length}");
        }
    }
}
