//! The one place where an error meets a status code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use evenkeel_model::Violation;
use evenkeel_store::StoreError;

use super::caller::Rejected;
use super::gate::Forbidden;

/// Why a request was not served.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// In the words of the contract.
    Fault(Box<Fault>),
    /// The methods that there are instead.
    MethodNotAllowed(&'static str),
    /// In plain words, as the middleware of Octavia says it.
    Plain(StatusCode, &'static str),
}

impl Refusal {
    pub(crate) fn not_let_in(rejected: Rejected, identity_uri: &str) -> Self {
        match rejected {
            Rejected::Unauthorized => Fault::unauthorized(identity_uri).into(),
            Rejected::Unavailable => {
                Self::unavailable("The identity service does not answer. Please try again.")
            }
        }
    }

    pub(crate) fn no_such_path() -> Self {
        Fault::no_such_path().into()
    }

    pub(crate) const fn method_not_allowed(allowed: &'static str) -> Self {
        Self::MethodNotAllowed(allowed)
    }

    pub(crate) fn not_acceptable() -> Self {
        Fault::routing(406, "Not Acceptable", "Only application/json is served here.").into()
    }

    pub(crate) const fn too_large() -> Self {
        Self::Plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.\n")
    }

    pub(crate) fn body_broken_off() -> Self {
        Fault::bad_request("The body broke off before its end").into()
    }

    pub(crate) const fn body_late() -> Self {
        Self::Plain(StatusCode::REQUEST_TIMEOUT, "The body did not come in time.\n")
    }

    pub(crate) fn unavailable(message: &str) -> Self {
        Fault::unavailable(message).into()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Fault::from(violation).into()
    }
}

impl From<Forbidden> for Refusal {
    fn from(_: Forbidden) -> Self {
        Fault::forbidden().into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        // No wildcard arm: a new way to fail has to choose its answer to the client here.
        let fault = match error {
            StoreError::NotFound { kind, id } => Fault::not_found(kind, id),
            StoreError::NoNetworkObject { .. }
            | StoreError::NoOffering { .. }
            | StoreError::NoQuota(_) => Fault::new(404, text),
            StoreError::Violation(violation) => violation.into(),
            StoreError::PortTaken { .. }
            | StoreError::MemberTaken { .. }
            | StoreError::MonitorTaken
            | StoreError::HasDefaultPool
            | StoreError::PoolInUse { .. }
            | StoreError::TooManyRules(_)
            | StoreError::TooManyRegexes(_)
            | StoreError::Immutable { .. }
            | StoreError::InvalidState { .. }
            | StoreError::AddressInUse { .. }
            | StoreError::NetworkObjectInUse { .. }
            | StoreError::FloatingTaken { .. }
            | StoreError::OfferingInUse { .. }
            | StoreError::OfferingTaken { .. }
            | StoreError::Duplicate => Fault::conflict(text),
            StoreError::QuotaMet(kind) => Fault::quota_met(kind),
            StoreError::HasChildren(_)
            | StoreError::UnknownFilter(_)
            | StoreError::UnknownSortKey(_)
            | StoreError::UnknownMarker(_) => Fault::bad_request(text),
            StoreError::Busy | StoreError::Full => Fault::unavailable(text),
            StoreError::Database { .. } => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the database failed");
                Fault::unavailable("The database failed. The operator looks at the log.")
            }
        };
        fault.into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Fault(fault) => from_fault(&fault),
            Self::MethodNotAllowed(allowed) => {
                let fault = Fault::routing(
                    405,
                    "Method Not Allowed",
                    "The method is not allowed for this resource.",
                );
                let mut response = from_fault(&fault);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
                response
            }
            Self::Plain(status, text) => {
                (status, [(header::CONTENT_TYPE, "text/plain")], text).into_response()
            }
        }
    }
}

fn from_fault(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, Json(fault.body())).into_response();
    if let Some(after) = fault.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    if let Some(challenge) =
        fault.www_authenticate().and_then(|text| HeaderValue::try_from(text).ok())
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
