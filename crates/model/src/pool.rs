//! Pools: members that share a balancing algorithm, and how a client stays with one of them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::protocol::{PoolProtocol, words};
use crate::text::{CookieName, Label, Tags};
use crate::tls::PoolTls;
use crate::{LoadBalancerId, PoolId};

/// Members that share a balancing algorithm and a health monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Names its backend.
    pub id: PoolId,
    /// A pool may serve many listeners, but only of this load balancer.
    pub load_balancer: LoadBalancerId,
    /// For people.
    pub name: Label,
    /// For people.
    pub description: Label,
    /// Disabled, its clients are told 503, or are reset.
    pub admin_state_up: bool,
    /// What members speak.
    pub protocol: PoolProtocol,
    /// How a member is chosen.
    pub algorithm: Algorithm,
    /// How a client stays with its member.
    pub persistence: Option<Persistence>,
    /// TLS towards the members.
    pub tls: PoolTls,
    /// For people and their tools.
    pub tags: Tags,
}

words! {
    /// How a member is chosen for a connection or request.
    Algorithm {
        /// In turn, by weight.
        RoundRobin = "ROUND_ROBIN",
        /// The one with the fewest connections for its weight.
        LeastConnections = "LEAST_CONNECTIONS",
        /// By a hash of the client's address.
        SourceIp = "SOURCE_IP",
        /// By a hash of the client's address and port.
        SourceIpPort = "SOURCE_IP_PORT",
    }
}

/// How a client stays with its member (contract 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Persistence {
    /// By the client's address.
    #[serde(rename = "SOURCE_IP")]
    SourceIp {
        /// Seconds without traffic after which the tie is cut; UDP and SCTP pools only.
        timeout: Option<u32>,
        /// Netmask or prefix that makes neighbours one client; UDP and SCTP pools only.
        granularity: Option<IpAddr>,
    },
    /// By a cookie that the load balancer sets.
    #[serde(rename = "HTTP_COOKIE")]
    HttpCookie,
    /// By a cookie that the members set.
    #[serde(rename = "APP_COOKIE")]
    AppCookie {
        /// Which one.
        name: CookieName,
    },
}

words! {
    /// The word for a kind of persistence.
    PersistenceKind {
        /// By the client's address.
        SourceIp = "SOURCE_IP",
        /// By a cookie of ours.
        HttpCookie = "HTTP_COOKIE",
        /// By a cookie of the members.
        AppCookie = "APP_COOKIE",
    }
}

impl Persistence {
    /// The word for it.
    pub const fn kind(&self) -> PersistenceKind {
        match self {
            Self::SourceIp { .. } => PersistenceKind::SourceIp,
            Self::HttpCookie => PersistenceKind::HttpCookie,
            Self::AppCookie { .. } => PersistenceKind::AppCookie,
        }
    }
}
