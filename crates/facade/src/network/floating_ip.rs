//! Floating IPs: a tenant takes them from external networks and binds them to ports of his own.

use std::net::IpAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use evenkeel_model::network::Floating;
use evenkeel_model::{FloatingId, NetworkId, PortId, ProjectId, SubnetId};
use evenkeel_store::FloatingRequest;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{self, Said, said, short};
use super::{Answer, Gone, Made, Neutron, is_admin, narrowed, owns, refusal, view};
use crate::directory::Principal;
use crate::refusal::NetworkRefusal;

const ROOT: &str = "floatingip";

#[derive(Debug, Deserialize)]
struct Creation {
    floating_network_id: Uuid,
    subnet_id: Option<Uuid>,
    floating_ip_address: Option<IpAddr>,
    project_id: Option<ProjectId>,
    description: Option<String>,
    port_id: Option<Uuid>,
    fixed_ip_address: Option<IpAddr>,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(default, deserialize_with = "said")]
    port_id: Said<Uuid>,
    fixed_ip_address: Option<IpAddr>,
}

impl Neutron {
    /// The floating IPs that the caller may see and change.
    async fn floating(&self, caller: &Principal) -> Result<Vec<Floating>, NetworkRefusal> {
        let mut all = self.store.floating_addresses().await.map_err(refusal)?;
        all.retain(|it| owns(caller, &it.project));
        Ok(all)
    }

    /// The one of them with this id.
    async fn own_floating(&self, caller: &Principal, id: &str) -> Result<Floating, NetworkRefusal> {
        let all = self.floating(caller).await?;
        let found = all.into_iter().find(|it| it.id.to_string() == id);
        found.ok_or_else(|| NetworkRefusal::NotFound { kind: "FloatingIP", id: id.to_owned() })
    }

    /// Whose a new floating IP is: an administrator who names nobody makes it for the port's owner.
    async fn owner(
        &self,
        caller: &Principal,
        request: &Creation,
    ) -> Result<ProjectId, NetworkRefusal> {
        let own = caller.project_id();
        if !is_admin(caller) {
            return match &request.project_id {
                Some(project) if *project != own => {
                    Err(NetworkRefusal::Forbidden("A floating IP of another project"))
                }
                Some(_) | None => Ok(own),
            };
        }
        let ports = self.store.ports().await.map_err(refusal)?;
        let port = request.port_id.and_then(|id| ports.into_iter().find(|it| it.id.uuid() == id));
        Ok(request.project_id.clone().or(port.map(|port| port.project)).unwrap_or(own))
    }
}

/// `GET /v2.0/floatingips`.
pub(super) async fn list(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    let views = neutron.floating(&caller).await?.iter().map(view::floating).collect();
    Ok(Json(json!({"floatingips": narrowed(views, query.as_deref())})))
}

/// `GET /v2.0/floatingips/{id}`.
pub(super) async fn show(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    Ok(Json(json!({ROOT: view::floating(&neutron.own_floating(&caller, &id).await?)})))
}

/// `POST /v2.0/floatingips`.
pub(super) async fn create(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    body: Bytes,
) -> Made {
    let caller = neutron.writer(&headers)?;
    let request: Creation = body::read(&body, ROOT)?;
    let project = neutron.owner(&caller, &request).await?;
    let request = FloatingRequest {
        id: FloatingId::new(Uuid::new_v4()),
        outside: PortId::new(Uuid::new_v4()),
        project,
        description: short(request.description.unwrap_or_default(), "description")?,
        network: NetworkId::new(request.floating_network_id),
        subnet: request.subnet_id.map(SubnetId::new),
        address: request.floating_ip_address,
        to: request.port_id.map(|port| (PortId::new(port), request.fixed_ip_address)),
    };
    let made = neutron.store.create_floating(request).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(json!({ROOT: view::floating(&made)}))))
}

/// `PUT /v2.0/floatingips/{id}`: with a port it is bound to that, with null to none.
pub(super) async fn update(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let caller = neutron.writer(&headers)?;
    let stored = neutron.own_floating(&caller, &id).await?;
    let change: Change = body::read(&body, ROOT)?;
    let Some(port) = change.port_id else {
        return Ok(Json(json!({ROOT: view::floating(&stored)})));
    };
    let to = port.map(|port| (PortId::new(port), change.fixed_ip_address));
    let bound = neutron.store.bind_floating(stored.id, to).await.map_err(refusal)?;
    Ok(Json(json!({ROOT: view::floating(&bound)})))
}

/// `DELETE /v2.0/floatingips/{id}`.
pub(super) async fn delete(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Gone {
    let caller = neutron.writer(&headers)?;
    let stored = neutron.own_floating(&caller, &id).await?;
    neutron.store.delete_floating(stored.id).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}
