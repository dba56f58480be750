//! Three small members for the demonstration: a fast one, a slow one, and one that flaps.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// How long the flapping member is up, and then down.
const FLAP: Duration = Duration::from_secs(10);

/// How long the slow member thinks.
const THOUGHT: Duration = Duration::from_millis(300);

/// How long a member waits for a request.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// Answers at once.
    Fast,
    /// Answers after a while.
    Slow,
    /// Answers 503 half of the time.
    Flapping,
}

impl Temper {
    pub(super) const ALL: [Self; 3] = [Self::Fast, Self::Slow, Self::Flapping];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Flapping => "flapping",
        }
    }

    /// Where it answers: away from the VIPs, and the same each time.
    pub(super) const fn socket(self) -> SocketAddr {
        let last = match self {
            Self::Fast => 1,
            Self::Slow => 2,
            Self::Flapping => 3,
        };
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 87, 0, last)), 8080)
    }
}

/// Starts the three. They end with the returned set.
///
/// # Errors
///
/// One of their sockets is taken.
pub(super) async fn start() -> anyhow::Result<tokio::task::JoinSet<()>> {
    let mut tasks = tokio::task::JoinSet::new();
    for temper in Temper::ALL {
        let socket = temper.socket();
        let listener = TcpListener::bind(socket).await.with_context(|| {
            format!("could not start the demo's member on {socket}; end what listens there")
        })?;
        tasks.spawn(serve(listener, temper));
    }
    Ok(tasks)
}

async fn serve(listener: TcpListener, temper: Temper) {
    let born = Instant::now();
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(answer(stream, temper, born)); }
                // Out of descriptors: wait for one of ours to come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, temper: Temper, born: Instant) {
    let mut request = Vec::new();
    while let Ok(Ok(count)) = timeout(PATIENCE, stream.read_buf(&mut request)).await {
        if count == 0 || request.len() > 64 * 1024 {
            return;
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            let response = response(temper, born.elapsed()).await;
            if stream.write_all(response.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn response(temper: Temper, age: Duration) -> String {
    if temper == Temper::Slow {
        tokio::time::sleep(THOUGHT).await;
    }
    let down = temper == Temper::Flapping && is_down(age);
    let (status, body) = if down {
        ("503 Service Unavailable", "flapping: down for now\n".to_owned())
    } else {
        ("200 OK", format!("hello from the {} member\n", temper.name()))
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const fn is_down(age: Duration) -> bool {
    (age.as_secs() / FLAP.as_secs()) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flapping_member_is_up_first() {
        assert!(!is_down(Duration::from_secs(0)));
        assert!(is_down(Duration::from_secs(11)));
        assert!(!is_down(Duration::from_secs(21)));
    }
}
