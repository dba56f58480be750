//! The place on this node where one load balancer is served.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use evenkeel_model::{Epoch, Listener, ListenerId, LoadBalancerGraph, LoadBalancerId};

/// A place with its VIP plugged, and a directory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Who is served here.
    pub load_balancer: LoadBalancerId,
    /// The placement that is served. Under another one the data plane is made anew, even for the
    /// graph that is served already: that is what a failover asks for. Set by the agent.
    pub epoch: Epoch,
    /// Mode 0700, on a disk that outlives a restart of the agent; made by the agent before the
    /// first call and removed by it after the last. The driver keeps all its files here.
    pub directory: PathBuf,
    /// Where keys may be in clear: on a file system in memory. The driver makes it, mode 0700, when
    /// it has any, keeps only files of mode 0600 in it, and removes it. Set by the agent.
    pub secrets: PathBuf,
    /// The network namespace to serve in, as a path to enter it by; `None` is that of the agent.
    pub namespace: Option<PathBuf>,
    /// The number of the user, and of the group, that the data plane becomes once it listens: its
    /// own, nobody else's on this node. `None`: it stays who the agent is. Set by the agent.
    pub user: Option<u32>,
    /// Where a listener really listens, if not at VIP and port: without the right to bind ports
    /// under 1024 they are shifted.
    pub sockets: BTreeMap<ListenerId, SocketAddr>,
}

impl Site {
    /// Where `listener` listens: first the VIP, then the additional VIPs.
    pub fn sockets_of(&self, listener: &Listener, graph: &LoadBalancerGraph) -> Vec<SocketAddr> {
        let vip = &graph.load_balancer.vip;
        let main = self.sockets.get(&listener.id).copied();
        let main = main.unwrap_or(SocketAddr::new(vip.address, listener.protocol_port.get()));
        let more = graph.load_balancer.additional_vips.iter();
        let at = |address: IpAddr| SocketAddr::new(address, main.port());
        std::iter::once(main).chain(more.map(|vip| at(vip.address))).collect()
    }
}
