//! A member that sees bytes, and says them again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it says before it is asked.
pub(super) const HELLO: &[u8] = b"hello";

/// What it says when the client has said all.
pub(super) const GOODBYE: &[u8] = b"goodbye";

/// Says what it hears, for as long as it is there.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) socket: SocketAddr,
    _serving: JoinSet<()>,
}

impl Echo {
    /// One, on a port of its own.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("the loopback has a free port");
        let socket = listener.local_addr().expect("a listener has an address");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        connections.spawn(echo(stream));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { socket, _serving: serving }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(HELLO).await?;
    let mut heard = [0; 4096];
    loop {
        match stream.read(&mut heard).await? {
            0 => break,
            count => stream.write_all(&heard[..count]).await?,
        }
    }
    stream.write_all(GOODBYE).await
}
