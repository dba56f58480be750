//! What is refused or taken away before anything else looks at a request, because HAProxy and a
//! member, or two members, could read it differently.
//!
//! HAProxy itself refuses much: several lengths, codings that do not end with `chunked`, a target
//! whose host is not that of the `Host` header, blanks before a colon, control bytes in the target.
//! Here is what its version 2.6 lets through.

use crate::writer::{Line, Section};

/// One thing that does not get through. Each can be left out, to measure what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardening {
    /// CONNECT would make a tunnel to the member.
    Connect,
    /// A request has one host, and it looks like one: no user, no path, no fragment, no blanks, no
    /// control bytes. Only HTTP/1.0 may have none. (In HTTP/2, HAProxy 2.6 takes what follows a
    /// slash in the authority for the path: its issue 2941.)
    Host,
    /// Of a target with a host in it, as proxies are asked, only the path goes to the member; the
    /// host is in the header, and HAProxy has compared them.
    Target,
    /// Bodies come in chunks or with a length, and the coding is spelt as everybody spells it. In
    /// HTTP/1.0 there are no chunks.
    Coding,
    /// A request of HTTP/2 that ends with its head has no length to come: HAProxy 2.6 would pass the
    /// length on, and the member would take the next request for the body.
    Body,
    /// Headers that some servers would take for those that frame the body: `Content_Length`.
    Spelling,
    /// No upgrade to HTTP/2: the member would speak a protocol that HAProxy passes on unread.
    H2c,
    /// What is said to the next hop ends here, lest the client has it take our headers away:
    /// `Connection: X-Forwarded-For`. What remains is the wish to upgrade, for a `WebSocket`.
    Hop,
}

impl Hardening {
    /// All of them, in the order in which they are written.
    pub const ALL: &'static [Self] = &[
        Self::Connect,
        Self::Host,
        Self::Target,
        Self::Coding,
        Self::Body,
        Self::Spelling,
        Self::H2c,
        Self::Hop,
    ];

    /// What is written for it.
    pub fn lines(self) -> Vec<Line> {
        match self {
            Self::Connect => vec![Line::new("http-request deny deny_status 405 if METH_CONNECT")],
            Self::Host => host(),
            Self::Target => target(),
            Self::Coding => coding(),
            Self::Body => body(),
            Self::Spelling => vec![
                Line::new("http-request del-header")
                    .word("^(transfer[^a-z0-9-]encoding|content[^a-z0-9-]length)$")
                    .words("-m reg"),
            ],
            Self::H2c => vec![
                Line::new("http-request del-header upgrade if { req.hdr(upgrade) -i -m beg h2c }"),
                Line::new("http-request del-header http2-settings"),
            ],
            Self::Hop => hop(),
        }
    }
}

/// Writes all but those that are left out.
pub(super) fn render(without: &[Hardening], section: &mut Section) {
    for rule in Hardening::ALL.iter().filter(|rule| !without.contains(rule)) {
        for line in rule.lines() {
            section.add(line);
        }
    }
}

fn host() -> Vec<Line> {
    // RFC 3986, 3.2.2 and 3.2.3; and the underscore, which is common in names of services.
    let form = r"^([a-zA-Z0-9._~!$&'()*+,;=%-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{0,5})?$";
    vec![
        Line::new("http-request deny deny_status 400 if !{ req.fhdr_cnt(host) 1 }")
            .words("!{ req.ver 1.0 }"),
        // What is seldom true comes first, here and below: the rest is not asked then.
        Line::new("http-request deny deny_status 400 if !{ req.fhdr(host) -m reg --")
            .word(form)
            .words("} { req.fhdr_cnt(host) gt 0 }"),
    ]
}

fn target() -> Vec<Line> {
    let form = "^https?://[^/@]+(/|$)";
    vec![
        Line::new("http-request deny deny_status 400 if !{ url -m beg / } !{ url * }")
            .words("!{ url -i -m reg --")
            .word(form)
            .words("}"),
        Line::new("http-request set-uri %[pathq] if !{ url -m beg / } !{ req.ver 2.0 }")
            .words("{ path -m found }"),
        Line::new("http-request set-uri / if !{ url -m beg / } !{ req.ver 2.0 } !{ url * }"),
    ]
}

fn coding() -> Vec<Line> {
    let coded = "http-request deny deny_status 400 if { req.fhdr_cnt(transfer-encoding) gt 0 }";
    vec![
        Line::new(coded).words("{ req.ver 1.0 }"),
        Line::new(coded).words("!{ req.fhdr(transfer-encoding) -m str chunked }"),
    ]
}

fn body() -> Vec<Line> {
    let announced = "if { req.ver 2.0 } { req.hdr_val(content-length) gt 0 }";
    vec![
        // What has ended is not waited for, nor is what has no length, as streams of gRPC.
        Line::new("http-request wait-for-body time 10s at-least 1").words(announced),
        Line::new("http-request deny deny_status 400").words(announced).words("{ req.body_len 0 }"),
    ]
}

fn hop() -> Vec<Line> {
    vec![
        Line::new("http-request del-header keep-alive"),
        Line::new("http-request del-header proxy-connection"),
        Line::new("http-request set-header connection upgrade if { req.hdr(upgrade) -m found }"),
        Line::new("http-request del-header connection if !{ req.hdr(upgrade) -m found }"),
    ]
}
