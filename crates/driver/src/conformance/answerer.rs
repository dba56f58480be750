//! A member to check a driver with, and a client.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::client::get;
use super::proxy_header::{self, ProxyHeader};

/// What a member was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The head of the request.
    pub(super) head: String,
    /// What a PROXY header said, if there was one.
    pub(super) proxied: Option<ProxyHeader>,
}

/// What was asked last.
type Last = Arc<Mutex<Asked>>;

/// Who asks for a path below this is given what follows as a cookie.
const LOGIN: &str = "GET /login/";

/// Who asks for this is not answered, for as long as he waits.
pub(super) const HOLD: &str = "/hold";

/// Answers each request with its name and closes, so that it does for HTTP and for TCP.
#[derive(Debug)]
pub(super) struct Answerer {
    name: &'static str,
    pub(super) socket: SocketAddr,
    serving: JoinSet<()>,
    asked: Last,
}

impl Answerer {
    /// One that answers, on a port of its own.
    pub(super) fn start(name: &'static str) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (serving, asked) = (JoinSet::new(), Last::default());
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

    /// What it answered last.
    pub(super) fn asked(&self) -> Asked {
        self.asked.lock().expect("nobody fails while he holds it").clone()
    }
}

fn listen(socket: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpSocket::new_v4()?;
    listener.set_reuseaddr(true)?;
    listener.bind(socket)?;
    listener.listen(64)
}

async fn serve(listener: TcpListener, name: &'static str, asked: Last) {
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

async fn answer(mut stream: TcpStream, name: &str, asked: Last) {
    let Some(request) = read(&mut stream).await else { return };
    let length = name.len();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let cookie = request.head.strip_prefix(LOGIN).and_then(|rest| rest.split(' ').next());
    let cookie = cookie.map(|pair| format!("Set-Cookie: {pair}; Path=/\r\n")).unwrap_or_default();
    let text = format!("{head}{cookie}Content-Length: {length}\r\n\r\n{name}");
    let is_held = request.head.split(' ').nth(1) == Some(HOLD);
    *asked.lock().expect("nobody fails while he holds it") = request;
    if is_held {
        // Until he leaves, or says what nobody asked him for.
        let _ = stream.read_u8().await;
        return;
    }
    // Whoever is gone needs no answer.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// A request, if it comes to its end.
async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return None;
        }
        let Some((proxied, start)) = proxy_header::read(&bytes) else { continue };
        if bytes[start..].ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[start..]).into_owned();
            return Some(Asked { head, proxied });
        }
    }
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
