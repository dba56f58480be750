//! Placements in Octavia's words: each is shown as an amphora with the id of its load balancer.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use evenkeel_api::list::{ListRequest, page};
use evenkeel_api::view::moment;
use evenkeel_model::{LoadBalancer, ProjectId, Record};
use evenkeel_store::{Placement, StoreError};
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// The fields that a list can be narrowed by.
const FILTERS: &[&str] = &[
    "id",
    "loadbalancer_id",
    "load_balancer_id",
    "compute_id",
    "ha_ip",
    "ha_port_id",
    "role",
    "status",
    "created_at",
    "updated_at",
];

/// A placement, and the load balancer that is placed.
struct Amphora {
    placement: Placement,
    record: Record<LoadBalancer>,
}

impl Amphora {
    fn view(&self) -> Value {
        let Self { placement, record } = self;
        let is_served = placement.served == placement.generation;
        json!({
            "id": placement.load_balancer,
            "loadbalancer_id": placement.load_balancer,
            "compute_id": placement.agent,
            "lb_network_ip": null,
            "vrrp_ip": null,
            "ha_ip": record.value.vip.address,
            "vrrp_port_id": null,
            "ha_port_id": record.value.vip.port,
            "cert_expiration": null,
            "cert_busy": false,
            "role": "STANDALONE",
            "status": if is_served { "ALLOCATED" } else { "BOOTING" },
            "vrrp_interface": null,
            "vrrp_id": null,
            "vrrp_priority": null,
            "cached_zone": null,
            "created_at": moment(record.created_at),
            "updated_at": record.updated_at.map(moment),
            "image_id": null,
            "compute_flavor": null,
        })
    }

    fn fits(&self, request: &ListRequest) -> bool {
        let is_of = |wanted: &ProjectId| *wanted == self.record.project;
        let view = self.view();
        request.project.as_ref().is_none_or(is_of)
            && request.filters.iter().all(|(name, wanted)| {
                let name = if name == "load_balancer_id" { "loadbalancer_id" } else { name };
                view[name] == *wanted
            })
    }
}

impl Call {
    async fn amphorae(&self) -> Result<Vec<Amphora>, Refusal> {
        let mut found = Vec::new();
        for placement in self.store().placements().await? {
            match self.store().get::<LoadBalancer>(placement.load_balancer).await {
                Ok(record) => found.push(Amphora { placement, record }),
                // It went while we looked.
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// The amphora in a path, if the caller may do this with it.
    async fn amphora(&self, id: &str, verb: Verb) -> Result<Amphora, Refusal> {
        self.allow_any(Action(Subject::Amphora, verb))?;
        let mut all = self.amphorae().await?.into_iter();
        let found = all.find(|it| it.placement.load_balancer.to_string() == id);
        found.ok_or_else(|| Fault::not_found("Amphora", id).into())
    }
}

/// `GET /v2/octavia/amphorae`.
pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Amphora, Verb::GetAll))?;
    let is_filter = |name: &str| FILTERS.contains(&name);
    let request = ListRequest::parse(&call.query, &is_filter, call.deployment())?;
    let all = call.amphorae().await?;
    let fitting = all.iter().filter(|it| it.fits(&request));
    let views = fitting.map(|it| request.fields.select(it.view())).collect();
    Ok(Json(page("amphorae", views, json!([]))).into_response())
}

/// `GET /v2/octavia/amphorae/{id}`.
pub(crate) async fn show(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    let amphora = call.amphora(&id, Verb::GetOne).await?;
    Ok(call.one("amphora", amphora.view()))
}

/// `PUT /v2/octavia/amphorae/{id}/failover`.
pub(crate) async fn failover(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let amphora = call.amphora(&id, Verb::PutFailover).await?;
    call.store().failover(amphora.placement.load_balancer).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /v2/octavia/amphorae/{id}/config`: an agent has the latest configuration always.
pub(crate) async fn configure(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    call.amphora(&id, Verb::PutConfig).await?;
    Ok(StatusCode::ACCEPTED)
}
