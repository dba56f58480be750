//! A listener as a frontend.

use std::time::Duration;

use evenkeel_model::listener::InsertHeader;
use evenkeel_model::number::Milliseconds;
use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::{Listener, LoadBalancerGraph, PoolId};

use super::tls::{self, Keys};
use super::{CAPABILITIES, backend, global, hardening, l7, metrics, refused};
use crate::configuration::Frontend;
use crate::writer::{Line, LogFormat, Section};

/// How long the head of a request may take to come; a client that is slower is told 408.
const REQUEST_HEAD: Duration = Duration::from_secs(10);

/// How long a client that has closed its side is waited for.
const HALF_CLOSED: Duration = Duration::from_secs(30);

/// How many ranges are written on one line.
const RANGES_PER_LINE: usize = 32;

pub(super) fn render(
    graph: &LoadBalancerGraph,
    keys: Keys<'_>,
    listener: &Listener,
    ceiling: u32,
    unhardened: &[hardening::Hardening],
) -> Result<Frontend, Unsupported> {
    let mut section = Section::new(Line::new("frontend").word(listener.id));
    let speaks_http = speaks_http(listener.protocol);
    section.add(Line::new(if speaks_http { "mode http" } else { "mode tcp" }));
    let tls = tls::towards_clients(listener, keys)?;
    for socket in keys.site.sockets_of(listener, graph) {
        section.add(Line::new("bind").word(socket).followed_by(&tls.options));
    }
    timeouts(listener, speaks_http, &mut section);
    allowed(listener, &mut section);
    if hashes_ports(graph, listener) {
        section.add(Line::new("tcp-request connection set-var(sess.port) src_port"));
    }
    tls.rules(&mut section);
    match listener.protocol {
        ListenerProtocol::Http | ListenerProtocol::TerminatedHttps => {
            hardening::render(unhardened, &mut section);
            l7::render(graph, listener, &mut section)?;
            insert_headers(listener, &mut section)?;
            l7::use_backends(graph, listener, &mut section);
        }
        ListenerProtocol::Prometheus => metrics::tell(&mut section),
        ListenerProtocol::Tcp
        | ListenerProtocol::Https
        | ListenerProtocol::Udp
        | ListenerProtocol::Sctp => bytes(graph, listener, &mut section)?,
    }
    if let Some(pool) = listener.default_pool.filter(|pool| is_enabled(graph, *pool)) {
        section.add(Line::new("default_backend").word(backend::name(graph, listener, pool)));
    }
    Ok(Frontend {
        id: listener.id,
        max_connections: global::max_connections(listener, ceiling),
        section,
        material: tls.material,
    })
}

/// Whether requests are seen, and not only bytes.
pub(crate) const fn speaks_http(protocol: ListenerProtocol) -> bool {
    match protocol {
        ListenerProtocol::Http
        | ListenerProtocol::TerminatedHttps
        | ListenerProtocol::Prometheus => true,
        ListenerProtocol::Tcp
        | ListenerProtocol::Https
        | ListenerProtocol::Udp
        | ListenerProtocol::Sctp => false,
    }
}

/// Whether a pool is there and answers. A frontend without one tells HTTP clients 503 and closes
/// the connections of others.
pub(super) fn is_enabled(graph: &LoadBalancerGraph, pool: PoolId) -> bool {
    graph.pool(pool).is_some_and(|pool| pool.admin_state_up)
}

/// HAProxy reads 0 as "for ever", and warns; the longest time of the contract is as good.
pub(super) fn patience(timeout: Milliseconds) -> Duration {
    if timeout.get() == 0 {
        Milliseconds::literal(2_073_600_000).duration()
    } else {
        timeout.duration()
    }
}

fn timeouts(listener: &Listener, speaks_http: bool, section: &mut Section) {
    let silence = patience(listener.timeouts.client_data);
    section.add(Line::new("timeout client").word(silence));
    if speaks_http {
        // Without it a request's head could be sent byte by byte for ever.
        section.add(Line::new("timeout http-request").word(silence.min(REQUEST_HEAD)));
        section.add(Line::new("timeout http-keep-alive").word(silence));
        section.add(Line::new("timeout client-fin").word(silence.min(HALF_CLOSED)));
        // A process that ends tells idle clients with its next answer, rather than closing while a
        // request may be on its way.
        section.add(Line::new("option idle-close-on-response"));
    }
}

fn allowed(listener: &Listener, section: &mut Section) {
    if listener.allowed_cidrs.is_empty() {
        return;
    }
    for ranges in listener.allowed_cidrs.chunks(RANGES_PER_LINE) {
        let line = Line::new("acl allowed src --");
        section.add(ranges.iter().fold(line, |line, range| line.word(*range)));
    }
    section.add(Line::new("tcp-request connection reject if !allowed"));
}

fn hashes_ports(graph: &LoadBalancerGraph, listener: &Listener) -> bool {
    let pools = graph.pools_used_by(listener);
    let mut pools = pools.into_iter().filter_map(|pool| graph.pool(pool));
    pools.any(|pool| pool.algorithm == Algorithm::SourceIpPort)
}

fn bytes(
    graph: &LoadBalancerGraph,
    listener: &Listener,
    section: &mut Section,
) -> Result<(), Unsupported> {
    if graph.policies_of(listener.id).next().is_some() {
        let l7 = CAPABILITIES.l7_on(listener.protocol);
        l7.map_err(|why| refused("Listener", listener.id, why))?;
    }
    section.add(Line::new("option splice-auto"));
    let inspect = listener.timeouts.tcp_inspect;
    if inspect.get() > 0 {
        section.add(Line::new("tcp-request inspect-delay").word(inspect.duration()));
        section.add(Line::new("tcp-request content accept if { req.len gt 0 }"));
    }
    Ok(())
}

/// Sets what members shall believe, after taking away what the client says of it, in whatever
/// spelling: many servers read `X_Real_IP` as `X-Real-IP`, and some `X.Real.IP`.
fn insert_headers(listener: &Listener, section: &mut Section) -> Result<(), Unsupported> {
    if InsertHeader::ALL.iter().any(|header| header.needs_tls() && listener.inserts(*header)) {
        // A member that believes one of them may believe its neighbours as well.
        section.add(Line::new("http-request del-header ^x[^a-z0-9]ssl[^a-z0-9] -m reg"));
    }
    for header in InsertHeader::ALL {
        if !listener.inserts(*header) {
            continue;
        }
        let Some((name, copies, value)) = insertion(*header, listener) else {
            return Err(refused("Listener", listener.id, format!("{header} needs TLS")));
        };
        section.add(Line::new("http-request del-header").word(copies).words("-m reg"));
        section.add(Line::new("http-request set-header").word(name).word(value));
    }
    Ok(())
}

/// A header's name, what matches all its spellings (HAProxy keeps names in lower case), and its
/// value.
fn insertion(
    header: InsertHeader,
    listener: &Listener,
) -> Option<(&'static str, &'static str, LogFormat)> {
    let client = LogFormat::new().sample("src");
    let insertion = match header {
        InsertHeader::ForwardedFor => {
            ("X-Forwarded-For", "^x[^a-z0-9]forwarded[^a-z0-9]for$", client)
        }
        InsertHeader::ForwardedPort => {
            // The port that clients were told, even if the socket is on another.
            let port = LogFormat::new().number(listener.protocol_port.get());
            ("X-Forwarded-Port", "^x[^a-z0-9]forwarded[^a-z0-9]port$", port)
        }
        InsertHeader::ForwardedProto => {
            let scheme = LogFormat::new().sample("ssl_fc,iif(https,http)");
            ("X-Forwarded-Proto", "^x[^a-z0-9]forwarded[^a-z0-9]proto$", scheme)
        }
        InsertHeader::ForwardedIp => ("X-Forwarded-IP", "^x[^a-z0-9]forwarded[^a-z0-9]ip$", client),
        InsertHeader::ClientIp => ("X-Client-IP", "^x[^a-z0-9]client[^a-z0-9]ip$", client),
        InsertHeader::RealIp => ("X-Real-IP", "^x[^a-z0-9]real[^a-z0-9]ip$", client),
        InsertHeader::SslClientVerify
        | InsertHeader::SslClientHasCert
        | InsertHeader::SslClientDn
        | InsertHeader::SslClientCn
        | InsertHeader::SslIssuer
        | InsertHeader::SslClientSha1
        | InsertHeader::SslClientNotBefore
        | InsertHeader::SslClientNotAfter => {
            return tls::insertion(header).filter(|_| tls::ends(listener));
        }
    };
    Some(insertion)
}
