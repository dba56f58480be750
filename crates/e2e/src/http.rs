//! A small HTTP/1.1 client: one connection for each request, everything with a deadline.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
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
            bail!(
                "status {} instead of {expected}: {}",
                self.status,
                self.body
            )
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
    let exchange = exchange(socket, method, target, headers, body);
    timeout(PATIENCE, exchange)
        .await
        .with_context(|| format!("{method} {target}: no answer"))?
}

/// `GET` of a path, as a client of a VIP would.
///
/// # Errors
///
/// As [`request`].
pub async fn get(socket: SocketAddr, target: &str) -> anyhow::Result<Answer> {
    request(socket, "GET", target, &[], None).await
}

async fn exchange(
    socket: SocketAddr,
    method: &str,
    target: &str,
    headers: &[String],
    body: Option<&Value>,
) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(socket)
        .await
        .with_context(|| format!("{socket}"))?;
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
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.context("the answer has no status")?;
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if chunked {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Ok(Answer {
        status,
        head: head.to_owned(),
        body,
    })
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
