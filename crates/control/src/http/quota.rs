//! Quotas.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::decode::Patch;
use evenkeel_api::list::{ListRequest, page, single};
use evenkeel_api::quota::{Update, view};
use evenkeel_model::quota::Limit;
use evenkeel_model::{ProjectId, ResourceKind};
use evenkeel_store::{LimitChange, LimitsChange, Scope};
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// The project in a path. One that cannot be has the deployment's limits, like any unknown one.
fn named(text: &str) -> Option<ProjectId> {
    ProjectId::new(text)
}

/// The fields that the list can be narrowed by.
const FILTERS: [&str; 9] = [
    "loadbalancer",
    "load_balancer",
    "listener",
    "pool",
    "member",
    "healthmonitor",
    "health_monitor",
    "l7policy",
    "l7rule",
];

/// `GET /v2/lbaas/quotas`: the projects with a quota of their own that the caller may see.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    let is_filter = |name: &str| FILTERS.contains(&name);
    let request = ListRequest::parse(&call.query, &is_filter, call.deployment())?;
    let scope = call.scope(Subject::Quota, request.project.as_ref())?;
    let is_visible = |project: &ProjectId| match &scope {
        Scope::Project(visible) => visible == project,
        Scope::All | Scope::Pool(_) | Scope::Policy(_) => true,
    };
    let fits = |view: &Value| {
        let mut filters = request.filters.iter();
        filters.all(|(name, wanted)| view[name.as_str()].as_i64() == wanted.parse().ok())
    };
    let all = call.store().all_limits().await?;
    let visible = all.iter().filter(|(project, _)| is_visible(project));
    let views = visible.map(|(project, limits)| view(project.as_str(), limits)).filter(fits);
    Ok(Json(page("quotas", views.collect(), json!([]))).into_response())
}

/// `GET /v2/lbaas/quotas/{project}`: what counts for it, whether it is known or not.
pub(crate) async fn show(call: Call, Path(project): Path<String>) -> Result<Response, Refusal> {
    let defaults = call.control.config().limits;
    let Some(id) = named(&project) else {
        call.allow_any(Action(Subject::Quota, Verb::GetOne))?;
        return Ok(call.one("quota", view(&project, &defaults)));
    };
    call.allow(Action(Subject::Quota, Verb::GetOne), &id)?;
    let limits = call.store().limits(id).await?;
    Ok(call.one("quota", view(&project, &limits)))
}

/// `GET /v2/lbaas/quotas/defaults`.
pub(crate) async fn defaults(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Quota, Verb::GetDefaults))?;
    Ok(call.one("quota", view("defaults", &call.control.config().limits)))
}

/// `GET /v2/lbaas/quotas/{project}/default`.
pub(crate) async fn default(call: Call, Path(project): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Quota, Verb::GetDefaults))?;
    Ok(call.one("quota", view(&project, &call.control.config().limits)))
}

/// `PUT /v2/lbaas/quotas/{project}`.
pub(crate) async fn update(
    call: Call,
    Path(project): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    let id = named(&project).ok_or_else(Refusal::no_such_path)?;
    call.allow(Action(Subject::Quota, Verb::Put), &id)?;
    let body: Update = call.body(&bytes)?;
    let limits = call.store().set_limits(id, change(&body)).await?;
    Ok((StatusCode::ACCEPTED, Json(single("quota", view(&project, &limits)))).into_response())
}

fn change(body: &Update) -> LimitsChange {
    let one = |patch: &Patch<Limit>| -> LimitChange {
        match patch {
            Patch::Absent => None,
            Patch::Null => Some(None),
            Patch::Value(limit) => Some(Some(*limit)),
        }
    };
    // Of two spellings, the one without underscore counts.
    let either = |first: &Patch<Limit>, second: &Patch<Limit>| one(first).or(one(second));
    LimitsChange::default()
        .with(ResourceKind::LoadBalancer, either(&body.loadbalancer, &body.load_balancer))
        .with(ResourceKind::Listener, one(&body.listener))
        .with(ResourceKind::Pool, one(&body.pool))
        .with(ResourceKind::Member, one(&body.member))
        .with(ResourceKind::HealthMonitor, either(&body.healthmonitor, &body.health_monitor))
        .with(ResourceKind::L7Policy, one(&body.l7policy))
        .with(ResourceKind::L7Rule, one(&body.l7rule))
}

/// `DELETE /v2/lbaas/quotas/{project}`.
pub(crate) async fn reset(call: Call, Path(project): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let id = named(&project).ok_or_else(Refusal::no_such_path)?;
    call.allow(Action(Subject::Quota, Verb::Delete), &id)?;
    call.store().reset_limits(id).await?;
    Ok(StatusCode::ACCEPTED)
}
