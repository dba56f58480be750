//! A small client of the service: what the commands of `evenkeel` say, they say through it.
//!
//! It blocks, one request at a time, and each within [`PATIENCE`].

mod credentials;

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use credentials::Credentials;

/// How long one request may take, its answer included.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How much of an answer is read, in bytes.
const MOST: u64 = 64 * 1024 * 1024;

/// How long an error's text may be that is no fault of ours, in characters.
const FOREIGN: usize = 300;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered.
    #[error("cannot reach {url}; is the service there, and the address right?")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The service said no, in its own words.
    #[error("{message} ({status})")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The token, or the password, is not good.
    #[error("{url} does not know who asks; give a token that is valid, or a name and a password")]
    Unknown {
        /// What was asked.
        url: String,
    },
    /// What answers is not the service that was meant.
    #[error("{url} answers what no such service says; is the address right?")]
    Strange {
        /// What was asked.
        url: String,
    },
    /// Nothing has that name or id.
    #[error("there is no {what} {named}; to see those that there are: evenkeel {command} list")]
    NotFound {
        /// `network`, `subnet`, …
        what: &'static str,
        /// As it was typed.
        named: String,
        /// What shows them.
        command: &'static str,
    },
    /// Several have that name.
    #[error("{count} of them are named {named}; use the id of the {what} instead")]
    Ambiguous {
        /// `network`, `subnet`, …
        what: &'static str,
        /// As it was typed.
        named: String,
        /// How many.
        count: usize,
    },
}

/// A kind of things that the service keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What people call one.
    pub what: &'static str,
    /// The command that is about them.
    pub command: &'static str,
    /// Where they are.
    pub path: &'static str,
    /// The key around one.
    pub root: &'static str,
    /// The key around many.
    pub collection: &'static str,
    /// What people name one by, besides its id.
    pub name: &'static str,
}

/// Networks of our own.
pub const NETWORK: Kind = Kind {
    what: "network",
    command: "network",
    path: "/v2/evenkeel/networks",
    root: "network",
    collection: "networks",
    name: "name",
};

/// Their subnets.
pub const SUBNET: Kind = Kind {
    what: "subnet",
    command: "subnet",
    path: "/v2/evenkeel/subnets",
    root: "subnet",
    collection: "subnets",
    name: "name",
};

/// Floating addresses.
pub const FLOATING_ADDRESS: Kind = Kind {
    what: "floating address",
    command: "floating-address",
    path: "/v2/evenkeel/floating-addresses",
    root: "floating_address",
    collection: "floating_addresses",
    name: "address",
};

/// Somebody who speaks to the service.
#[derive(Clone, Debug)]
pub struct Client {
    /// What every path is put behind, without a slash at the end.
    base: String,
    token: Option<String>,
    agent: ureq::Agent,
}

impl Client {
    /// A client of the service at `base`, such as `http://127.0.0.1:9876`. Without a token it is
    /// nobody, which is enough where the service asks nobody.
    pub fn new(base: &str, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // What the service says is in the body, whatever the status.
            .http_status_as_error(false)
            .build();
        let agent = config.new_agent();
        Self { base: base.trim_end_matches('/').to_owned(), token, agent }
    }

    /// All of a kind, page after page.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn list(&self, kind: Kind) -> Result<Vec<Value>, ClientError> {
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let query = marker.map(|id| format!("?marker={id}")).unwrap_or_default();
            let path = format!("{}{query}", kind.path);
            let mut page = self.call("GET", &path, None)?;
            let found = page[kind.collection].take();
            let Value::Array(found) = found else {
                return Err(ClientError::Strange { url: self.url(&path) });
            };
            let links = page[format!("{}_links", kind.collection)].take();
            let has_next =
                links.as_array().is_some_and(|it| it.iter().any(|it| it["rel"] == "next"));
            marker = found.last().and_then(|it| it["id"].as_str()).map(str::to_owned);
            all.extend(found);
            if !has_next || marker.is_none() {
                return Ok(all);
            }
        }
    }

    /// The one of a kind with this id or name.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`], [`ClientError::Ambiguous`], and others.
    pub fn find(&self, kind: Kind, named: &str) -> Result<Value, ClientError> {
        let mut all = self.list(kind)?;
        if Uuid::try_parse(named).is_ok()
            && let Some(at) = all.iter().position(|it| it["id"] == named)
        {
            return Ok(all.swap_remove(at));
        }
        all.retain(|it| it[kind.name] == named);
        let (what, command, count) = (kind.what, kind.command, all.len());
        let named = named.to_owned();
        match (all.pop(), count) {
            (Some(found), 1) => Ok(found),
            (Some(_), _) => Err(ClientError::Ambiguous { what, named, count }),
            (None, _) => Err(ClientError::NotFound { what, named, command }),
        }
    }

    /// The id of the one with this id or name.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub fn id(&self, kind: Kind, named: &str) -> Result<String, ClientError> {
        let found = self.find(kind, named)?;
        let id = found["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| ClientError::Strange { url: self.url(kind.path) })
    }

    /// Makes one; how it is then.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn create(&self, kind: Kind, body: &Map<String, Value>) -> Result<Value, ClientError> {
        let mut made = self.call("POST", kind.path, Some(&json!({kind.root: body})))?;
        Ok(made[kind.root].take())
    }

    /// Changes one; how it is then.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn update(
        &self,
        kind: Kind,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<Value, ClientError> {
        let path = format!("{}/{id}", kind.path);
        let mut changed = self.call("PUT", &path, Some(&json!({kind.root: body})))?;
        Ok(changed[kind.root].take())
    }

    /// Deletes one.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn delete(&self, kind: Kind, id: &str) -> Result<(), ClientError> {
        self.call("DELETE", &format!("{}/{id}", kind.path), None).map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// One request and its answer; null where it has none.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let url = self.url(path);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(token) = &self.token {
            request = request.header("x-auth-token", token);
        }
        let (_, answer) = exchange(&self.agent, request, &url, body)?;
        Ok(answer)
    }
}

/// Sends a request; gives the head of its answer, and the body, which is null if there is none.
fn exchange(
    agent: &ureq::Agent,
    request: ureq::http::request::Builder,
    url: &str,
    body: Option<&Value>,
) -> Result<(ureq::http::HeaderMap, Value), ClientError> {
    let unreachable = |source: ureq::Error| ClientError::Unreachable {
        url: url.to_owned(),
        source: Box::new(source),
    };
    // A token or an address with characters that HTTP does not have is refused here.
    let malformed = |error: ureq::http::Error| unreachable(ureq::Error::Http(error));
    let sent = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json");
            agent.run(request.body(body.to_string()).map_err(malformed)?)
        }
        None => agent.run(request.body(()).map_err(malformed)?),
    };
    let (parts, mut answer) = sent.map_err(unreachable)?.into_parts();
    let text = answer.with_config().limit(MOST).read_to_string().map_err(unreachable)?;
    let status = parts.status.as_u16();
    let read: Option<Value> =
        if text.is_empty() { Some(Value::Null) } else { serde_json::from_str(&text).ok() };
    match (status, read) {
        (200..=299, Some(value)) => Ok((parts.headers, value)),
        (200..=399, _) => Err(ClientError::Strange { url: url.to_owned() }),
        (401, _) => Err(ClientError::Unknown { url: url.to_owned() }),
        (_, read) => Err(ClientError::Refused { status, message: said(read.as_ref(), &text) }),
    }
}

/// What a refusal says, in whichever of the services' shapes it comes.
fn said(read: Option<&Value>, text: &str) -> String {
    let shapes = read.into_iter().flat_map(|it| {
        [&it["faultstring"], &it["description"], &it["error"]["message"], &it["message"]]
    });
    let said = shapes.filter_map(Value::as_str).find(|it| !it.is_empty());
    let plain = || text.trim().chars().take(FOREIGN).collect();
    said.map_or_else(plain, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_every_shape() {
        for (text, expected) in [
            (r#"{"faultcode": "Client", "faultstring": "a", "debuginfo": null}"#, "a"),
            (r#"{"code": 404, "title": "Not Found", "description": "b"}"#, "b"),
            (r#"{"error": {"code": 401, "message": "c"}}"#, "c"),
            ("The body is too large.\n", "The body is too large."),
        ] {
            let read = serde_json::from_str(text).ok();
            assert_eq!(said(read.as_ref(), text), expected);
        }
    }

    #[test]
    fn nobody_there_is_said_with_the_address() {
        let client = Client::new("http://127.0.0.1:1/", None);
        let error = client.list(NETWORK).unwrap_err().to_string();
        assert!(error.contains("cannot reach http://127.0.0.1:1/v2/evenkeel/networks"), "{error}");
        let error = client.find(NETWORK, "x").unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn a_token_that_no_header_can_have_is_no_panic() {
        let client = Client::new("http://127.0.0.1:1", Some("a\nb".to_owned()));
        assert!(client.list(NETWORK).is_err());
        assert!(Client::new("not an address", None).list(NETWORK).is_err());
    }
}
