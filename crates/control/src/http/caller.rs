//! Who asks: what a token, or the headers of a test, say about the client.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::http::HeaderMap;
use evenkeel_facade::{Directory, Principal};
use evenkeel_model::ProjectId;

use crate::config::AuthStrategy;

/// Who asks, for which project, and in which roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user's id, for logs.
    pub user: String,
    /// The project that the token is for.
    pub project: Option<ProjectId>,
    /// Roles in that project.
    pub roles: BTreeSet<String>,
    /// Roles of the service that passes the request on.
    pub service_roles: BTreeSet<String>,
    /// Everything is allowed, because nobody is asked who he is.
    pub is_admin: bool,
}

/// Tokens cannot be validated now: HTTP 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The identity service does not answer. Please try again.")]
pub struct Unavailable;

/// Whoever knows the tokens.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Who the token speaks for; nobody if it is unknown, revoked or too old.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if that cannot be said now.
    async fn validate(&self, token: &str) -> Result<Option<Caller>, Unavailable>;
}

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// HTTP 401.
    Unauthorized,
    /// HTTP 503.
    Unavailable,
}

impl Caller {
    /// Who sent these headers, as far as `strategy` asks.
    pub(crate) async fn read(
        strategy: AuthStrategy,
        identity: Option<&dyn Identity>,
        headers: &HeaderMap,
    ) -> Result<Self, Rejected> {
        match strategy {
            AuthStrategy::NoAuth => Ok(Self { is_admin: true, ..Self::from_context(headers) }),
            AuthStrategy::Testing => Ok(Self::from_context(headers)),
            AuthStrategy::Keystone => {
                let token = text(headers, "x-auth-token").ok_or(Rejected::Unauthorized)?;
                let identity = identity.ok_or(Rejected::Unavailable)?;
                let caller = identity.validate(token).await.map_err(|_| Rejected::Unavailable)?;
                caller.ok_or(Rejected::Unauthorized)
            }
        }
    }

    /// The headers of contract 5.5.
    fn from_context(headers: &HeaderMap) -> Self {
        let project = text(headers, "x-project-id").or_else(|| text(headers, "x-tenant-id"));
        Self {
            user: text(headers, "x-user-id").unwrap_or_default().to_owned(),
            project: project.and_then(ProjectId::new),
            roles: words(headers, "x-roles"),
            service_roles: words(headers, "x-service-roles"),
            is_admin: false,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn words(headers: &HeaderMap, name: &str) -> BTreeSet<String> {
    let list = text(headers, name).unwrap_or_default();
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[async_trait]
impl Identity for Directory {
    async fn validate(&self, token: &str) -> Result<Option<Caller>, Unavailable> {
        Ok(Directory::validate(self, token).map(|principal| Caller::from(&principal)))
    }
}

impl From<&Principal> for Caller {
    fn from(principal: &Principal) -> Self {
        Self {
            user: principal.user.id.to_owned(),
            project: Some(principal.project_id()),
            roles: principal.user.roles.iter().map(|&role| role.to_owned()).collect(),
            ..Self::default()
        }
    }
}
