//! Subnets of our own networks, for operators.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::Fault;
use evenkeel_api::subnet::{Create, SHELF, Update, view};
use evenkeel_model::SubnetId;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

const ROOT: &str = "subnet";

fn id_in(text: &str) -> Result<SubnetId, Refusal> {
    text.parse().map_err(|_| Fault::not_found("Subnet", text).into())
}

/// `GET /v2/evenkeel/subnets`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetAll))?;
    let subnets = call.store().subnets().await?;
    call.short_list(&SHELF, "subnets", subnets.iter().map(view).collect())
}

/// `POST /v2/evenkeel/subnets`.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Post))?;
    let body: Create = call.body(&bytes)?;
    let subnet = body.into_subnet(SubnetId::new(Uuid::new_v4()));
    let subnet = call.store().create_subnet(subnet).await?;
    Ok(created(ROOT, view(&subnet)))
}

/// `GET /v2/evenkeel/subnets/{id}`.
pub(crate) async fn show(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetOne))?;
    let subnet = call.store().subnet(id_in(&id)?).await?;
    Ok(call.one(ROOT, view(&subnet)))
}

/// `PUT /v2/evenkeel/subnets/{id}`.
pub(crate) async fn update(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Put))?;
    let id = id_in(&id)?;
    let update: Update = call.body(&bytes)?;
    let subnet = call.store().update_subnet(id, move |stored| Ok(update.apply(stored))).await?;
    Ok(call.one(ROOT, view(&subnet)))
}

/// `DELETE /v2/evenkeel/subnets/{id}`.
pub(crate) async fn delete(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Delete))?;
    call.store().delete_subnet(id_in(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
