//! Placements in Octavia's words: each is shown as an amphora.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use evenkeel_api::amphora::{Amphora, SHELF, statistics, view};
use evenkeel_api::list::Fields;
use evenkeel_model::PlacementId;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_store::Placement;
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

fn amphora(placement: &Placement) -> Amphora {
    Amphora {
        id: placement.id(),
        load_balancer: placement.load_balancer,
        status: placement.status,
        agent: placement.agent,
        address: placement.address,
        port: placement.port,
        created_at: placement.created_at,
        updated_at: placement.updated_at,
    }
}

impl Call {
    /// The amphora in a path, if the caller may do this with it.
    async fn amphora(&self, id: &str, verb: Verb) -> Result<Placement, Refusal> {
        self.allow_any(Action(Subject::Amphora, verb))?;
        let unknown = || Refusal::from(Fault::not_found("Amphora", id));
        let id: PlacementId = id.parse().map_err(|_| unknown())?;
        let all = self.store().placements().await?;
        all.into_iter().find(|it| it.id() == id).ok_or_else(unknown)
    }
}

/// `GET /v2/octavia/amphorae`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Amphora, Verb::GetAll))?;
    let request = SHELF.parse(&call.query, call.deployment())?;
    let mut all = call.store().placements().await?;
    if let Some(project) = &request.project {
        all.retain(|it| it.project == *project);
    }
    call.short_list(&SHELF, "amphorae", all.iter().map(|it| view(&amphora(it))).collect())
}

/// `GET /v2/octavia/amphorae/{id}`. One that was replaced, as by a failover that was just asked
/// for, is shown as deleted, as long as there is its load balancer; it is in no list.
pub(crate) async fn show(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Amphora, Verb::GetOne))?;
    let unknown = || Refusal::from(Fault::not_found("Amphora", &id));
    let asked: PlacementId = id.parse().map_err(|_| unknown())?;
    let all = call.store().placements().await?;
    let found = all.iter().find(|it| it.id() == asked || it.follows(asked)).ok_or_else(unknown)?;
    let mut amphora = amphora(found);
    if found.id() != asked {
        amphora = Amphora { id: asked, status: ProvisioningStatus::Deleted, ..amphora };
    }
    Ok(call.one("amphora", view(&amphora)))
}

/// `GET /v2/octavia/amphorae/{id}/stats`: what passed each listener, once anything was reported.
pub(crate) async fn stats(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    let placement = call.amphora(&id, Verb::GetStats).await?;
    let counted = call.store().traffic_by_listener(placement.load_balancer).await?;
    if counted.is_empty() {
        return Err(Fault::not_found("Amphora stats for", &id).into());
    }
    let fields = Fields::parse(&call.query, call.deployment());
    let views: Vec<Value> = counted
        .into_iter()
        .map(|(listener, traffic)| {
            statistics(placement.id(), placement.load_balancer, listener, traffic)
        })
        .map(|view| fields.select(view))
        .collect();
    Ok(Json(json!({"amphora_stats": views})).into_response())
}

/// `DELETE /v2/octavia/amphorae/{id}`: one that is in `ERROR` goes, and another one comes in its
/// place.
pub(crate) async fn delete(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let placement = call.amphora(&id, Verb::Delete).await?;
    call.store().remake(placement.load_balancer, placement.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v2/octavia/amphorae/{id}/failover`.
pub(crate) async fn failover(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let placement = call.amphora(&id, Verb::PutFailover).await?;
    call.store().failover_of_active(placement.load_balancer).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /v2/octavia/amphorae/{id}/config`: an agent has the latest configuration always.
pub(crate) async fn configure(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    call.amphora(&id, Verb::PutConfig).await?;
    Ok(StatusCode::ACCEPTED)
}
