//! Where a request came from, in the words of the client: what links are made of.

use axum::body::Body;
use axum::http::Request;

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
        let mut base = config.front_door().base(request.headers());
        if rest.is_some() && config.public_url.is_none() {
            base = format!("{base}/{}", prefix.join("/"));
        }
        let path = rest.unwrap_or(&path).join("/");
        Self { base, path: format!("/{path}") }
    }

    /// The address of the collection that was asked for, to which a query can be added.
    pub(crate) fn collection(&self) -> String {
        format!("{}{}", self.base, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(config: &Config, path: &str, host: &str) -> Origin {
        let request = Request::get(path).header("host", host);
        Origin::of(config, &request.body(Body::empty()).unwrap())
    }

    #[test]
    fn links_are_what_the_client_asked_for() {
        let config = Config::default();
        let plain = origin(&config, "/v2.0/lbaas/pools.json", "localhost");
        assert_eq!(plain.collection(), "http://localhost/v2.0/lbaas/pools.json");
        let prefixed = origin(&config, "/load-balancer/v2/pools", "lb:80");
        assert_eq!(prefixed.base, "http://lb:80/load-balancer");
        assert_eq!(prefixed.collection(), "http://lb:80/load-balancer/v2/pools");
    }

    #[test]
    fn the_public_address_has_the_prefix_that_it_has() {
        let public_url = "https://lb.example.org/x/".parse().ok();
        let config = Config { public_url, ..Config::default() };
        for path in ["/v2/pools", "/load-balancer/v2/pools"] {
            let origin = origin(&config, path, "inner");
            assert_eq!(origin.collection(), "https://lb.example.org/x/v2/pools");
        }
    }
}
