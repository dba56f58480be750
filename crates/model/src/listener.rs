//! Listeners: what a VIP answers, protocol by protocol and port by port.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::number::{ConnectionLimit, Milliseconds, PortNumber};
use crate::protocol::{ListenerProtocol, words};
use crate::text::{Label, Tags};
use crate::tls::ListenerTls;
use crate::{ListenerId, LoadBalancerId, PoolId};

/// One protocol and port of a load balancer's VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Names its frontend.
    pub id: ListenerId,
    /// Whose VIP it listens on.
    pub load_balancer: LoadBalancerId,
    /// For people.
    pub name: Label,
    /// For people.
    pub description: Label,
    /// Disabled, its port is closed.
    pub admin_state_up: bool,
    /// What clients speak.
    pub protocol: ListenerProtocol,
    /// Where.
    pub protocol_port: PortNumber,
    /// How many connections at once; `None` where a client wrote null, which means unlimited.
    pub connection_limit: Option<ConnectionLimit>,
    /// Who gets what no L7 policy takes; without, HTTP clients are told 503.
    pub default_pool: Option<PoolId>,
    /// Headers that members get; keys are known, values are echoed as they were given.
    pub insert_headers: BTreeMap<InsertHeader, String>,
    /// How long the parties may be silent.
    pub timeouts: Timeouts,
    /// TLS towards clients.
    pub tls: ListenerTls,
    /// Who may connect; anybody if empty.
    pub allowed_cidrs: Vec<IpNet>,
    /// For people and their tools.
    pub tags: Tags,
}

/// The four timeouts of a listener (contract 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Silence of a client.
    pub client_data: Milliseconds,
    /// Until a member takes a connection.
    pub member_connect: Milliseconds,
    /// Silence of a member.
    pub member_data: Milliseconds,
    /// Waiting for more bytes of a TCP connection before rules are asked; 0 does not wait.
    pub tcp_inspect: Milliseconds,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            client_data: Milliseconds::literal(50_000),
            member_connect: Milliseconds::literal(5_000),
            member_data: Milliseconds::literal(50_000),
            tcp_inspect: Milliseconds::literal(0),
        }
    }
}

words! {
    /// A header that a listener can set for its members (contract 3.8).
    InsertHeader {
        /// The client's address.
        ForwardedFor = "X-Forwarded-For",
        /// The listener's port.
        ForwardedPort = "X-Forwarded-Port",
        /// `http` or `https`.
        ForwardedProto = "X-Forwarded-Proto",
        /// The client's address.
        ForwardedIp = "X-Forwarded-IP",
        /// The client's address.
        ClientIp = "X-Client-IP",
        /// The client's address.
        RealIp = "X-Real-IP",
        /// Whether the client's certificate was verified.
        SslClientVerify = "X-SSL-Client-Verify",
        /// Whether the client showed a certificate.
        SslClientHasCert = "X-SSL-Client-Has-Cert",
        /// The certificate's distinguished name.
        SslClientDn = "X-SSL-Client-DN",
        /// The certificate's common name.
        SslClientCn = "X-SSL-Client-CN",
        /// Who signed it.
        SslIssuer = "X-SSL-Issuer",
        /// Its fingerprint.
        SslClientSha1 = "X-SSL-Client-SHA1",
        /// From when it is valid.
        SslClientNotBefore = "X-SSL-Client-Not-Before",
        /// Until when.
        SslClientNotAfter = "X-SSL-Client-Not-After",
    }
}

impl InsertHeader {
    /// Whether the header says something about a client's certificate.
    pub const fn needs_tls(self) -> bool {
        match self {
            Self::ForwardedFor
            | Self::ForwardedPort
            | Self::ForwardedProto
            | Self::ForwardedIp
            | Self::ClientIp
            | Self::RealIp => false,
            Self::SslClientVerify
            | Self::SslClientHasCert
            | Self::SslClientDn
            | Self::SslClientCn
            | Self::SslIssuer
            | Self::SslClientSha1
            | Self::SslClientNotBefore
            | Self::SslClientNotAfter => true,
        }
    }
}

impl Listener {
    /// Whether the header is switched on: its value is `true` in any case (contract 3.8).
    pub fn inserts(&self, header: InsertHeader) -> bool {
        self.insert_headers.get(&header).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// How many connections at once; `None` is unlimited.
    pub fn connections_at_most(&self) -> Option<u32> {
        match self.connection_limit {
            None | Some(ConnectionLimit::Unlimited) => None,
            Some(ConnectionLimit::AtMost(count)) => Some(count),
        }
    }
}
