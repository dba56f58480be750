//! VIPs on the loopback, without any right: what `evenkeel dev` and the tests serve on.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use evenkeel_model::{Epoch, Listener, ListenerId, LoadBalancerGraph, LoadBalancerId};
use evenkeel_plumbing::file;

use crate::{Plug, PlugError, Plugged, Site};

/// How much higher a port under 1024 is served, which only root could bind.
const SHIFT: u16 = 8000;

/// The first port that anybody can bind.
const UNPRIVILEGED: u16 = 1024;

/// The file in a site's directory that keeps the sockets that were chosen.
const SOCKETS: &str = "sockets.json";

/// Where listeners listen that do not listen at their VIP and port.
type Sockets = BTreeMap<ListenerId, SocketAddr>;

/// Addresses of 127.0.0.0/8, which are all there on every Linux. Ports under 1024 are served 8000
/// higher, or at the next free port; what was chosen for a listener is kept as long as it lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

#[async_trait]
impl Plug for Loopback {
    async fn ensure(&self, directory: &Path, graph: &LoadBalancerGraph) -> Result<Site, PlugError> {
        refuse_others(graph)?;
        let kept = kept(directory).await?.unwrap_or_default();
        let sockets = choose(graph, &kept, is_free);
        if sockets != kept || sockets.is_empty() {
            keep(directory, &sockets).await?;
        }
        Ok(site(directory, graph.load_balancer.id, sockets))
    }

    async fn read(
        &self,
        directory: &Path,
        load_balancer: LoadBalancerId,
        graph: Option<&LoadBalancerGraph>,
    ) -> Result<Plugged, PlugError> {
        let Some(kept) = kept(directory).await? else {
            return Ok(Plugged::Absent);
        };
        match graph {
            Some(graph) if choose(graph, &kept, is_free) == kept => {
                Ok(Plugged::Ready(site(directory, load_balancer, kept)))
            }
            Some(_) | None => Ok(Plugged::Remains),
        }
    }

    async fn remove(
        &self,
        directory: &Path,
        _load_balancer: LoadBalancerId,
    ) -> Result<(), PlugError> {
        let path = directory.join(SOCKETS);
        off_runtime(move || file::remove(&path)).await.map_err(|source| disk("forget", source))
    }
}

fn refuse_others(graph: &LoadBalancerGraph) -> Result<(), PlugError> {
    let vip = &graph.load_balancer.vip;
    let more = graph.load_balancer.additional_vips.iter().map(|vip| vip.address);
    for address in std::iter::once(vip.address).chain(more) {
        if !matches!(address, IpAddr::V4(v4) if v4.is_loopback()) {
            return Err(PlugError::Refused(format!(
                "The VIP {address} cannot be served on the loopback of this machine; choose one \
                 of 127.0.0.0/8."
            )));
        }
    }
    Ok(())
}

fn site(directory: &Path, load_balancer: LoadBalancerId, sockets: Sockets) -> Site {
    let directory = directory.to_owned();
    Site {
        load_balancer,
        epoch: Epoch::default(),
        directory,
        secrets: PathBuf::new(),
        namespace: None,
        user: None,
        sockets,
    }
}

/// The sockets of the listeners whose port cannot be bound, kept where they are, and new ones
/// apart from each other and from what `is_free` knows. The same input has the same answer.
fn choose(
    graph: &LoadBalancerGraph,
    kept: &Sockets,
    is_free: impl Fn(SocketAddr) -> bool,
) -> Sockets {
    let address = graph.load_balancer.vip.address;
    let is_shifted = |listener: &&Listener| listener.protocol_port.get() < UNPRIVILEGED;
    let own_ports = |port| {
        let mut others = graph.listeners.iter().filter(|listener| !is_shifted(listener));
        others.any(|listener| listener.protocol_port.get() == port)
    };
    // Who asks for a port by its number gets it, even if another was shifted there before.
    let mut chosen: Sockets = graph
        .listeners
        .iter()
        .filter(is_shifted)
        .filter_map(|listener| kept.get(&listener.id).map(|socket| (listener.id, *socket)))
        .filter(|(_, socket)| socket.ip() == address && !own_ports(socket.port()))
        .collect();
    for listener in graph.listeners.iter().filter(is_shifted) {
        if chosen.contains_key(&listener.id) {
            continue;
        }
        let from = listener.protocol_port.get() + SHIFT;
        let socket = (from..=u16::MAX)
            .filter(|port| !own_ports(*port))
            .map(|port| SocketAddr::new(address, port))
            .find(|socket| !chosen.values().any(|taken| taken == socket) && is_free(*socket));
        chosen.insert(listener.id, socket.unwrap_or(SocketAddr::new(address, from)));
    }
    chosen
}

/// Whether nobody listens there now.
fn is_free(socket: SocketAddr) -> bool {
    TcpListener::bind(socket).is_ok()
}

async fn kept(directory: &Path) -> Result<Option<Sockets>, PlugError> {
    let path = directory.join(SOCKETS);
    let read = off_runtime(move || match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    });
    let bytes = read.await.map_err(|source| disk("read", source))?;
    // A file that makes no sense is as good as an empty one: it is written anew.
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default()))
}

async fn keep(directory: &Path, sockets: &Sockets) -> Result<(), PlugError> {
    let path: PathBuf = directory.join(SOCKETS);
    let written = match serde_json::to_vec(sockets) {
        Ok(bytes) => off_runtime(move || file::replace(&path, &bytes)).await,
        Err(error) => Err(error.into()),
    };
    written.map_err(|source| disk("note", source))
}

fn disk(verb: &str, source: io::Error) -> PlugError {
    PlugError::Unavailable {
        attempt: format!("could not {verb} where the listeners listen"),
        cure: "the node needs room on its disk and the right to write there".to_owned(),
        source: Some(source),
    }
}

async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
