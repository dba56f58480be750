//! A pool as a backend.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_model::listener::Timeouts;
use evenkeel_model::number::Milliseconds;
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::{HealthMonitor, Listener, LoadBalancerGraph, Member, MemberId, Pool};

use super::frontend::patience;
use super::tls::{self, Keys, ServerTls};
use super::{health_check, refused};
use crate::configuration::{Backend, Server};
use crate::writer::{Fetch, Line, Section};

/// How many clients a pool remembers; beyond, the longest unseen is forgotten.
const CLIENTS: &str = "size 100k";

/// `users` are the open listeners that may send traffic to the pool; there is at least one.
pub(super) fn render(
    graph: &LoadBalancerGraph,
    pool: &Pool,
    users: &[&Listener],
    keys: Keys<'_>,
) -> Result<Backend, Unsupported> {
    let monitor = graph.health_monitor_of(pool.id);
    let monitor = monitor.filter(|monitor| monitor.admin_state_up);
    let mut section = Section::new(Line::new("backend").word(pool.id));
    let speaks_http = speaks_http(pool, users)?;
    section.add(Line::new(if speaks_http { "mode http" } else { "mode tcp" }));
    balance(pool.algorithm, &mut section);
    section.add(Line::new("option allbackups"));
    timeouts(users, speaks_http, &mut section);
    let persistence = persistence(pool, speaks_http);
    if let Some(persistence) = persistence {
        stays(persistence, &mut section);
    }
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
        id: pool.id,
        section,
        remembers_clients: persistence.is_some_and(remembers_clients),
        takes_servers: !matches!(persistence, Some(Persistence::HttpCookie)),
        servers,
        material: tls.material,
    })
}

/// Whether requests are seen or bytes. A PROXY pool takes what its listener speaks.
fn speaks_http(pool: &Pool, users: &[&Listener]) -> Result<bool, Unsupported> {
    match pool.protocol {
        PoolProtocol::Http => Ok(true),
        PoolProtocol::Tcp | PoolProtocol::Https | PoolProtocol::Udp | PoolProtocol::Sctp => {
            Ok(false)
        }
        PoolProtocol::Proxy | PoolProtocol::ProxyV2 => {
            let http = users.iter().filter(|user| user.protocol.is_http()).count();
            if http == 0 || http == users.len() {
                Ok(http > 0)
            } else {
                let why = "a PROXY pool cannot serve HTTP and TCP listeners at once";
                Err(refused("Pool", pool.id, why))
            }
        }
    }
}

fn balance(algorithm: Algorithm, section: &mut Section) {
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

fn stays(persistence: &Persistence, section: &mut Section) {
    match persistence {
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
