//! A client to check a driver with.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long an answer may take on a machine that is busy with other checks.
const PATIENCE: Duration = Duration::from_secs(20);

/// One of many clients: each has an address of its own.
pub(super) const fn client(number: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, number)), 0)
}

/// A connection from there, which leaves nothing behind that would keep its port from being used
/// again at once.
pub(super) async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_zero_linger()?;
    socket.bind(from)?;
    socket.connect(to).await
}

/// A request on a connection of its own.
#[derive(Clone, Debug)]
pub(super) struct Request {
    path: String,
    host: String,
    fields: String,
    from: SocketAddr,
}

/// A request for this path.
pub(super) fn get(path: &str) -> Request {
    Request {
        path: path.to_owned(),
        host: "check".to_owned(),
        fields: String::new(),
        from: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

impl Request {
    /// Of this host.
    pub(super) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// With this header.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// Of this client; port 0 is any.
    pub(super) fn of(self, from: SocketAddr) -> Self {
        Self { from, ..self }
    }

    /// What is answered, if anything is.
    pub(super) async fn ask(&self, socket: SocketAddr) -> Option<Reply> {
        let exchanged = timeout(PATIENCE, self.exchange(socket)).await;
        exchanged.expect("there is an answer, or none, in time").ok().flatten()
    }

    async fn exchange(&self, socket: SocketAddr) -> io::Result<Option<Reply>> {
        let mut stream = connect(self.from, socket).await?;
        let from = stream.local_addr()?;
        let Self { path, host, fields, .. } = self;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        stream.write_all(format!("{head}{fields}\r\n").as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(Reply::read(&text, from))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
    /// Where the client was.
    pub(super) from: SocketAddr,
}

impl Reply {
    fn read(text: &str, from: SocketAddr) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), body: body.to_owned(), from })
    }

    /// A header of it.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = fields(&self.head);
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The headers of a request or an answer.
pub(super) fn fields(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name, value.trim()))
}
