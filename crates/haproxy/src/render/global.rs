//! The sections of the process as a whole, and how much it may take of the node.

use evenkeel_driver::{DRAIN, Site};
use evenkeel_model::number::Threads;
use evenkeel_model::{Listener, LoadBalancerGraph};

use super::{NodeLimits, metrics};
use crate::configuration::Backend;
use crate::writer::{Line, Section};

/// The runtime socket that may do everything, in the site's directory.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// The same as HAProxy is told it, which works in its jail.
pub(crate) const ADMIN_SOCKET_FROM_JAIL: &str = "../admin.sock";

/// The runtime socket that only tells, beside it.
pub const STATS_SOCKET: &str = "haproxy_stats.sock";

/// What a process knows of its servers when it starts, in the site's directory; the file must be
/// there.
pub const STATES: &str = "servers.state";

/// What listeners without a limit take together. HAProxy has some 130 bytes ready for each
/// connection that may come, and there may be many load balancers on a node; who needs more says
/// so.
const CONNECTIONS_WITHOUT_LIMIT: u32 = 20_000;

/// The most that one process takes, however many descriptors it may have and whatever limits say.
const MOST_CONNECTIONS: u64 = 50_000;

/// What HAProxy opens besides: its log, its sockets, its poller, the sockets of a process that it
/// replaces.
const OTHER_DESCRIPTORS: u64 = 128;

/// What each thread but the first opens besides: its poller, and what wakes it.
const DESCRIPTORS_OF_THREAD: u64 = 8;

/// How many connections a process can take on this node, and may by its flavor. HAProxy refuses to
/// start if it cannot have the descriptors for them, and its check of the file does not notice.
pub(super) fn ceiling(graph: &LoadBalancerGraph, limits: NodeLimits) -> u32 {
    // A probe per member, and a socket per listener and address. Members are counted by the
    // hundred, so that one more does not change the limit, which only another process can have.
    let members = graph.members.len().next_multiple_of(100);
    let sockets = graph.listeners.len() * (1 + graph.load_balancer.additional_vips.len());
    let allowance = graph.load_balancer.allowance;
    let threads = DESCRIPTORS_OF_THREAD * u64::from(allowance.threads.get() - 1);
    let others = OTHER_DESCRIPTORS + members as u64 + 2 * sockets as u64 + threads;
    // Two for each connection, and half of one for its share of the pipes used for splicing.
    let most = limits.descriptors.saturating_sub(others) * 2 / 5;
    let most = u32::try_from(most.clamp(1, MOST_CONNECTIONS)).unwrap_or(u32::MAX);
    allowance.connections.map_or(most, |connections| most.min(connections.get()))
}

/// How many connections a listener takes.
pub(super) fn max_connections(listener: &Listener, ceiling: u32) -> u32 {
    limit(listener).unwrap_or(CONNECTIONS_WITHOUT_LIMIT).min(ceiling)
}

/// A limit of 0 means none, as it does with Octavia and with HAProxy.
fn limit(listener: &Listener) -> Option<u32> {
    listener.connections_at_most().filter(|limit| *limit > 0)
}

/// All limits together, and one share for all listeners that have none.
fn all_connections(open: &[&Listener], ceiling: u32) -> u32 {
    let limits = open.iter().filter_map(|listener| limit(listener));
    let share = open.iter().any(|listener| limit(listener).is_none());
    let share = if share { CONNECTIONS_WITHOUT_LIMIT } else { 0 };
    limits.fold(share, u32::saturating_add).clamp(1, ceiling)
}

pub(super) fn global(
    site: &Site,
    open: &[&Listener],
    threads: Threads,
    ceiling: u32,
    tells_metrics: bool,
) -> Section {
    let mut section = Section::new(Line::new("global"))
        .with(Line::new("nbthread").word(threads.get()))
        .with(Line::new("maxconn").word(all_connections(open, ceiling)))
        .with(Line::new("hard-stop-after").word(DRAIN))
        // A bare name would be taken for a host.
        .with(Line::new("stats socket unix@../admin.sock mode 600 level admin expose-fd listeners"))
        .with(Line::new("stats socket unix@../haproxy_stats.sock mode 600 level user"))
        .with(Line::new("server-state-file ../servers.state"))
        .with(Line::new("localpeer evenkeel"));
    if let Some(user) = site.user {
        // The jail is where it works.
        section.add(Line::new("chroot ."));
        section.add(Line::new("uid").word(user));
        section.add(Line::new("gid").word(user));
    }
    if tells_metrics {
        section.add(metrics::program());
    }
    section
}

pub(super) fn shared(site: &Site, backends: &[Backend], tells_metrics: bool) -> Vec<Section> {
    let defaults = Section::new(Line::new("defaults"))
        .with(Line::new("retries 3"))
        .with(Line::new("option redispatch"))
        .with(Line::new("load-server-state-from-file global"));
    let mut sections = vec![defaults];
    if backends.iter().any(|backend| backend.remembers_clients) {
        // A process that ends teaches its tables to the one that replaces it.
        let peers = Section::new(Line::new("peers successors"));
        let bind = Line::new("bind unix@peers.sock mode 600").followed_by(&owner(site));
        sections.push(peers.with(bind).with(Line::new("server evenkeel")));
    }
    if tells_metrics {
        sections.push(metrics::exporter(&owner(site)));
    }
    sections
}

/// Whose a socket in the jail is: of whoever binds and uses it.
fn owner(site: &Site) -> Line {
    match site.user {
        Some(user) => Line::new("uid").word(user).words("gid").word(user),
        None => Line::empty(),
    }
}
