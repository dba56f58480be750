//! Whether the service works, for load balancers in front of it (contract 1.4).

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::ControlPlane;

/// `GET` and `HEAD /healthcheck`: 200 if the store answers, 503 if not.
pub(crate) async fn check(control: &ControlPlane, method: &Method) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain")];
    if !control.config().healthcheck_enabled {
        return (StatusCode::NOT_FOUND, plain, "").into_response();
    }
    if *method != Method::GET && *method != Method::HEAD {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, plain, allow, "").into_response();
    }
    match control.store().agents().await {
        Ok(_) => (StatusCode::OK, plain, "OK").into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, plain, "UNAVAILABLE").into_response()
        }
    }
}
