//! Floating addresses, for operators.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::Fault;
use evenkeel_api::floating_address::{Create, SHELF, Update, view};
use evenkeel_model::{FloatingId, PortId, ProjectId};
use evenkeel_store::FloatingRequest;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

const ROOT: &str = "floating_address";

fn id_in(text: &str) -> Result<FloatingId, Refusal> {
    text.parse().map_err(|_| Fault::not_found("Floating address", text).into())
}

/// `GET /v2/evenkeel/floating-addresses`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetAll))?;
    let floating = call.store().floating_addresses().await?;
    call.short_list(&SHELF, "floating_addresses", floating.iter().map(view).collect())
}

/// Who shall own it: an address belongs to whom the port belongs that it stands for.
async fn owner(call: &Call, body: &Create) -> Result<ProjectId, Refusal> {
    if let Some(project) = &body.project_id {
        return Ok(project.clone());
    }
    if let Some(wanted) = body.port_id {
        let ports = call.store().ports().await?;
        if let Some(port) = ports.into_iter().find(|port| port.id == wanted) {
            return Ok(port.project);
        }
    }
    call.own_project()
}

/// `POST /v2/evenkeel/floating-addresses`.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Post))?;
    let body: Create = call.body(&bytes)?;
    let request = FloatingRequest {
        id: FloatingId::new(Uuid::new_v4()),
        outside: PortId::new(Uuid::new_v4()),
        project: owner(&call, &body).await?,
        to: body.target(),
        network: body.network_id,
        subnet: body.subnet_id,
        address: body.address,
        description: body.description.value().map(String::from).unwrap_or_default(),
    };
    let floating = call.store().create_floating(request).await?;
    Ok(created(ROOT, view(&floating)))
}

/// `GET /v2/evenkeel/floating-addresses/{id}`.
pub(crate) async fn show(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetOne))?;
    let floating = call.store().floating_address(id_in(&id)?).await?;
    Ok(call.one(ROOT, view(&floating)))
}

/// `PUT /v2/evenkeel/floating-addresses/{id}`.
pub(crate) async fn update(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Put))?;
    let id = id_in(&id)?;
    let update: Update = call.body(&bytes)?;
    let stored = call.store().floating_address(id).await?;
    let floating = call.store().bind_floating(id, update.target(&stored)).await?;
    Ok(call.one(ROOT, view(&floating)))
}

/// `DELETE /v2/evenkeel/floating-addresses/{id}`.
pub(crate) async fn delete(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Delete))?;
    call.store().delete_floating(id_in(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
