//! A member to check a driver with, and a client.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::client::get;

/// What was asked last.
type Asked = Arc<Mutex<String>>;

/// Who asks for a path below this is given what follows as a cookie.
const LOGIN: &str = "GET /login/";

/// Answers each request with its name and closes, so that it does for HTTP and for TCP.
#[derive(Debug)]
pub(super) struct Answerer {
    name: &'static str,
    pub(super) socket: SocketAddr,
    serving: JoinSet<()>,
    asked: Asked,
}

impl Answerer {
    /// One that answers, on a port of its own.
    pub(super) fn start(name: &'static str) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (serving, asked) = (JoinSet::new(), Asked::default());
        let mut answerer = Self { name, socket: any, serving, asked };
        answerer.open();
        answerer
    }

    /// Answers, again if it was closed.
    pub(super) fn open(&mut self) {
        let listener = listen(self.socket).expect("the port is the check's");
        self.socket = listener.local_addr().expect("a listener has an address");
        self.serving.spawn(serve(listener, self.name, Arc::clone(&self.asked)));
    }

    /// Refuses all connections, and ends those it has.
    pub(super) async fn close(&mut self) {
        self.serving.shutdown().await;
    }

    /// All that it read of the request that it answered last.
    pub(super) fn asked(&self) -> String {
        self.asked.lock().expect("nobody fails while he holds it").clone()
    }
}

fn listen(socket: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpSocket::new_v4()?;
    listener.set_reuseaddr(true)?;
    listener.bind(socket)?;
    listener.listen(64)
}

async fn serve(listener: TcpListener, name: &'static str, asked: Asked) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(answer(stream, name, Arc::clone(&asked)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, name: &str, asked: Asked) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let length = name.len();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let cookie = request.strip_prefix(LOGIN).and_then(|rest| rest.split(' ').next());
    let cookie = cookie.map(|pair| format!("Set-Cookie: {pair}; Path=/\r\n")).unwrap_or_default();
    let text = format!("{head}{cookie}Content-Length: {length}\r\n\r\n{name}");
    *asked.lock().expect("nobody fails while he holds it") = request;
    // Whoever is gone needs no answer.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// Who answers one request, if anybody does.
pub(super) async fn who(socket: SocketAddr) -> Option<String> {
    let reply = get("/").ask(socket).await?;
    (reply.status == 200).then_some(reply.body)
}

/// Who answers so many requests, and how many each; an empty name stands for nobody.
pub(super) async fn all_who(socket: SocketAddr, requests: u64) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    for _ in 0..requests {
        *seen.entry(who(socket).await.unwrap_or_default()).or_default() += 1;
    }
    seen
}
