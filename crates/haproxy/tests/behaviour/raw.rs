//! Clients and members that say and hear bytes, not requests.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_model::PoolId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::serving::node::{Node, PATIENCE};
use crate::world::Build;

/// What a member says to whatever it hears.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// A member that tells what it was sent, connection by connection.
pub(crate) struct Ear {
    heard: UnboundedReceiver<Vec<u8>>,
    _serving: JoinSet<()>,
}

impl Ear {
    /// A member of `pool`.
    pub(crate) async fn new(node: &mut Node, pool: PoolId) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        node.graph.member(pool, "127.0.0.1", i64::from(listener.local_addr().unwrap().port()));
        let (tell, heard) = unbounded_channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let tell = tell.clone();
                connections.spawn(async move {
                    let mut bytes = Vec::new();
                    // The proxy closes its side when it has nothing more to say.
                    while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                        if is_whole(&bytes) {
                            break;
                        }
                    }
                    if bytes.is_empty() {
                        return;
                    }
                    let _ = stream.write_all(ANSWER).await;
                    let _ = tell.send(bytes);
                });
            }
        });
        Self { heard, _serving: serving }
    }

    /// What it was sent since it was last asked, in lower case.
    pub(crate) fn heard(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(bytes) = self.heard.try_recv() {
            all.push(String::from_utf8_lossy(&bytes).to_lowercase());
        }
        all
    }
}

/// Whether these bytes are a request with all of its body.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding:") {
        return body.ends_with("\r\n\r\n") || body == "0\r\n\r\n";
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap_or(0))
}

/// What comes back for these bytes until the other side closes, or has said `ok` so many times; for
/// none, until the end of the first head.
pub(crate) async fn exchange(socket: SocketAddr, bytes: &[u8], answers: usize) -> String {
    let talk = async {
        let mut stream = TcpStream::connect(socket).await.unwrap();
        // The other side may have closed before it has heard all.
        let _ = stream.write_all(bytes).await;
        let mut heard = Vec::new();
        while matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
            let text = String::from_utf8_lossy(&heard);
            let oks = text.matches("\r\n\r\nok").count();
            if oks >= answers && text.contains("\r\n\r\n") {
                break;
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    };
    let said = bytes.escape_ascii();
    timeout(PATIENCE, talk).await.unwrap_or_else(|_| panic!("no end of the answer to {said}"))
}

/// The status of the answer to these bytes; 0 if there is none.
pub(crate) async fn status(socket: SocketAddr, bytes: impl AsRef<[u8]>) -> u16 {
    let answer = exchange(socket, bytes.as_ref(), 0).await;
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// How long it takes until the other side closes, after these bytes and no more.
pub(crate) async fn cut_after(socket: SocketAddr, bytes: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(socket).await.unwrap();
    let start = Instant::now();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "not cut off after {}", bytes.escape_ascii());
    start.elapsed()
}
