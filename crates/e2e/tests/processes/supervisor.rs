//! What whoever supervises the services is told: the words of `sd_notify(3)`.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as Datagram};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::pair::{Pair, kill, terminate};

const PATIENCE: Duration = Duration::from_secs(20);

async fn told(supervisor: &UnixDatagram) -> anyhow::Result<String> {
    let mut word = [0; 64];
    let length =
        timeout(PATIENCE, supervisor.recv(&mut word)).await.context("nothing is told")??;
    Ok(String::from_utf8(word[..length].to_vec())?)
}

#[tokio::test]
async fn a_server_says_that_it_is_ready_and_that_it_ends() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    kill(&mut pair.server).await?;
    let path = pair.path("notify.sock");
    let supervisor = UnixDatagram::bind(&path)?;
    pair.supervisor = Some(path.display().to_string());
    pair.start_server().await?;
    ensure!(told(&supervisor).await? == "READY=1");
    terminate(&mut pair.server).await?;
    ensure!(told(&supervisor).await? == "STOPPING=1");
    Ok(())
}

#[tokio::test]
async fn an_agent_says_so_to_a_socket_without_a_file_too() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    kill(&mut pair.agent).await?;
    let name = format!("evenkeel.test.{}", std::process::id());
    let supervisor = Datagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    supervisor.set_nonblocking(true)?;
    let supervisor = UnixDatagram::from_std(supervisor)?;
    pair.supervisor = Some(format!("@{name}"));
    pair.start_agent().await?;
    ensure!(told(&supervisor).await? == "READY=1");
    terminate(&mut pair.agent).await?;
    ensure!(told(&supervisor).await? == "STOPPING=1");
    Ok(())
}
