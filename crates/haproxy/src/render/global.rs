//! The sections of the process as a whole, and how much it may take of the node.

use evenkeel_driver::DRAIN;
use evenkeel_model::{Listener, LoadBalancerGraph};

use super::NodeLimits;
use crate::configuration::{Backend, Frontend};
use crate::writer::{Line, Section};

/// The runtime socket that may do everything, in the site's directory.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// The socket that only tells, in the site's directory.
pub const STATISTICS_SOCKET: &str = "haproxy_stats.sock";

/// The name under which a process hands its stick tables on to the next.
pub const LOCAL_PEER: &str = "evenkeel";

/// What a listener without a limit takes. HAProxy has some 130 bytes ready for each connection that
/// may come, and there may be many load balancers on a node; who needs more says so.
const CONNECTIONS_WITHOUT_LIMIT: u32 = 20_000;

/// What HAProxy opens besides: its log, its sockets, its poller, the sockets of a process that it
/// replaces.
const OTHER_DESCRIPTORS: u64 = 128;

/// How many connections a process can take on this node. HAProxy refuses to start if it cannot
/// have the descriptors for them, and its check of the file does not notice.
pub(super) fn ceiling(graph: &LoadBalancerGraph, limits: NodeLimits) -> u32 {
    // A probe per member, and a socket per listener and address.
    let sockets = graph.listeners.len() * (1 + graph.load_balancer.additional_vips.len());
    let others = OTHER_DESCRIPTORS + graph.members.len() as u64 + 2 * sockets as u64;
    // Two for each connection, and half of one for its share of the pipes used for splicing.
    let most = limits.descriptors.saturating_sub(others) * 2 / 5;
    u32::try_from(most).unwrap_or(u32::MAX).max(1)
}

/// How many connections a listener takes. A limit of 0 means none, as it does with Octavia and
/// with HAProxy.
pub(super) fn max_connections(listener: &Listener, ceiling: u32) -> u32 {
    let limit = listener.connections_at_most().filter(|limit| *limit > 0);
    limit.unwrap_or(CONNECTIONS_WITHOUT_LIMIT).min(ceiling)
}

pub(super) fn global(frontends: &[Frontend], ceiling: u32) -> Section {
    let wanted =
        frontends.iter().fold(0_u32, |sum, frontend| sum.saturating_add(frontend.max_connections));
    Section::new(Line::new("global"))
        .with(Line::new("nbthread 1"))
        .with(Line::new("maxconn").word(wanted.clamp(1, ceiling)))
        .with(Line::new("hard-stop-after").word(DRAIN))
        // A bare name would be taken for a host.
        .with(Line::new("stats socket unix@admin.sock mode 600 level admin expose-fd listeners"))
        .with(Line::new("stats socket unix@haproxy_stats.sock mode 600 level user"))
        .with(Line::new("localpeer evenkeel"))
}

pub(super) fn shared(backends: &[Backend]) -> Vec<Section> {
    let defaults = Section::new(Line::new("defaults"))
        .with(Line::new("retries 3"))
        .with(Line::new("option redispatch"));
    let mut sections = vec![defaults];
    if backends.iter().any(|backend| backend.remembers_clients) {
        // A process that ends teaches its tables to the one that replaces it.
        let peers = Section::new(Line::new("peers successors"));
        sections.push(peers.with(Line::new("peer evenkeel unix@peers.sock")));
    }
    sections
}
