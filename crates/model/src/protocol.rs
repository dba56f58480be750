//! Protocols, and which listener may feed which pool.

use crate::Violation;

/// Declares an enum whose variants have one spelling each in the API.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident {
        $($(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal,)+
    })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order in which messages list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling in the API and in the store.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The value with this spelling.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    )+};
}
pub(crate) use words;

words! {
    /// What a listener speaks to its clients.
    ListenerProtocol {
        /// Bytes.
        Tcp = "TCP",
        /// Requests in clear.
        Http = "HTTP",
        /// TLS that is passed through unopened.
        Https = "HTTPS",
        /// TLS that ends here; requests inside.
        TerminatedHttps = "TERMINATED_HTTPS",
        /// Datagrams.
        Udp = "UDP",
        /// SCTP associations.
        Sctp = "SCTP",
        /// Metrics of the load balancer itself.
        Prometheus = "PROMETHEUS",
    }

    /// What a pool speaks to its members.
    PoolProtocol {
        /// Bytes.
        Tcp = "TCP",
        /// Requests.
        Http = "HTTP",
        /// TLS that is passed through unopened.
        Https = "HTTPS",
        /// Bytes after a PROXY protocol header, version 1.
        Proxy = "PROXY",
        /// Bytes after a PROXY protocol header, version 2.
        ProxyV2 = "PROXYV2",
        /// Datagrams.
        Udp = "UDP",
        /// SCTP associations.
        Sctp = "SCTP",
    }

    /// What carries a protocol. Two listeners of one transport cannot share a port.
    Transport {
        /// TCP.
        Tcp = "TCP",
        /// UDP.
        Udp = "UDP",
        /// SCTP.
        Sctp = "SCTP",
    }
}

impl ListenerProtocol {
    /// What carries it (contract 3.4).
    pub const fn transport(self) -> Transport {
        match self {
            Self::Tcp | Self::Http | Self::Https | Self::TerminatedHttps | Self::Prometheus => {
                Transport::Tcp
            }
            Self::Udp => Transport::Udp,
            Self::Sctp => Transport::Sctp,
        }
    }

    /// Whether the load balancer sees requests rather than bytes.
    pub const fn is_http(self) -> bool {
        match self {
            Self::Http | Self::TerminatedHttps => true,
            Self::Tcp | Self::Https | Self::Udp | Self::Sctp | Self::Prometheus => false,
        }
    }

    /// Whether a listener of this protocol may send traffic to a pool of that one (contract 3.4).
    ///
    /// # Errors
    ///
    /// The contract's text for the pair, or for a listener that takes no pool at all.
    pub fn may_feed(self, pool: PoolProtocol) -> Result<(), Violation> {
        use PoolProtocol as Pool;
        let fits = match self {
            Self::Tcp => {
                matches!(pool, Pool::Tcp | Pool::Http | Pool::Https | Pool::Proxy | Pool::ProxyV2)
            }
            Self::Http | Self::TerminatedHttps => {
                matches!(pool, Pool::Http | Pool::Proxy | Pool::ProxyV2)
            }
            Self::Https => matches!(pool, Pool::Https | Pool::Tcp | Pool::Proxy | Pool::ProxyV2),
            Self::Udp => matches!(pool, Pool::Udp),
            Self::Sctp => matches!(pool, Pool::Sctp),
            Self::Prometheus => return Err(Violation::PrometheusChildren),
        };
        if fits {
            Ok(())
        } else {
            Err(Violation::Rule(format!(
                "The pool protocol '{pool}' is invalid while the listener protocol is '{self}'."
            )))
        }
    }
}

impl PoolProtocol {
    /// Whether members are spoken to in datagrams or SCTP rather than over TCP.
    pub const fn is_udp_or_sctp(self) -> bool {
        match self {
            Self::Udp | Self::Sctp => true,
            Self::Tcp | Self::Http | Self::Https | Self::Proxy | Self::ProxyV2 => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_is_that_of_the_contract() {
        let pools = |listener: ListenerProtocol| -> Vec<&str> {
            PoolProtocol::ALL
                .iter()
                .filter(|pool| listener.may_feed(**pool).is_ok())
                .map(|pool| pool.word())
                .collect()
        };
        assert_eq!(pools(ListenerProtocol::Tcp), ["TCP", "HTTP", "HTTPS", "PROXY", "PROXYV2"]);
        assert_eq!(pools(ListenerProtocol::Http), ["HTTP", "PROXY", "PROXYV2"]);
        assert_eq!(pools(ListenerProtocol::Https), ["TCP", "HTTPS", "PROXY", "PROXYV2"]);
        assert_eq!(pools(ListenerProtocol::TerminatedHttps), ["HTTP", "PROXY", "PROXYV2"]);
        assert_eq!(pools(ListenerProtocol::Udp), ["UDP"]);
        assert_eq!(pools(ListenerProtocol::Sctp), ["SCTP"]);
        assert_eq!(pools(ListenerProtocol::Prometheus), [""; 0]);
    }

    #[test]
    fn words_come_back_as_they_went() {
        for protocol in ListenerProtocol::ALL {
            assert_eq!(ListenerProtocol::from_word(protocol.word()), Some(*protocol));
        }
        assert_eq!(ListenerProtocol::from_word("http"), None);
    }
}
