//! Providers, and what flavors and availability zones could ask of them, which is nothing.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use evenkeel_api::list::Fields;
use evenkeel_api::provider::view;
use evenkeel_model::provider::ProviderName;
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `GET /v2/lbaas/providers`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Provider, Verb::GetAll))?;
    let fields = Fields::parse(&call.query, call.deployment());
    let providers = call.control.config().providers.iter();
    let views: Vec<Value> =
        providers.map(|it| fields.select(view(&it.name, &it.description))).collect();
    Ok(Json(json!({"providers": views})).into_response())
}

/// `GET /v2/lbaas/providers/{name}/flavor_capabilities`.
pub(crate) async fn flavors(call: Call, Path(name): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::ProviderFlavor, Verb::GetAll))?;
    capabilities(&call, &name, "flavor_capabilities")
}

/// `GET /v2/lbaas/providers/{name}/availability_zone_capabilities`.
pub(crate) async fn zones(call: Call, Path(name): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::ProviderAvailabilityZone, Verb::GetAll))?;
    capabilities(&call, &name, "availability_zone_capabilities")
}

fn capabilities(call: &Call, name: &str, root: &str) -> Result<Response, Refusal> {
    match call.control.config().provider(&ProviderName::new(name)) {
        Some(_) => Ok(Json(json!({root: []})).into_response()),
        None => Err(Fault::provider_not_enabled(name).into()),
    }
}
