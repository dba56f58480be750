//! Networks of our own, for operators.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::Fault;
use evenkeel_api::network::{Create, SHELF, Update, view};
use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::{NetworkId, ProjectId, SubnetId};
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

const ROOT: &str = "network";

impl Call {
    /// The project of whoever asks; needed where nobody says whose something shall be.
    pub(super) fn own_project(&self) -> Result<ProjectId, Refusal> {
        let missing = || Fault::bad_request("Missing project ID in request where one is required.");
        Ok(self.caller.project.clone().ok_or_else(missing)?)
    }
}

fn id_in(text: &str) -> Result<NetworkId, Refusal> {
    text.parse().map_err(|_| Fault::not_found("Network", text).into())
}

fn shown(network: &Network, subnets: &[Subnet]) -> Value {
    let own = subnets.iter().filter(|subnet| subnet.network == network.id);
    view(network, &own.map(|subnet| subnet.id).collect::<Vec<SubnetId>>())
}

/// `GET /v2/evenkeel/networks`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetAll))?;
    let networks = call.store().networks().await?;
    let subnets = call.store().subnets().await?;
    let views = networks.iter().map(|network| shown(network, &subnets)).collect();
    call.short_list(&SHELF, "networks", views)
}

/// `POST /v2/evenkeel/networks`.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Post))?;
    let body: Create = call.body(&bytes)?;
    let owner = match &body.project_id {
        Some(project) => project.clone(),
        None => call.own_project()?,
    };
    let network = body.into_network(NetworkId::new(Uuid::new_v4()), owner)?;
    let network = call.store().create_network(network).await?;
    Ok(created(ROOT, shown(&network, &[])))
}

/// `GET /v2/evenkeel/networks/{id}`.
pub(crate) async fn show(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetOne))?;
    let network = call.store().network(id_in(&id)?).await?;
    let subnets = call.store().subnets().await?;
    Ok(call.one(ROOT, shown(&network, &subnets)))
}

/// `PUT /v2/evenkeel/networks/{id}`.
pub(crate) async fn update(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Put))?;
    let id = id_in(&id)?;
    let update: Update = call.body(&bytes)?;
    let network = call.store().update_network(id, move |stored| update.apply(stored)).await?;
    let subnets = call.store().subnets().await?;
    Ok(call.one(ROOT, shown(&network, &subnets)))
}

/// `DELETE /v2/evenkeel/networks/{id}`.
pub(crate) async fn delete(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(Subject::Evenkeel, Verb::Delete))?;
    call.store().delete_network(id_in(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
