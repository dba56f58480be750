//! A pool as a backend.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_model::listener::Timeouts;
use evenkeel_model::number::Milliseconds;
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::{HealthMonitor, Listener, LoadBalancerGraph, Member, MemberId, Pool, PoolId};

use super::frontend::patience;
use super::tls::{self, Keys, ServerTls};
use super::{health_check, open_listeners};
use crate::backend_name::BackendName;
use crate::configuration::{Backend, Server};
use crate::writer::{Fetch, Line, Section};

/// How many clients a pool remembers; beyond, the longest unseen is forgotten.
const CLIENTS: &str = "size 100k";

/// The backend of `pool` that `listener` sends its traffic to.
pub(super) fn name(graph: &LoadBalancerGraph, listener: &Listener, pool: PoolId) -> BackendName {
    if !listener.protocol.is_http() && has_beside(graph, pool) {
        BackendName::Bytes(pool)
    } else {
        BackendName::Own(pool)
    }
}

/// Whether a pool has two backends: open listeners want its requests and its bytes, and it is of a
/// protocol that has both.
pub(crate) fn has_beside(graph: &LoadBalancerGraph, pool: PoolId) -> bool {
    let has_both = |pool: &Pool| match pool.protocol {
        PoolProtocol::Proxy | PoolProtocol::ProxyV2 => true,
        PoolProtocol::Tcp
        | PoolProtocol::Http
        | PoolProtocol::Https
        | PoolProtocol::Udp
        | PoolProtocol::Sctp => false,
    };
    if !graph.pool(pool).is_some_and(has_both) {
        return false;
    }
    let users = || open_listeners(graph).filter(|it| graph.pools_used_by(it).contains(&pool));
    users().any(|user| user.protocol.is_http()) && users().any(|user| !user.protocol.is_http())
}

/// `users` are the open listeners that may send traffic to the backend; there is at least one.
pub(super) fn render(
    graph: &LoadBalancerGraph,
    pool: &Pool,
    name: BackendName,
    users: &[&Listener],
    keys: Keys<'_>,
) -> Result<Backend, Unsupported> {
    let monitor = graph.health_monitor_of(pool.id);
    let monitor = monitor.filter(|monitor| monitor.admin_state_up);
    let mut section = Section::new(Line::new("backend").word(name));
    let speaks_http = speaks_http(pool, users);
    section.add(Line::new(if speaks_http { "mode http" } else { "mode tcp" }));
    let persistence = persistence(pool, speaks_http);
    balance(pool.algorithm, persistence.is_some(), &mut section);
    section.add(Line::new("option allbackups"));
    timeouts(users, speaks_http, &mut section);
    if let Some(persistence) = persistence {
        stays(persistence, name, &mut section);
    }
    // Of two backends each probes for itself: one that followed the other's verdicts (`track`) could
    // neither get nor lose a server while HAProxy 2.6 runs.
    if let Some(monitor) = monitor {
        health_check::render(graph, monitor, &mut section)?;
    }
    let tls = tls::towards_members(pool, speaks_http, keys)?;
    let longest_connect = longest(users, |timeouts| timeouts.member_connect);
    let mut servers = Vec::new();
    let mut numbers = BTreeSet::new();
    for member in graph.members_of(pool.id) {
        let number = number(member.id, &mut numbers);
        servers.push(server(pool, persistence, member, number, monitor, longest_connect, &tls)?);
    }
    Ok(Backend {
        id: name,
        section,
        remembers_clients: name.is_own() && persistence.is_some_and(remembers_clients),
        takes_servers: !matches!(persistence, Some(Persistence::HttpCookie)),
        servers,
        material: if name.is_own() { tls.material } else { Vec::new() },
    })
}

/// Whether requests are seen or bytes. A PROXY pool takes what its listeners speak.
fn speaks_http(pool: &Pool, users: &[&Listener]) -> bool {
    match pool.protocol {
        PoolProtocol::Http => true,
        PoolProtocol::Tcp | PoolProtocol::Https | PoolProtocol::Udp | PoolProtocol::Sctp => false,
        PoolProtocol::Proxy | PoolProtocol::ProxyV2 => {
            users.iter().any(|user| user.protocol.is_http())
        }
    }
}

/// `stays` if clients are kept with their members by more than the algorithm.
fn balance(algorithm: Algorithm, stays: bool, section: &mut Section) {
    // Consistent, so that a member that comes or goes moves few clients, and so that members can
    // be added while HAProxy runs.
    let (rule, hashed) = match algorithm {
        Algorithm::RoundRobin => ("balance roundrobin", false),
        Algorithm::LeastConnections => ("balance leastconn", false),
        Algorithm::SourceIp => ("balance source", true),
        Algorithm::SourceIpPort => ("balance hash src,concat(:,sess.port)", true),
    };
    section.add(Line::new(rule));
    if hashed {
        section.add(Line::new("hash-type consistent sdbm avalanche"));
        if !stays {
            // A hash chooses the same member again: without this it would be tried in vain three times.
            // Clients that are to stay with their member are worth the wait.
            section.add(Line::new("option redispatch 1"));
        }
    }
}

/// The timeouts towards members are the listener's; of several listeners, the longest.
fn timeouts(users: &[&Listener], speaks_http: bool, section: &mut Section) {
    let connect = longest(users, |timeouts| timeouts.member_connect);
    let silence = longest(users, |timeouts| timeouts.member_data);
    section.add(Line::new("timeout connect").word(connect));
    section.add(Line::new("timeout server").word(silence));
    if speaks_http {
        // After an upgrade either side may be silent while the other is not.
        let client = longest(users, |timeouts| timeouts.client_data);
        section.add(Line::new("timeout tunnel").word(silence.max(client)));
        // Members are not kept busy for clients that have gone.
        section.add(Line::new("option abortonclose"));
    }
}

fn longest(users: &[&Listener], which: fn(&Timeouts) -> Milliseconds) -> Duration {
    let timeouts = users.iter().map(|user| patience(which(&user.timeouts)));
    timeouts.max().unwrap_or_default()
}

/// How clients stay with their members. Where only bytes are seen there are no cookies: such a pool
/// is served all the same, because clients of the API make them, but without persistence.
fn persistence(pool: &Pool, speaks_http: bool) -> Option<&Persistence> {
    pool.persistence.as_ref().filter(|persistence| match persistence {
        Persistence::SourceIp { .. } => true,
        Persistence::HttpCookie | Persistence::AppCookie { .. } => speaks_http,
    })
}

const fn remembers_clients(persistence: &Persistence) -> bool {
    match persistence {
        Persistence::SourceIp { .. } | Persistence::AppCookie { .. } => true,
        Persistence::HttpCookie => false,
    }
}

fn stays(persistence: &Persistence, name: BackendName, section: &mut Section) {
    match persistence {
        // Clients stay with a member in whichever way they come.
        Persistence::SourceIp { .. } if !name.is_own() => {
            let own = BackendName::Own(name.pool());
            section.add(Line::new("stick on src table").word(own));
        }
        Persistence::SourceIp { .. } => {
            // IPv4 clients are kept as IPv6 ones.
            let table = Line::new("stick-table type ipv6").words(CLIENTS);
            section.add(table.words("peers successors"));
            section.add(Line::new("stick on src"));
        }
        Persistence::HttpCookie => {
            section.add(Line::new("cookie SRV insert indirect nocache httponly"));
        }
        Persistence::AppCookie { name } => {
            let table = Line::new("stick-table type string len 64").words(CLIENTS);
            section.add(table.words("peers successors"));
            let answered = Fetch::cookie("res.cook", name);
            section.add(Line::new("stick store-response").word(answered));
            let asked = Fetch::cookie("req.cook", name);
            section.add(Line::new("stick match").word(asked));
        }
    }
}

/// A number of 31 bits, made of the id and not among those taken.
fn number(member: MemberId, taken: &mut BTreeSet<u32>) -> u32 {
    let bytes = member.uuid().into_bytes();
    let tail = [bytes[12], bytes[13], bytes[14], bytes[15]];
    let mut number = (u32::from_be_bytes(tail) & (u32::MAX >> 1)).max(1);
    while !taken.insert(number) {
        number = number % (u32::MAX >> 1) + 1;
    }
    number
}

fn server(
    pool: &Pool,
    persistence: Option<&Persistence>,
    member: &Member,
    number: u32,
    monitor: Option<&HealthMonitor>,
    connect: Duration,
    tls: &ServerTls,
) -> Result<Server, Unsupported> {
    let proxied = match pool.protocol {
        PoolProtocol::Proxy => Line::new("send-proxy"),
        PoolProtocol::ProxyV2 => Line::new("send-proxy-v2"),
        PoolProtocol::Tcp
        | PoolProtocol::Http
        | PoolProtocol::Https
        | PoolProtocol::Udp
        | PoolProtocol::Sctp => Line::empty(),
    };
    let mut options = proxied.clone().followed_by(&tls.options);
    if let Some(Persistence::HttpCookie) = persistence {
        options = options.words("cookie").word(member.id);
    }
    if let Some(monitor) = monitor {
        options = options.followed_by(&health_check::options(monitor, member, tls)?);
        if !proxied.is_empty() {
            options = options.followed_by(&health_check::after_proxy_header(monitor, member));
        }
    }
    Ok(Server {
        id: member.id,
        number,
        address: member.socket(),
        weight: member.weight,
        backup: member.backup,
        disabled: !member.admin_state_up,
        check: monitor.and_then(|monitor| health_check::check(monitor, member, connect)),
        options,
    })
}
