//! How the façades say no, in the words of the services they stand for.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
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
    /// Nothing of that kind has this id.
    #[error("{kind} {id} could not be found.")]
    NotFound {
        /// `Network`, `Subnet`, `Port`.
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
