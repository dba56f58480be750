//! A small HTTP/1.1 client: one connection for each request, everything with a deadline.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// This answer, if its status is `expected`.
    ///
    /// # Errors
    ///
    /// It is another; the message has the body.
    pub fn expect(self, expected: u16) -> anyhow::Result<Self> {
        if self.status == expected {
            Ok(self)
        } else {
            bail!("status {} instead of {expected}: {}", self.status, self.body)
        }
    }
}

/// Sends one request. `headers` are whole lines without their end.
///
/// # Errors
///
/// The connection failed, or nothing came back in time.
pub async fn request(
    socket: SocketAddr,
    method: &str,
    target: &str,
    headers: &[String],
    body: Option<&Value>,
) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(socket);
    let exchange = exchange(stream, socket, method, target, headers, body);
    timeout(PATIENCE, exchange).await.with_context(|| format!("{method} {target}: no answer"))?
}

/// `GET` of a path, as a client of a VIP would.
///
/// # Errors
///
/// As [`request`].
pub async fn get(socket: SocketAddr, target: &str) -> anyhow::Result<Answer> {
    request(socket, "GET", target, &[], None).await
}

/// `GET` of a path, from a socket that was made elsewhere and is not connected yet.
///
/// # Errors
///
/// As [`request`].
pub async fn get_from(from: TcpSocket, to: SocketAddr, target: &str) -> anyhow::Result<Answer> {
    let exchange = exchange(from.connect(to), to, "GET", target, &[], None);
    timeout(PATIENCE, exchange).await.with_context(|| format!("{to}{target}: no answer"))?
}

/// A connection that is used again and again, for load.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    closing: bool,
    idle_closed: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Nobody listens there.
    pub async fn open(socket: SocketAddr) -> anyhow::Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(socket)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new(), closing: false, idle_closed: false })
    }

    /// Whether the other side said that it closes the connection after its last answer.
    pub const fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether the other side closed the connection without a byte of an answer, as it may while
    /// the connection is idle.
    pub const fn was_idle_closed(&self) -> bool {
        self.idle_closed
    }

    /// Sends one request and reads its answer; gives the status.
    ///
    /// # Errors
    ///
    /// The connection broke, or nothing came back in time.
    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        header: &str,
        body: &str,
    ) -> anyhow::Result<u16> {
        let length = body.len();
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: bench\r\n{header}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        timeout(PATIENCE, self.turn(text.as_bytes())).await?
    }

    async fn turn(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.read.clear();
        let sent = self.stream.write_all(request).await;
        self.idle_closed = sent.is_err();
        sent?;
        loop {
            let read = self.stream.read_buf(&mut self.read).await;
            if !matches!(read, Ok(1..)) {
                self.idle_closed = self.read.is_empty();
                bail!("the connection broke within an answer");
            }
            let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
            if self.read.len() >= end + 4 + length.unwrap_or(0) {
                self.closing = head.contains("connection: close");
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
                return status.context("the answer has no status");
            }
        }
    }
}

async fn exchange(
    stream: impl Future<Output = std::io::Result<TcpStream>>,
    socket: SocketAddr,
    method: &str,
    target: &str,
    headers: &[String],
    body: Option<&Value>,
) -> anyhow::Result<Answer> {
    let mut stream = stream.await.with_context(|| format!("{socket}"))?;
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {socket}\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if let Some(body) = body {
        let body = body.to_string();
        text.push_str("Content-Type: application/json\r\nContent-Length: ");
        text.push_str(&body.len().to_string());
        text.push_str("\r\n\r\n");
        text.push_str(&body);
    } else {
        text.push_str("\r\n");
    }
    stream.write_all(text.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> anyhow::Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.context("the answer has no status")?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_owned(), body })
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else {
            break;
        };
        let Some(chunk) = after.get(..size).filter(|_| size > 0) else {
            break;
        };
        body.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}
