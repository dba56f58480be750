//! The HTTP service: what holds for every request, before and after a handler.

mod amphora;
mod call;
pub mod caller;
mod discovery;
mod exposed;
mod fault;
mod floating_address;
pub mod gate;
mod health;
mod health_monitor;
mod l7_policy;
mod l7_rule;
mod listener;
mod load_balancer;
mod material;
mod member;
mod network;
mod node;
mod offering;
mod origin;
mod path;
pub mod policy;
mod pool;
mod probing;
mod profile;
mod provider;
mod quota;
mod router;
mod subnet;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::ControlPlane;
use caller::Caller;
use fault::Refusal;
use origin::Origin;
use path::Place;

/// How long a handler may take: longer than the store's own deadlines.
const ANSWER: Duration = Duration::from_mins(1);

/// The whole service.
pub(crate) fn router(control: ControlPlane) -> Router {
    let front = Arc::new(Front { routes: router::routes(control.clone()), control });
    Router::new().fallback(move |request: Request<Body>| {
        let front = Arc::clone(&front);
        async move { front.answer(request).await }
    })
}

/// What stands before the handlers.
struct Front {
    control: ControlPlane,
    routes: Router,
}

impl Front {
    /// Every answer carries the request's id.
    async fn answer(&self, request: Request<Body>) -> Response {
        let id = format!("req-{}", Uuid::new_v4());
        let span = tracing::info_span!(
            "request", id, method = %request.method(), path = request.uri().path()
        );
        let reply = self.reply(request).instrument(span.clone()).await;
        let mut response = reply.unwrap_or_else(IntoResponse::into_response);
        span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
        let id = HeaderValue::try_from(id).expect("a UUID is visible ASCII");
        response.headers_mut().insert("x-openstack-request-id", id);
        response
    }

    async fn reply(&self, request: Request<Body>) -> Result<Response, Refusal> {
        let config = self.control.config();
        let place = path::read(&config.prefix, request.uri().path());
        if request.method() == Method::OPTIONS {
            return Ok((StatusCode::OK, [(header::ALLOW, ALLOWED)]).into_response());
        }
        if !place.is_open() {
            return self.with_caller(place, request).await;
        }
        let origin = Origin::of(config, &request);
        match place {
            Place::HealthCheck => Ok(health::check(&self.control, request.method()).await),
            Place::Discovery | Place::Root | Place::Resource(_) | Place::Nowhere => {
                Ok(discovery::document(&origin).into_response())
            }
        }
    }

    async fn with_caller(
        &self,
        place: Place,
        mut request: Request<Body>,
    ) -> Result<Response, Refusal> {
        let config = self.control.config();
        let identity = self.control.identity();
        let caller = Caller::read(config.auth_strategy, identity, request.headers()).await;
        let origin = Origin::of(config, &request);
        let caller = caller.map_err(|it| Refusal::not_let_in(it, &self.identity_uri(&request)))?;
        let path = match place {
            Place::Resource(path) => path,
            Place::Root | Place::Discovery | Place::HealthCheck => {
                return discovery::root(request.method(), &origin);
            }
            Place::Nowhere => return Err(Refusal::no_such_path()),
        };
        // A resource has no head of its own: what answers to GET does not answer to HEAD.
        if matches!(*request.method(), Method::HEAD | Method::PATCH) {
            return Err(Refusal::method_not_allowed(ALLOWED));
        }
        if !accepts_json(request.headers()) {
            return Err(Refusal::not_acceptable());
        }
        if !path::is_text(&path) {
            return Err(Refusal::no_such_path());
        }
        *request.uri_mut() = with_path(request.uri(), &path).ok_or_else(Refusal::no_such_path)?;
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(origin);
        self.handle(self.with_body(request).await?).await
    }

    /// Where a token can be had.
    fn identity_uri(&self, request: &Request<Body>) -> String {
        let config = self.control.config();
        let own = || format!("{}/identity/v3", config.front_door().base(request.headers()));
        config.identity_uri.clone().unwrap_or_else(own)
    }

    /// Reads the body, within its bounds of size and time.
    async fn with_body(&self, request: Request<Body>) -> Result<Request<Body>, Refusal> {
        let bounds = &self.control.config().bounds;
        let (parts, body) = request.into_parts();
        // Whoever says beforehand that it is too much is told so before sending it.
        if body.size_hint().lower() > bounds.request_bytes as u64 {
            return Err(Refusal::too_large());
        }
        let body = Limited::new(body, bounds.request_bytes).collect();
        let body = match tokio::time::timeout(bounds.request_body, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::too_large()),
            Ok(Err(_)) => return Err(Refusal::body_broken_off()),
            Err(_) => return Err(Refusal::body_late()),
        };
        Ok(Request::from_parts(parts, Body::from(body)))
    }

    /// Lets a handler answer, in a task of its own: a client that leaves does not stop it half-way,
    /// and a panic is contained.
    async fn handle(&self, request: Request<Body>) -> Result<Response, Refusal> {
        let routes = self.routes.clone();
        let work = async move { routes.oneshot(request).await };
        let mut work = tokio::spawn(work.in_current_span());
        match tokio::time::timeout(ANSWER, &mut work).await {
            Ok(Ok(Ok(response))) => Ok(without_routers_word(response)),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "handler broke off");
                Err(Refusal::unavailable("The request could not be served. Please try again."))
            }
            Err(_) => {
                work.abort();
                tracing::error!("handler too slow");
                Err(Refusal::unavailable("The request took too long. Please try again."))
            }
        }
    }
}

/// The router adds the methods that it knows to whatever is answered to another one. Only a 405
/// says which there are, and says it itself.
fn without_routers_word(mut response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().remove(header::ALLOW);
    }
    response
}

/// The methods of resources, as Octavia lists them.
pub(crate) const ALLOWED: &str = "DELETE, GET, POST, PUT";

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    target.parse().ok()
}

/// Whether the client takes JSON. What it says in no known way counts as yes (contract 1.5).
fn accepts_json(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let range = |part: &str| {
        let range = part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        (range.contains('/'), range)
    };
    let ranges: Vec<(bool, String)> = accept.split(',').map(range).collect();
    ranges.iter().any(|(well_formed, range)| {
        !well_formed || matches!(range.as_str(), "*/*" | "application/*" | "application/json")
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use evenkeel_model::address::AddressRules;
    use evenkeel_model::quota::Limits;
    use evenkeel_store::{Backend, Store, StoreConfig, SystemClock};
    use evenkeel_vault::{Keyring, MasterKeys};

    use super::*;
    use crate::config::AuthStrategy;
    use crate::{Config, Services};

    async fn front(routes: Router) -> Front {
        let store = StoreConfig {
            backend: Backend::Memory,
            inline: false,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules::default(),
            clock: Arc::new(SystemClock),
        };
        let store = Store::open(store).await.unwrap();
        let config = Config { auth_strategy: AuthStrategy::NoAuth, ..Config::default() };
        let keyring = Keyring::new(MasterKeys::generate());
        let services = Services { identity: None, key_store: None, keyring };
        Front { control: ControlPlane::start(config, store, services).unwrap(), routes }
    }

    #[tokio::test]
    async fn a_panic_is_the_end_of_one_request_only() {
        let breaks = |uri: Uri| async move { assert!(uri.path().is_empty(), "on purpose") };
        let front = front(Router::new().route("/v2/lbaas/x", get(breaks))).await;
        for _ in 0..2 {
            let request = Request::get("/v2/x").body(Body::empty()).unwrap();
            let response = front.answer(request).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            assert!(response.headers().contains_key("x-openstack-request-id"));
        }
    }

    fn accepted(accept: &'static str) -> bool {
        accepts_json(&[(header::ACCEPT, HeaderValue::from_static(accept))].into_iter().collect())
    }

    #[test]
    fn json_is_accepted_unless_something_else_is_asked_for() {
        assert!(accepts_json(&HeaderMap::new()));
        for accept in [
            "",
            "*/*",
            "application/*",
            "text/html, */*;q=0.1",
            "nonsense",
            "Application/JSON; charset=utf-8",
        ] {
            assert!(accepted(accept), "{accept}");
        }
        for accept in ["text/html", "application/xml, text/plain;q=0.5"] {
            assert!(!accepted(accept), "{accept}");
        }
    }
}
