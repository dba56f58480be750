//! One agent for each network of a machine: what nobody holds is an orphan to it, whoever made it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, interval};

/// A name that only one socket of a network namespace can have, and that goes with it.
const NAME: &str = "evenkeel.agent";

/// How long a new life waits for an earlier one to end, and how often it looks.
const HANDOVER: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// The right to change the network of this node, for as long as it is held.
#[derive(Debug)]
pub(super) struct Alone {
    _name: UnixDatagram,
}

impl Alone {
    /// Takes it, once nobody else has it.
    ///
    /// # Errors
    ///
    /// Another agent keeps it.
    pub(super) async fn begin() -> anyhow::Result<Self> {
        Self::under(NAME).await
    }

    async fn under(name: &str) -> anyhow::Result<Self> {
        let give_up = Instant::now() + HANDOVER;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let address = SocketAddr::from_abstract_name(name)?;
            match UnixDatagram::bind_addr(&address) {
                Ok(name) => return Ok(Self { _name: name }),
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    return Err(error).context("could not make a socket");
                }
                Err(_) if Instant::now() < give_up => {}
                Err(_) => bail!(
                    "another evenkeel agent works on the network of this node; stop it first: each \
                     would remove what the other makes"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_agent_waits_for_the_first_and_is_refused_if_it_stays() {
        let name = format!("{NAME}.test.{}", std::process::id());
        let first = Alone::under(&name).await.unwrap();
        let said = Alone::under(&name).await.unwrap_err().to_string();
        assert!(said.contains("another evenkeel agent") && said.contains("stop it"), "{said}");
        let (second, ()) = tokio::join!(Alone::under(&name), async { drop(first) });
        assert!(second.is_ok(), "the first has ended");
    }
}
