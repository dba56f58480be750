//! A machine of the lab: a network namespace with members or clients in it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use evenkeel_plumbing::Namespace;
use evenkeel_plumbing::namespace::DIRECTORY;
use tokio::net::{TcpListener, TcpSocket};

use super::command::run;
use crate::http::{self, Answer};
use crate::member::Backend;

/// A namespace made by the lab, or found there.
#[derive(Clone, Debug)]
pub struct Place {
    name: String,
    namespace: Namespace,
}

impl Place {
    /// A new namespace, whose loopback is up.
    ///
    /// # Errors
    ///
    /// There is one of this name.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        run(&format!("ip netns add {name}")).await?;
        run(&format!("ip -n {name} link set lo up")).await?;
        Self::named(name)
    }

    /// The namespace of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        let namespace = Namespace::at(&Path::new(DIRECTORY).join(name))?;
        Ok(Self { name: name.to_owned(), namespace })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` inside.
    ///
    /// # Errors
    ///
    /// It fails.
    pub async fn ip(&self, words: &str) -> anyhow::Result<String> {
        run(&format!("ip -n {} {words}", self.name)).await
    }

    /// Runs any command inside.
    ///
    /// # Errors
    ///
    /// It fails.
    pub async fn run(&self, line: &str) -> anyhow::Result<String> {
        run(&format!("ip netns exec {} {line}", self.name)).await
    }

    /// A member that answers with its name at an address of this place.
    ///
    /// # Errors
    ///
    /// The address is not of this place, or the port is taken.
    pub fn member(&self, name: &str, address: &str) -> anyhow::Result<Backend> {
        let address: SocketAddr = address.parse()?;
        let listener = self.namespace.within(|| std::net::TcpListener::bind(address))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Backend::serving(name, listener.local_addr()?, listener))
    }

    /// One request from here.
    ///
    /// # Errors
    ///
    /// Nobody answers.
    pub async fn get(&self, socket: SocketAddr, target: &str) -> anyhow::Result<Answer> {
        http::get_from(self.socket(socket.ip())?, socket, target).await
    }

    /// A socket of this place, not yet connected: sockets stay where they were made.
    fn socket(&self, peer: IpAddr) -> std::io::Result<TcpSocket> {
        let handle = tokio::runtime::Handle::current();
        self.namespace.within(|| {
            let _runtime = handle.enter();
            if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
        })
    }
}
