//! The header of the PROXY protocol, in which a load balancer names the client to a member.

use std::net::{Ipv4Addr, SocketAddr};

/// What a header of version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a header of version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProxyHeader {
    /// 1 or 2.
    pub(super) version: u8,
    /// Where the client is.
    pub(super) client: SocketAddr,
}

/// What the header says, if there is one that names a client, and how long it is; `None` while that
/// cannot be known.
pub(super) fn read(bytes: &[u8]) -> Option<(Option<ProxyHeader>, usize)> {
    if begins(bytes, SIGNATURE) {
        version_2(bytes)
    } else if begins(bytes, WORD) {
        version_1(bytes)
    } else {
        Some((None, 0))
    }
}

/// Whether it does, or may still turn out to.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    with.starts_with(&bytes[..bytes.len().min(with.len())])
}

fn version_1(bytes: &[u8]) -> Option<(Option<ProxyHeader>, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..end]);
    let client = match line.split(' ').collect::<Vec<_>>()[..] {
        [_, "TCP4", address, _, port, _] => format!("{address}:{port}").parse().ok(),
        _ => None,
    };
    Some((client.map(|client| ProxyHeader { version: 1, client }), end + 2))
}

/// Twelve bytes of signature, a command, a family, a length, then both addresses and both ports.
fn version_2(bytes: &[u8]) -> Option<(Option<ProxyHeader>, usize)> {
    let (head, rest) = bytes.split_first_chunk::<16>()?;
    let body = rest.get(..usize::from(u16::from_be_bytes([head[14], head[15]])))?;
    let told = match (head[12], head[13], body) {
        (0x21, 0x11, [a, b, c, d, _, _, _, _, high, low, ..]) => {
            let address = Ipv4Addr::new(*a, *b, *c, *d);
            let client = SocketAddr::from((address, u16::from_be_bytes([*high, *low])));
            Some(ProxyHeader { version: 2, client })
        }
        _ => None,
    };
    Some((told, head.len() + body.len()))
}
