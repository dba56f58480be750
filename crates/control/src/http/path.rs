//! What a path means: prefixes, aliases, slashes and suffixes of contract 1.1, in one place.

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `/`: which versions there are.
    Discovery,
    /// `/healthcheck`.
    HealthCheck,
    /// `/v2` and its aliases, with nothing behind.
    Root,
    /// A resource, in its canonical spelling: `/v2/lbaas/…`, `/v2/octavia/…`, `/v2/evenkeel/…`.
    Resource(String),
    /// No path of this service.
    Nowhere,
}

impl Place {
    /// Whether no token is asked for there (contract 1.6).
    pub(crate) const fn is_open(&self) -> bool {
        match self {
            Self::Discovery | Self::HealthCheck => true,
            Self::Root | Self::Resource(_) | Self::Nowhere => false,
        }
    }
}

/// Reads a path. `prefix` is what a web server in front may have left in it.
///
/// Doubled and trailing slashes, `.json` at the end, and `/v2.0`, with and without `/lbaas`, make
/// no difference; the case of letters does.
pub(crate) fn read(prefix: &str, path: &str) -> Place {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if let Some(last) = segments.last_mut() {
        *last = last.strip_suffix(".json").filter(|rest| !rest.is_empty()).unwrap_or(last);
    }
    let prefix: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
    let segments = segments.strip_prefix(prefix.as_slice()).unwrap_or(&segments);
    match segments {
        [] => Place::Discovery,
        ["healthcheck"] => Place::HealthCheck,
        ["v2" | "v2.0", rest @ ..] => resource(rest),
        _ => Place::Nowhere,
    }
}

fn resource(segments: &[&str]) -> Place {
    match segments {
        [] | ["lbaas" | "octavia"] => Place::Root,
        ["lbaas" | "octavia" | "evenkeel", ..] => {
            Place::Resource(format!("/v2/{}", segments.join("/")))
        }
        // Amphorae have one place only.
        ["amphorae", ..] => Place::Nowhere,
        _ => Place::Resource(format!("/v2/lbaas/{}", segments.join("/"))),
    }
}

/// Whether a path stands for text: no bytes that are none, and no NUL, which no database keeps.
pub(crate) fn is_text(path: &str) -> bool {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let mut byte = *first;
        if let (b'%', [high, low, after @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = high << 4 | low;
            rest = after;
        }
        decoded.push(byte);
    }
    !decoded.contains(&0) && std::str::from_utf8(&decoded).is_ok()
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> Place {
        Place::Resource(path.to_owned())
    }

    #[test]
    fn every_alias_is_one_place() {
        for path in [
            "/v2/lbaas/pools",
            "/v2.0/lbaas/pools",
            "/v2/pools",
            "/v2.0/pools",
            "/v2.0/pools/",
            "/v2/lbaas/pools.json",
            "//v2//lbaas///pools//",
            "/load-balancer/v2/lbaas/pools",
            "/load-balancer/v2.0/pools",
        ] {
            assert_eq!(read("/load-balancer", path), resource("/v2/lbaas/pools"), "{path}");
        }
    }

    #[test]
    fn roots_and_open_paths_are_known() {
        for path in ["/v2", "/v2/", "/v2.0", "/v2/lbaas", "/v2.0/lbaas/", "/v2/octavia"] {
            assert_eq!(read("/load-balancer", path), Place::Root, "{path}");
        }
        for path in ["/", "", "//", "/load-balancer", "/load-balancer/"] {
            assert_eq!(read("/load-balancer", path), Place::Discovery, "{path}");
        }
        assert_eq!(read("/load-balancer", "/load-balancer/healthcheck/"), Place::HealthCheck);
    }

    #[test]
    fn case_matters_and_amphorae_have_one_place() {
        assert_eq!(read("", "/V2/pools"), Place::Nowhere);
        assert_eq!(read("", "/v3"), Place::Nowhere);
        assert_eq!(read("", "/v2/amphorae"), Place::Nowhere);
        assert_eq!(read("", "/v2.0/octavia/amphorae/x"), resource("/v2/octavia/amphorae/x"));
        assert_eq!(read("", "/load-balancer/v2"), Place::Nowhere);
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        assert!(is_text("/v2/a%20b/%C3%BC/100%/%zz"));
        for path in ["/%ff", "/%C3", "/a%00b"] {
            assert!(!is_text(path), "{path}");
        }
    }
}
