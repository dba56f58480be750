//! Members: small HTTP servers that say who they are, and can be told to fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::interval;

/// A server on the loopback that answers each request with its name. Ends when it is dropped.
#[derive(Debug)]
pub struct Backend {
    name: String,
    socket: SocketAddr,
    state: Arc<State>,
    running: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    sick: AtomicBool,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Backend {
    /// A server on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self::serving(name, listener.local_addr()?, listener))
    }

    /// A server on a socket that somebody else has bound.
    pub fn serving(name: &str, socket: SocketAddr, listener: TcpListener) -> Self {
        let state = Arc::new(State::default());
        let mut running = JoinSet::new();
        running.spawn(serve(listener, name.to_owned(), Arc::clone(&state)));
        Self { name: name.to_owned(), socket, state, running }
    }

    /// Where it answers.
    pub const fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// What it answers.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many connections it took.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// How many requests it answered.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// Answers 503 from now on, or 200 again.
    pub fn set_sick(&self, sick: bool) {
        self.state.sick.store(sick, Ordering::Relaxed);
    }

    /// Closes its port and drops its connections.
    pub async fn stop(&mut self) {
        self.running.shutdown().await;
    }

    /// Opens its port again.
    ///
    /// # Errors
    ///
    /// Somebody else has it now.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.socket).await?;
        self.running.spawn(serve(listener, self.name.clone(), Arc::clone(&self.state)));
        Ok(())
    }
}

async fn serve(listener: TcpListener, name: String, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                state.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(answer(stream, name.clone(), Arc::clone(&state)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Sends an answer so slowly that it takes a second or more.
async fn dribble(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<()> {
    let mut turns = interval(Duration::from_millis(30));
    for byte in text {
        turns.tick().await;
        stream.write_all(&[*byte]).await?;
    }
    Ok(())
}

/// The member's view, where it is asked for: `/headers` shows the request, `/peer` who connected.
fn told(head: &str, stream: &TcpStream) -> Option<String> {
    if head.starts_with("GET /headers") {
        Some(head.to_owned())
    } else if head.starts_with("GET /peer") {
        Some(stream.peer_addr().map_or_else(|error| error.to_string(), |it| it.ip().to_string()))
    } else {
        None
    }
}

async fn answer(mut stream: TcpStream, name: String, state: Arc<State>) {
    let mut request = Vec::new();
    while let Ok(count @ 1..) = stream.read_buf(&mut request).await {
        let _ = count;
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&request[..end + 4]).into_owned();
        request.drain(..end + 4);
        state.requests.fetch_add(1, Ordering::Relaxed);
        let sick = state.sick.load(Ordering::Relaxed);
        let status = if sick { "503 Service Unavailable" } else { "200 OK" };
        let body = told(&head, &stream).unwrap_or_else(|| name.clone());
        let close = head.to_ascii_lowercase().contains("connection: close");
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let sent = if head.starts_with("GET /slow") {
            dribble(&mut stream, text.as_bytes()).await
        } else {
            stream.write_all(text.as_bytes()).await
        };
        if sent.is_err() || close {
            return;
        }
    }
}
