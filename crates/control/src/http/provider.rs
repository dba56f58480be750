//! Providers, and what flavors and availability zones can ask of them.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use evenkeel_api::list::{Fields, Shelf};
use evenkeel_api::provider::view;
use evenkeel_model::provider::{Capabilities, ProviderName};
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// What can be asked of a list of capabilities.
const SHELF: Shelf = Shelf {
    columns: &["name", "description"],
    aliases: &[],
    key: "name",
    order: &[],
    has_projects: false,
};

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
    let capabilities = capabilities(&call, &name)?;
    let keys = capabilities.flavor.iter().map(|it| view(it.word(), it.description()));
    listed(&call, "flavor_capabilities", keys.collect())
}

/// `GET /v2/lbaas/providers/{name}/availability_zone_capabilities`.
pub(crate) async fn zones(call: Call, Path(name): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::ProviderAvailabilityZone, Verb::GetAll))?;
    let capabilities = capabilities(&call, &name)?;
    let keys = capabilities.availability_zone.iter();
    let keys = keys.map(|it| view(it.word(), it.description()));
    listed(&call, "availability_zone_capabilities", keys.collect())
}

fn capabilities<'a>(call: &'a Call, name: &str) -> Result<&'a Capabilities, Fault> {
    let entry = call.control.config().provider(&ProviderName::new(name));
    entry.map(|it| &it.capabilities).ok_or_else(|| Fault::provider_not_enabled(name))
}

fn listed(call: &Call, root: &str, keys: Vec<Value>) -> Result<Response, Refusal> {
    let request = SHELF.parse(&call.query, call.deployment())?;
    let found = SHELF.page(&request, keys)?;
    let views: Vec<Value> = found.into_iter().map(|it| request.fields.select(it)).collect();
    Ok(Json(json!({root: views})).into_response())
}
