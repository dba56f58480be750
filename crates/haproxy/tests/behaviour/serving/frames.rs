//! The same in HTTP/2, whose requests HAProxy writes anew for members.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::node::{Node, PATIENCE};
use crate::raw::Ear;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

/// Fields as literals without an index: the plainest of what HPACK has.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap();
        [&[length], text.as_bytes()].concat()
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// What the answer to a request with these fields begins with: its status as HPACK writes it, or
/// `None` if the stream or the connection was ended.
async fn status(socket: SocketAddr, request: &[(&str, &str)]) -> Option<String> {
    status_with(socket, request, &[]).await
}

async fn status_with(socket: SocketAddr, request: &[(&str, &str)], body: &[u8]) -> Option<String> {
    let talk = async {
        let mut stream = TcpStream::connect(socket).await.unwrap();
        let end = if body.is_empty() { END_STREAM } else { 0 };
        let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        bytes.extend(frame(HEADERS, end | END_HEADERS, 1, &fields(request)));
        if !body.is_empty() {
            bytes.extend(frame(DATA, END_STREAM, 1, body));
        }
        stream.write_all(&bytes).await.unwrap();
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.ok()?;
            match head[3] {
                HEADERS => return Some(status_of(&payload)),
                RESET | GO_AWAY => return None,
                _ => {}
            }
        }
    };
    timeout(PATIENCE, talk).await.unwrap()
}

/// HAProxy writes common statuses by their number in HPACK's table, others in full.
fn status_of(payload: &[u8]) -> String {
    match payload {
        [0x88, ..] => "200".to_owned(),
        [0x8c, ..] => "400".to_owned(),
        [0x08 | 0x48, 3, digits @ ..] => String::from_utf8_lossy(&digits[..3]).into_owned(),
        _ => format!("{payload:x?}"),
    }
}

#[tokio::test]
async fn a_request_in_frames_has_one_good_host() {
    let mut node = Node::new("127.77.5.9");
    let pool = node.listener(8080);
    let mut ear = Ear::new(&mut node, pool).await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let get = |authority: &'static str, more: &[(&'static str, &'static str)]| {
        let start = [(":method", "GET"), (":scheme", "http"), (":path", "/x")];
        let authority = (!authority.is_empty()).then_some((":authority", authority));
        start.into_iter().chain(authority).chain(more.iter().copied()).collect::<Vec<_>>()
    };
    for (authority, more) in [
        ("a/b", &[][..]),
        ("a/../y?", &[]),
        ("u@a", &[]),
        ("a#b", &[]),
        ("a b", &[]),
        ("", &[]),
        ("a", &[("transfer-encoding", "chunked")]),
        ("a", &[("connection", "close")]),
        ("a", &[("x", "1\r\ny: 2")]),
        ("a", &[("x\r\ny", "1")]),
        ("a", &[("content-length", "3")]),
    ] {
        let status = status(vip, &get(authority, more)).await;
        assert!(status.is_none_or(|status| status == "400"), "{authority} {more:?}");
    }
    assert_eq!(ear.heard(), [""; 0]);

    let passed = get("a:81", &[("te", "trailers"), ("x_y", "1"), ("upgrade", "h2c")]);
    let status_of_passed = status(vip, &passed[..passed.len() - 1]).await;
    assert_eq!(status_of_passed.as_deref(), Some("200"));
    let heard = ear.heard().remove(0);
    assert!(heard.starts_with("get /x http/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nhost: a:81\r\n") && heard.contains("\r\nx_y: 1\r\n"), "{heard}");
    assert!(heard.contains("\r\nte: trailers\r\n"), "{heard}");

    let post = get("a", &[("content-length", "3")]);
    assert_eq!(status_with(vip, &post, b"abc").await.as_deref(), Some("200"));
    assert!(ear.heard().remove(0).ends_with("\r\n\r\nabc"));
    let short = status_with(vip, &post, b"ab").await;
    assert!(short.is_none_or(|status| status != "200"), "less than was announced");

    let connect = [(":method", "CONNECT"), (":authority", "a:80")];
    let refused = status(vip, &connect).await;
    assert!(refused.is_none_or(|status| status == "405"), "a tunnel");
    assert_eq!(ear.heard(), [""; 0]);
    node.close().await;
}

#[tokio::test]
async fn who_stops_within_a_frame_is_cut_off() {
    let mut node = Node::new("127.77.5.10");
    let pool = node.listener(8080);
    let _ear = Ear::new(&mut node, pool).await;
    node.graph.listeners[0].timeouts.client_data = 700.try_into().unwrap();
    node.apply().await.unwrap();
    let block = fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x", "y")]);
    let unended = frame(HEADERS, 0, 1, &block);
    for bytes in [
        [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(),
        [PREFACE, &frame(SETTINGS, 0, 0, &[]), &unended[..20]].concat(),
        [PREFACE, &frame(SETTINGS, 0, 0, &[]), &unended].concat(),
    ] {
        let took = crate::raw::cut_after(node.vip(8080), &bytes).await;
        assert!(took < Duration::from_millis(700 * 8), "{took:?}");
    }
    node.close().await;
}
