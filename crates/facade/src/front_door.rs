//! Where clients find the service: what every link that is shown to them begins with.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

/// The address under which clients reach the service, where an operator says it:
/// `https://lb.example.org`, perhaps with a path, without query, fragment or user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(Arc<str>);

/// An address that links cannot begin with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address that links can begin with: one such as https://lb.example.org")]
pub struct BadPublicUrl(String);

/// How it is known under which address a client asked.
#[derive(Clone, Debug)]
pub struct FrontDoor {
    /// What the operator says; then nothing else counts.
    pub public_url: Option<PublicUrl>,
    /// Whether `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed.
    pub proxy_headers: bool,
    /// Where it listens: for clients who do not say what they asked.
    pub bound: SocketAddr,
}

impl FrontDoor {
    /// What links begin with in the answer to a request with `headers`: scheme, host and perhaps a
    /// path, without a slash at the end.
    ///
    /// A header is repeated only if it is a host or a path and nothing besides.
    pub fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.to_string();
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded = |name: &str| {
            let value = text(name).filter(|_| self.proxy_headers);
            value.and_then(|value| value.split(',').next()).map(str::trim)
        };
        let host = forwarded("x-forwarded-host").or_else(|| text(header::HOST.as_str()));
        let host = host.filter(|it| is_host(it));
        let host = host.map_or_else(|| self.bound.to_string(), str::to_owned);
        let scheme = match forwarded("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        let prefix = forwarded("x-forwarded-prefix").unwrap_or_default().trim_end_matches('/');
        let prefix = if is_path(prefix) { prefix } else { "" };
        format!("{scheme}://{host}{prefix}")
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = BadPublicUrl;

    fn from_str(text: &str) -> Result<Self, BadPublicUrl> {
        let url = text.trim_end_matches('/');
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let fits = rest.is_some_and(|rest| {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            is_host(host) && is_path(path)
        });
        if fits { Ok(Self(url.into())) } else { Err(BadPublicUrl(text.to_owned())) }
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = BadPublicUrl;

    fn try_from(text: String) -> Result<Self, BadPublicUrl> {
        text.parse()
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.to_string()
    }
}

/// Whether it is a host, perhaps with a port, and nothing else: no user, no quotes, no markup.
fn is_host(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let is_whole = |it: &Authority| it.as_str() == it.host() || it.port_u16().is_some();
    let authority = text.bytes().all(known).then(|| text.parse::<Authority>().ok()).flatten();
    authority.is_some_and(|it| !it.host().is_empty() && is_whole(&it))
}

/// Whether it is nothing, or a path that begins with a slash.
fn is_path(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~".contains(&byte);
    text.bytes().all(known) && (text.is_empty() || text.starts_with('/')) && !text.starts_with("//")
}

/// What links begin with in the answer to one request, for the handlers here.
#[derive(Clone, Debug)]
pub(crate) struct Base(pub(crate) String);

impl<S> FromRequestParts<S> for Base
where
    FrontDoor: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(FrontDoor::from_ref(state).base(&parts.headers)))
    }
}

/// A front door of `http://localhost`, whatever is asked.
#[cfg(test)]
pub(crate) fn localhost() -> FrontDoor {
    let bound = SocketAddr::from(([0, 0, 0, 0], 9876));
    FrontDoor { public_url: "http://localhost".parse().ok(), proxy_headers: false, bound }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(door: &FrontDoor, headers: &[(&'static str, &str)]) -> String {
        let header = |(name, value): &(&'static str, &str)| {
            (header::HeaderName::from_static(name), value.parse().unwrap())
        };
        door.base(&headers.iter().map(header).collect())
    }

    fn door() -> FrontDoor {
        let bound = SocketAddr::from(([192, 0, 2, 1], 9876));
        FrontDoor { public_url: None, proxy_headers: false, bound }
    }

    #[test]
    fn links_begin_as_the_client_asked() {
        for host in ["lb.example.org", "lb:80", "192.0.2.7:9876", "[2001:db8::1]:9876"] {
            assert_eq!(base(&door(), &[("host", host)]), format!("http://{host}"));
        }
    }

    #[test]
    fn what_is_no_host_is_not_repeated() {
        for hostile in
            ["", "evil/<x>", "a\"b", "user@evil", "evil:port", "[evil", ":80", "a b", "a,b", "a#b"]
        {
            assert_eq!(base(&door(), &[("host", hostile)]), "http://192.0.2.1:9876", "{hostile}");
        }
    }

    #[test]
    fn forwarded_headers_count_only_where_they_are_believed() {
        let mut door = door();
        let headers = [
            ("host", "inner"),
            ("x-forwarded-host", "outer, inner"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/lb/"),
        ];
        assert_eq!(base(&door, &headers), "http://inner");
        door.proxy_headers = true;
        assert_eq!(base(&door, &headers), "https://outer/lb");
        for hostile in ["//evil", "evil", "/a\"b", "/a?b"] {
            let headers = [("host", "inner"), ("x-forwarded-prefix", hostile)];
            assert_eq!(base(&door, &headers), "http://inner", "{hostile}");
        }
    }

    #[test]
    fn what_the_operator_says_wins() {
        let public_url = Some("https://lb.example.org/x/".parse().unwrap());
        let door = FrontDoor { public_url, proxy_headers: true, ..door() };
        let headers = [("host", "inner"), ("x-forwarded-host", "outer")];
        assert_eq!(base(&door, &headers), "https://lb.example.org/x");
    }

    #[test]
    fn an_address_is_judged_when_it_is_said() {
        for bad in
            ["", "lb.example.org", "ftp://x", "http://", "http://u@x", "http://x/?y", "http://x//y"]
        {
            let refused = bad.parse::<PublicUrl>().unwrap_err();
            assert!(refused.to_string().contains("https://lb.example.org"), "{bad}");
        }
    }
}
