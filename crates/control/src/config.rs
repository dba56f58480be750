//! What an operator can say about the control plane.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use evenkeel_api::Deployment;
use evenkeel_facade::{FrontDoor, PublicUrl};
use evenkeel_model::provider::{Capabilities, ProviderName};
use evenkeel_model::quota::Limits;
use serde::{Deserialize, Serialize};

/// The control plane's configuration. Keys that are not listed here are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the API listens. Default `127.0.0.1:9876`.
    pub bind: SocketAddr,
    /// A path that a web server in front may leave before `/v2`; empty for none. Default
    /// `/load-balancer`.
    pub prefix: String,
    /// Where clients find the service, with its stand-ins of other services below: what links and
    /// the catalogue begin with. By default what the client asked for.
    pub public_url: Option<PublicUrl>,
    /// Whether `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed when links are made.
    /// Default false.
    pub proxy_headers: bool,
    /// How clients prove who they are. Default `keystone`.
    pub auth_strategy: AuthStrategy,
    /// What the answer 401 names as the place to get a token; by default our own.
    pub identity_uri: Option<String>,
    /// Who may do what.
    pub policy: PolicyConfig,
    /// The providers that can be asked for, aliases among them.
    pub providers: Vec<ProviderEntry>,
    /// The provider of those who ask for none. Default `haproxy`.
    pub default_provider: ProviderName,
    /// What the API accepts and fills in.
    pub deployment: Deployment,
    /// Whether `/healthcheck` answers. Default false.
    pub healthcheck_enabled: bool,
    /// Whether `PENDING_*` and `ERROR` refuse further changes, as Octavia does. Default false.
    pub strict_immutable: bool,
    /// The quotas of projects that have none of their own. Default: unlimited.
    pub limits: Limits,
    /// Times and sizes within which everything stays.
    pub bounds: Bounds,
}

/// How clients prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthStrategy {
    /// By a token that the identity service knows.
    #[default]
    Keystone,
    /// Not at all: everybody is admin, and no quota is counted.
    NoAuth,
    /// By headers that name user, project and roles. For tests.
    Testing,
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Which roles count. Default `default`.
    pub style: RoleStyle,
    /// Other classes for single calls: `"os_load-balancer_api:listener:post" =
    /// "load-balancer:admin"`.
    pub rules: BTreeMap<String, String>,
}

/// Which roles count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleStyle {
    /// `reader`, `member`, `admin`.
    #[default]
    Default,
    /// `load-balancer_observer`, `load-balancer_member` and so on.
    Advanced,
    /// The project, whatever the role, or `admin`.
    OwnerOrAdmin,
}

/// A provider that can be asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// What clients call it.
    pub name: ProviderName,
    /// For people.
    pub description: String,
    /// What it can do. Told by whoever composes the binary; everything, by default.
    #[serde(skip, default = "everything")]
    pub capabilities: Capabilities,
}

const fn everything() -> Capabilities {
    Capabilities::ALL
}

/// Times and sizes within which everything stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Seconds between two statements of an agent's index when nothing changes. Default 2.
    #[serde(with = "seconds")]
    pub heartbeat: Duration,
    /// Seconds of silence after which an agent counts as dead. Default 10.
    #[serde(with = "seconds")]
    pub agent_down_time: Duration,
    /// Seconds after which a change that is not served yet shows `ERROR`. Default 60.
    #[serde(with = "seconds")]
    pub pending: Duration,
    /// Seconds that a client has for the head of a request, and that a connection may idle.
    /// Default 60.
    #[serde(with = "seconds")]
    pub request_head: Duration,
    /// Seconds that a client has for the body of a request. Default 30.
    #[serde(with = "seconds")]
    pub request_body: Duration,
    /// Bytes of a request's body. Default 1 MiB.
    pub request_bytes: usize,
    /// Connections served at once; more of them wait. Default 1024.
    pub connections: usize,
    /// Seconds that requests under way have when the service stops. Default 5.
    #[serde(with = "seconds")]
    pub stop: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 9876)),
            prefix: "/load-balancer".to_owned(),
            public_url: None,
            proxy_headers: false,
            auth_strategy: AuthStrategy::default(),
            identity_uri: None,
            policy: PolicyConfig::default(),
            providers: default_providers(Capabilities::ALL),
            default_provider: ProviderName::new("haproxy"),
            deployment: Deployment::default(),
            healthcheck_enabled: false,
            strict_immutable: false,
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(2),
            agent_down_time: Duration::from_secs(10),
            pending: Duration::from_mins(1),
            request_head: Duration::from_mins(1),
            request_body: Duration::from_secs(30),
            request_bytes: 1 << 20,
            connections: 1024,
            stop: Duration::from_secs(5),
        }
    }
}

/// `haproxy`, and the names under which clients of Octavia ask for it.
pub fn default_providers(capabilities: Capabilities) -> Vec<ProviderEntry> {
    let entry = |(name, description): (&str, &str)| ProviderEntry {
        name: ProviderName::new(name),
        description: description.to_owned(),
        capabilities,
    };
    [
        ("haproxy", "HAProxy, one process for each load balancer."),
        ("amphora", "Alias of haproxy."),
        ("octavia", "Alias of haproxy."),
    ]
    .map(entry)
    .into()
}

impl Config {
    /// How it is known under which address a client asked.
    pub fn front_door(&self) -> FrontDoor {
        FrontDoor {
            public_url: self.public_url.clone(),
            proxy_headers: self.proxy_headers,
            bound: self.bind,
        }
    }

    /// The provider of this name.
    pub fn provider(&self, name: &ProviderName) -> Option<&ProviderEntry> {
        self.providers.iter().find(|entry| entry.name == *name)
    }
}

/// Durations as seconds, with a fraction where it is needed.
mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(from)?;
        let refused = || D::Error::custom("expected seconds: more than 0, at most a day");
        if seconds > 0.0 && seconds <= 86_400.0 {
            Duration::try_from_secs_f64(seconds).map_err(|_| refused())
        } else {
            Err(refused())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: serde_json::Value) -> Result<Config, serde_json::Error> {
        serde_json::from_value(config)
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let config = read(json!({"bounds": {"heartbeat": 0.5}})).unwrap();
        assert_eq!(config.bounds.heartbeat, Duration::from_millis(500));
        assert_eq!(config.bounds.agent_down_time, Duration::from_secs(10));
        assert_eq!(config.auth_strategy, AuthStrategy::Keystone);
        let names: Vec<&str> = config.providers.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["haproxy", "amphora", "octavia"]);
    }

    #[test]
    fn unknown_keys_and_nonsense_are_refused() {
        for config in [
            json!({"hartbeat": 1}),
            json!({"bounds": {"heartbeat": 0}}),
            json!({"bounds": {"heartbeat": -1}}),
            json!({"auth_strategy": "none"}),
            json!({"policy": {"styel": "default"}}),
        ] {
            assert!(read(config.clone()).is_err(), "{config}");
        }
    }
}
