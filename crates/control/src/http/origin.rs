//! Where a request came from, in the words of the client: what links are made of.

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};

use crate::config::Config;

/// The client's own view of the address it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Scheme, host and prefix, without a slash at the end.
    pub(crate) base: String,
    /// The path as it was asked for, without the prefix.
    path: String,
}

impl Origin {
    pub(crate) fn of(config: &Config, request: &Request<Body>) -> Self {
        let segments = |text: &str| -> Vec<String> {
            text.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect()
        };
        let (prefix, path) = (segments(&config.prefix), segments(request.uri().path()));
        let rest = path.strip_prefix(prefix.as_slice()).filter(|_| !prefix.is_empty());
        let typed = if rest.is_some() { format!("/{}", prefix.join("/")) } else { String::new() };
        let base = match &config.base_uri {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => format!("{}{typed}", address(config, request.headers())),
        };
        let path = rest.unwrap_or(&path).join("/");
        Self { base, path: format!("/{path}") }
    }

    /// The address of the collection that was asked for, to which a query can be added.
    pub(crate) fn collection(&self) -> String {
        format!("{}{}", self.base, self.path)
    }
}

fn address(config: &Config, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = |name: &str| {
        let value = text(name).filter(|_| config.proxy_headers);
        value.and_then(|value| value.split(',').next()).map(str::trim)
    };
    let host = forwarded("x-forwarded-host").or_else(|| text(header::HOST.as_str()));
    let host =
        host.filter(|host| is_host(host)).map_or_else(|| config.bind.to_string(), str::to_owned);
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let prefix = forwarded("x-forwarded-prefix").unwrap_or_default().trim_end_matches('/');
    format!("{scheme}://{host}{prefix}")
}

/// Whether a header names a host and nothing else.
fn is_host(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(config: &Config, path: &str, headers: &[(&str, &str)]) -> Origin {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Origin::of(config, &request.body(Body::empty()).unwrap())
    }

    #[test]
    fn links_are_what_the_client_asked_for() {
        let config = Config::default();
        let plain = origin(&config, "/v2.0/lbaas/pools.json", &[("host", "localhost")]);
        assert_eq!(plain.collection(), "http://localhost/v2.0/lbaas/pools.json");
        let prefixed = origin(&config, "/load-balancer/v2/pools", &[("host", "lb:80")]);
        assert_eq!(prefixed.base, "http://lb:80/load-balancer");
        assert_eq!(prefixed.collection(), "http://lb:80/load-balancer/v2/pools");
    }

    #[test]
    fn what_is_no_host_is_not_repeated() {
        let config = Config::default();
        let hostile = origin(&config, "/v2/pools", &[("host", "evil/\"<x>")]);
        assert_eq!(hostile.base, "http://127.0.0.1:9876");
    }

    #[test]
    fn forwarded_headers_count_only_where_they_are_believed() {
        let mut config = Config::default();
        let headers =
            [("host", "inner"), ("x-forwarded-host", "outer"), ("x-forwarded-proto", "https")];
        assert_eq!(origin(&config, "/v2/pools", &headers).base, "http://inner");
        config.proxy_headers = true;
        assert_eq!(origin(&config, "/v2/pools", &headers).base, "https://outer");
        config.base_uri = Some("https://lb.example.org/x/".to_owned());
        assert_eq!(origin(&config, "/v2/pools", &headers).base, "https://lb.example.org/x");
    }
}
