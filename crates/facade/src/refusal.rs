//! How the façades say no, in the words of the services they stand for.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_store::SecretKind;
use serde_json::json;

/// A request that the identity façade does not grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// No token, an unknown one, or a user that does not exist.
    #[error("The request you have made requires authentication.")]
    Unauthorized,
    /// The user has no role there.
    #[error("You are not authorized to perform the requested action.")]
    Forbidden,
    /// Nothing of that kind has this id.
    #[error("Could not find {kind}: {id}.")]
    NotFound {
        /// `user`, `project`, `domain`.
        kind: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// The body is not what the call takes.
    #[error("{0}")]
    BadRequest(String),
}

impl IntoResponse for IdentityRefusal {
    fn into_response(self) -> Response {
        let (code, title) = match &self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "Not Found"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let body = json!({"error": {
            "code": code.as_u16(),
            "title": title,
            "message": self.to_string(),
        }});
        (code, Json(body)).into_response()
    }
}

/// A request that the network façade does not grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkRefusal {
    /// No token, or an unknown one.
    #[error("The request you have made requires authentication.")]
    Unauthorized,
    /// The caller may see it, and not do it.
    #[error("{0} is not allowed by policy; ask an administrator.")]
    Forbidden(&'static str),
    /// Nothing of that kind has this id.
    #[error("{kind} {id} could not be found.")]
    NotFound {
        /// `Network`, `Subnet`, `Port`, `FloatingIP`.
        kind: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// The body contradicts itself or the network.
    #[error("{0}")]
    BadRequest(String),
    /// Something else holds the address, or uses the object.
    #[error("{0}")]
    Conflict(String),
    /// The store does not answer.
    #[error("{0}")]
    Unavailable(String),
}

impl IntoResponse for NetworkRefusal {
    fn into_response(self) -> Response {
        let (code, kind) = match &self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "HTTPUnauthorized".to_owned()),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "PolicyNotAuthorized".to_owned()),
            Self::NotFound { kind, .. } => (StatusCode::NOT_FOUND, format!("{kind}NotFound")),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "InvalidInput".to_owned()),
            Self::Conflict(_) => (StatusCode::CONFLICT, "Conflict".to_owned()),
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable".to_owned())
            }
        };
        let body = json!({"NeutronError": {
            "type": kind,
            "message": self.to_string(),
            "detail": "",
        }});
        let mut response = (code, Json(body)).into_response();
        if code == StatusCode::SERVICE_UNAVAILABLE {
            let soon = axum::http::HeaderValue::from_static("1");
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, soon);
        }
        response
    }
}

/// A request that the key-manager façade does not grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyManagerRefusal {
    /// No token, or an unknown one.
    #[error("The request you have made requires authentication.")]
    Unauthorized,
    /// Not with these roles, or not in this project.
    #[error("You are not allowed to perform this action.")]
    Forbidden,
    /// Nothing of that kind has this id, as far as the caller may know.
    #[error("There is no {} with this id.", kind_name(*.0))]
    NotFound(SecretKind),
    /// A path that leads nowhere.
    #[error("There is nothing at this path.")]
    NoSuchPath,
    /// A path that leads somewhere, but not like this.
    #[error("The method is not allowed for this resource.")]
    MethodNotAllowed,
    /// The body is not what the call takes.
    #[error("{0}")]
    BadRequest(String),
    /// More than is kept.
    #[error("The payload is longer than {} bytes.", crate::key_manager::LONGEST)]
    TooLarge,
    /// A content comes as one of two types.
    #[error("A payload has the content type text/plain or application/octet-stream.")]
    UnknownContentType,
    /// The content is of another type.
    #[error("The payload is {0}: accept that.")]
    NotAcceptable(&'static str),
    /// A content is given once.
    #[error("The secret has a payload already; create another secret.")]
    HasContent,
    /// The second step is missing.
    #[error("The secret has no payload yet.")]
    NoContent,
    /// The master key is lost.
    #[error(
        "The payload was sealed with a master key that is lost; delete the secret and store it \
         again."
    )]
    Unopenable,
    /// The store does not answer.
    #[error("The secrets are not reached now. Please try again.")]
    Unavailable,
}

const fn kind_name(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Secret => "secret",
        SecretKind::Container => "container",
    }
}

impl IntoResponse for KeyManagerRefusal {
    fn into_response(self) -> Response {
        let code = match &self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound(_) | Self::NoSuchPath | Self::NoContent => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::HasContent => StatusCode::CONFLICT,
            Self::Unopenable => StatusCode::GONE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let title = code.canonical_reason().unwrap_or_default();
        let body = json!({
            "code": code.as_u16(), "title": title, "description": self.to_string(),
        });
        let mut response = (code, Json(body)).into_response();
        if code == StatusCode::SERVICE_UNAVAILABLE {
            let soon = axum::http::HeaderValue::from_static("1");
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, soon);
        }
        response
    }
}
