//! How a client stays with its member, in JSON (contract 3.5).

use std::net::IpAddr;

use evenkeel_model::pool::{Persistence, PersistenceKind};
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::text::CookieName;
use evenkeel_model::{Pool, Violation};
use serde_json::{Value, json};

use crate::decode::{Patch, body};

body! {
    /// What can be said besides the kind.
    #[derive(Default)]
    pub struct PersistenceOptions {
        /// The members' cookie; for `APP_COOKIE` only.
        cookie_name: Patch<CookieName>,
        /// Seconds without traffic after which the tie is cut; for UDP and SCTP only.
        persistence_timeout: Patch<u32>,
        /// Netmask or prefix that makes neighbours one client; for UDP and SCTP only.
        persistence_granularity: Patch<IpAddr>,
    }
}

body! {
    /// How a client stays with its member.
    pub struct SessionPersistence {
        /// By what.
        kind as "type": PersistenceKind,
    }
    with
    /// The rest.
    options: PersistenceOptions
}

body! {
    /// How a client stays with its member from now on.
    #[derive(Default)]
    pub struct SessionPersistenceUpdate {
        /// By what; as until now, if it is not said.
        kind as "type": Option<PersistenceKind>,
    }
    with
    /// The rest.
    options: PersistenceOptions
}

/// Everything that is known, before it is judged.
#[derive(Default)]
struct Said {
    cookie_name: Option<CookieName>,
    timeout: Option<u32>,
    granularity: Option<IpAddr>,
}

impl SessionPersistence {
    pub(super) fn resolve(self, protocol: PoolProtocol) -> Result<Persistence, Violation> {
        let mut said = Said::default();
        said.hear(&self.options);
        said.judge(self.kind, protocol, "UDP and SCTP protocol pools")
    }
}

impl SessionPersistenceUpdate {
    /// What a pool has from now on. An empty object changes nothing.
    pub(super) fn resolve(&self, stored: &Pool) -> Result<Option<Persistence>, Violation> {
        if *self == Self::default() {
            return Ok(stored.persistence.clone());
        }
        let until_now = stored.persistence.as_ref();
        let Some(kind) = self.kind.or_else(|| until_now.map(Persistence::kind)) else {
            return Err(Violation::option("None", "session_persistence type"));
        };
        // Another kind replaces all of it; the same kind keeps what is not mentioned.
        let mut said = match until_now {
            Some(Persistence::SourceIp { timeout, granularity })
                if kind == PersistenceKind::SourceIp =>
            {
                Said { timeout: *timeout, granularity: *granularity, cookie_name: None }
            }
            Some(Persistence::AppCookie { name }) if kind == PersistenceKind::AppCookie => {
                Said { cookie_name: Some(name.clone()), ..Said::default() }
            }
            Some(
                Persistence::SourceIp { .. }
                | Persistence::HttpCookie
                | Persistence::AppCookie { .. },
            )
            | None => Said::default(),
        };
        said.hear(&self.options);
        said.judge(kind, stored.protocol, "UDP protocol pools").map(Some)
    }
}

impl Said {
    fn hear(&mut self, options: &PersistenceOptions) {
        options.cookie_name.onto_option(&mut self.cookie_name);
        options.persistence_timeout.onto_option(&mut self.timeout);
        options.persistence_granularity.onto_option(&mut self.granularity);
    }

    fn judge(
        self,
        kind: PersistenceKind,
        protocol: PoolProtocol,
        where_timed: &str,
    ) -> Result<Persistence, Violation> {
        if protocol.is_udp_or_sctp() {
            return self.judge_datagrams(kind);
        }
        if self.timeout.is_some() || self.granularity.is_some() {
            return Err(Violation::rule(format!(
                "persistence_timeout and persistence_granularity is only for {where_timed}."
            )));
        }
        match (kind, self.cookie_name) {
            (PersistenceKind::AppCookie, Some(name)) => Ok(Persistence::AppCookie { name }),
            (PersistenceKind::AppCookie, None) => Err(Violation::rule(
                "Field \"cookie_name\" must be specified when using the \"APP_COOKIE\" session \
                 persistence type.",
            )),
            (PersistenceKind::HttpCookie | PersistenceKind::SourceIp, Some(_)) => {
                Err(Violation::rule(
                    "Field \"cookie_name\" can only be specified with session persistence of type \
                     \"APP_COOKIE\".",
                ))
            }
            (PersistenceKind::HttpCookie, None) => Ok(Persistence::HttpCookie),
            (PersistenceKind::SourceIp, None) => {
                Ok(Persistence::SourceIp { timeout: None, granularity: None })
            }
        }
    }

    fn judge_datagrams(self, kind: PersistenceKind) -> Result<Persistence, Violation> {
        match (kind, self.cookie_name) {
            (PersistenceKind::SourceIp, Some(_)) => Err(Violation::rule(
                "session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: \
                 type, persistence_timeout, persistence_granularity.",
            )),
            (PersistenceKind::SourceIp, None) => {
                Ok(Persistence::SourceIp { timeout: self.timeout, granularity: self.granularity })
            }
            (PersistenceKind::HttpCookie | PersistenceKind::AppCookie, Some(_)) => {
                Err(Violation::rule("Cookie names are not supported for UDP/SCTP pools."))
            }
            (PersistenceKind::HttpCookie | PersistenceKind::AppCookie, None) => {
                Err(Violation::rule(format!(
                    "Session persistence of type {kind} is not supported for UDP/SCTP protocol \
                     pools."
                )))
            }
        }
    }
}

/// All four keys, whatever the kind.
pub(super) fn view(persistence: &Persistence) -> Value {
    let (cookie, timeout, granularity) = match persistence {
        Persistence::SourceIp { timeout, granularity } => (None, *timeout, *granularity),
        Persistence::HttpCookie => (None, None, None),
        Persistence::AppCookie { name } => (Some(name.as_str()), None, None),
    };
    json!({
        "type": persistence.kind().word(),
        "cookie_name": cookie,
        "persistence_timeout": timeout,
        "persistence_granularity": granularity.map(|it| it.to_string()),
    })
}
