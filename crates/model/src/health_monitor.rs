//! Health monitors: how a pool finds out which of its members may receive traffic.

use serde::{Deserialize, Serialize};

use crate::number::{Seconds, Threshold};
use crate::protocol::words;
use crate::text::{DomainName, Label, Malformed, Tags, UrlPath};
use crate::{HealthMonitorId, PoolId};

/// The one health monitor of a pool.
///
/// A pool without a health monitor trusts all its members: their operating status stays
/// `NO_MONITOR` and they keep receiving traffic even when nothing answers behind them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthMonitor {
    /// Its own id, not the pool's.
    pub id: HealthMonitorId,
    /// Whose members it probes.
    pub pool: PoolId,
    /// For people.
    pub name: Label,
    /// Disabled, nobody is probed.
    pub admin_state_up: bool,
    /// What a probe does.
    pub probe: Probe,
    /// From the start of one probe of a member to the start of its next.
    pub delay: Seconds,
    /// How long one probe may take before it counts as failed. The API lets it exceed `delay`.
    pub timeout: Seconds,
    /// Probes in a row that must succeed before a member turns `ONLINE`.
    pub rise: Threshold,
    /// Probes in a row that must fail before a member turns `ERROR`.
    pub fall: Threshold,
    /// For people and their tools.
    pub tags: Tags,
}

/// What one probe does, and what counts as success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Probe {
    /// The response's status is one of those expected.
    #[serde(rename = "HTTP")]
    Http(HttpProbe),
    /// The same over TLS; the member's certificate is not verified.
    #[serde(rename = "HTTPS")]
    Https(HttpProbe),
    /// The member answers an ICMP echo request.
    #[serde(rename = "PING")]
    Ping,
    /// The TCP handshake completes.
    #[serde(rename = "TCP")]
    Tcp,
    /// The member answers a TLS `ClientHello`; its certificate is not verified.
    #[serde(rename = "TLS-HELLO")]
    TlsHello,
    /// No ICMP error comes back for a datagram.
    #[serde(rename = "UDP-CONNECT")]
    UdpConnect,
    /// The member answers an SCTP INIT.
    #[serde(rename = "SCTP")]
    Sctp,
}

/// A request that a probe makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProbe {
    /// With which method.
    pub method: HttpMethod,
    /// For which path.
    pub path: UrlPath,
    /// Which statuses are good.
    pub expected: StatusCodes,
    /// In which version; `None` leaves it to the driver.
    pub version: Option<HttpVersion>,
    /// For which host; needs HTTP/1.1.
    pub domain_name: Option<DomainName>,
}

words! {
    /// The word for a kind of probe.
    ProbeKind {
        /// A request.
        Http = "HTTP",
        /// A request over TLS.
        Https = "HTTPS",
        /// An ICMP echo.
        Ping = "PING",
        /// A TCP handshake.
        Tcp = "TCP",
        /// The start of a TLS handshake.
        TlsHello = "TLS-HELLO",
        /// A datagram.
        UdpConnect = "UDP-CONNECT",
        /// An SCTP INIT.
        Sctp = "SCTP",
    }

    /// The method of a probe's request.
    HttpMethod {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// DELETE.
        Delete = "DELETE",
        /// TRACE.
        Trace = "TRACE",
        /// OPTIONS.
        Options = "OPTIONS",
        /// CONNECT.
        Connect = "CONNECT",
        /// PATCH.
        Patch = "PATCH",
    }

    /// The version of a probe's request.
    HttpVersion {
        /// 1.0.
        V1_0 = "1.0",
        /// 1.1.
        V1_1 = "1.1",
    }
}

impl Probe {
    /// The word for it.
    pub const fn kind(&self) -> ProbeKind {
        match self {
            Self::Http(_) => ProbeKind::Http,
            Self::Https(_) => ProbeKind::Https,
            Self::Ping => ProbeKind::Ping,
            Self::Tcp => ProbeKind::Tcp,
            Self::TlsHello => ProbeKind::TlsHello,
            Self::UdpConnect => ProbeKind::UdpConnect,
            Self::Sctp => ProbeKind::Sctp,
        }
    }

    /// The request it makes, if it makes one.
    pub const fn http(&self) -> Option<&HttpProbe> {
        match self {
            Self::Http(http) | Self::Https(http) => Some(http),
            Self::Ping | Self::Tcp | Self::TlsHello | Self::UdpConnect | Self::Sctp => None,
        }
    }
}

/// The statuses that a probe accepts: `200`, `200,202,301` or `200-204` (contract 2.5).
///
/// Keeps the spelling, since the API echoes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatusCodes {
    spelling: String,
    ranges: Vec<(u16, u16)>,
}

impl StatusCodes {
    /// Only 200.
    pub fn ok() -> Self {
        Self { spelling: "200".to_owned(), ranges: vec![(200, 200)] }
    }

    /// The text as it was typed.
    pub fn spelling(&self) -> &str {
        &self.spelling
    }

    /// First and last status of each range, in the order given; a single status is both.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.ranges
    }
}

impl TryFrom<String> for StatusCodes {
    type Error = Malformed;

    fn try_from(spelling: String) -> Result<Self, Malformed> {
        let refused = Malformed("status codes are written 200, 200,202 or 200-204");
        let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b',' | b'-');
        if spelling.len() > 64 || !spelling.bytes().all(known) {
            return Err(refused);
        }
        let code = |text: &str| match text.as_bytes() {
            [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse::<u16>().ok(),
            _ => None,
        };
        let ranges = if let Some((first, last)) = spelling.split_once('-') {
            code(first).zip(code(last)).filter(|(first, last)| first <= last).map(|pair| vec![pair])
        } else {
            spelling.split(',').map(|part| code(part.trim()).map(|one| (one, one))).collect()
        };
        match ranges {
            Some(ranges) => Ok(Self { spelling, ranges }),
            None => Err(refused),
        }
    }
}

impl From<StatusCodes> for String {
    fn from(codes: StatusCodes) -> String {
        codes.spelling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Option<Vec<(u16, u16)>> {
        StatusCodes::try_from(text.to_owned()).ok().map(|codes| codes.ranges().to_vec())
    }

    #[test]
    fn status_codes_are_a_list_or_a_range() {
        assert_eq!(codes("200"), Some(vec![(200, 200)]));
        assert_eq!(codes("200, 201 ,202"), Some(vec![(200, 200), (201, 201), (202, 202)]));
        assert_eq!(codes("200-204"), Some(vec![(200, 204)]));
        for text in ["", "20", "2000", "200-", "204-200", "200-204,301", "2xx", "200\n", "+20"] {
            assert_eq!(codes(text), None, "{text:?}");
        }
    }
}
