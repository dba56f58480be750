//! A member to check a driver with, and a client.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an answer may take on a machine that is busy with other checks.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers each request with its name and closes, so that it does for HTTP and for TCP.
#[derive(Debug)]
pub(super) struct Answerer {
    name: &'static str,
    pub(super) socket: SocketAddr,
    serving: JoinSet<()>,
}

impl Answerer {
    /// One that answers, on a port of its own.
    pub(super) fn start(name: &'static str) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut answerer = Self { name, socket: any, serving: JoinSet::new() };
        answerer.open();
        answerer
    }

    /// Answers, again if it was closed.
    pub(super) fn open(&mut self) {
        let listener = listen(self.socket).expect("the port is the check's");
        self.socket = listener.local_addr().expect("a listener has an address");
        self.serving.spawn(serve(listener, self.name));
    }

    /// Refuses all connections, and ends those it has.
    pub(super) async fn close(&mut self) {
        self.serving.shutdown().await;
    }
}

fn listen(socket: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpSocket::new_v4()?;
    listener.set_reuseaddr(true)?;
    listener.bind(socket)?;
    listener.listen(64)
}

async fn serve(listener: TcpListener, name: &'static str) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(answer(stream, name));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, name: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let length = name.len();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let text = format!("{head}Content-Length: {length}\r\n\r\n{name}");
    // Whoever is gone needs no answer.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// Who answers one request, if anybody does.
pub(super) async fn who(socket: SocketAddr) -> Option<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(socket).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: check\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        io::Result::Ok(text)
    };
    let text = timeout(PATIENCE, exchange).await.expect("there is an answer, or none, in time");
    let text = text.ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

/// Who answers so many requests, and how many each; an empty name stands for nobody.
pub(super) async fn all_who(socket: SocketAddr, requests: u64) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    for _ in 0..requests {
        *seen.entry(who(socket).await.unwrap_or_default()).or_default() += 1;
    }
    seen
}
