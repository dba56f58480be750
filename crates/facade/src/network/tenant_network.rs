//! Networks as tenants make them, and administrators for them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use evenkeel_model::network::Network;
use evenkeel_model::{NetworkId, ProjectId};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{self, Said, Spoken, said, short};
use super::{Answer, Gone, Made, Neutron, is_admin, owns, refusal, view};
use crate::directory::Principal;
use crate::refusal::NetworkRefusal;

const ROOT: &str = "network";

/// The largest packet of a network that names none, in bytes.
const MTU: u16 = 1500;

#[derive(Debug, Deserialize)]
struct Request {
    name: Option<String>,
    project_id: Option<ProjectId>,
    shared: Option<bool>,
    #[serde(rename = "router:external")]
    external: Option<bool>,
    #[serde(rename = "provider:network_type")]
    kind: Option<String>,
    #[serde(default, rename = "provider:segmentation_id", deserialize_with = "said")]
    vlan: Said<Spoken>,
    mtu: Option<Spoken>,
}

impl Request {
    /// Refuses what only administrators say.
    fn check(&self, caller: &Principal) -> Result<(), NetworkRefusal> {
        if let Some(kind) = self.kind.as_deref().filter(|kind| *kind != "vlan") {
            let text = format!("The network type {kind} is not known here; only vlan is.");
            return Err(NetworkRefusal::BadRequest(text));
        }
        let is_privileged = self.shared == Some(true)
            || self.external == Some(true)
            || self.vlan.is_some()
            || self.kind.is_some()
            || self.project_id.as_ref().is_some_and(|it| *it != caller.project_id());
        if is_privileged && !is_admin(caller) {
            let what = "A network that is shared, external, of a VLAN or of another project";
            return Err(NetworkRefusal::Forbidden(what));
        }
        Ok(())
    }
}

/// `POST /v2.0/networks`.
pub(super) async fn create(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    body: Bytes,
) -> Made {
    let caller = neutron.writer(&headers)?;
    let request: Request = body::read(&body, ROOT)?;
    request.check(&caller)?;
    let network = Network {
        id: NetworkId::new(Uuid::new_v4()),
        name: short(request.name.unwrap_or_default(), "name")?,
        project: request.project_id.unwrap_or_else(|| caller.project_id()),
        shared: request.shared.unwrap_or(false),
        mtu: request.mtu.map_or(MTU, |mtu| mtu.0),
        vlan: request.vlan.flatten().map(|vlan| vlan.0),
        is_external: request.external.unwrap_or(false),
        allowed: Vec::new(),
    };
    let network = neutron.store.create_network(network).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(json!({ROOT: view::network(&network, &[])}))))
}

/// `PUT /v2.0/networks/{id}`.
pub(super) async fn update(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let caller = neutron.writer(&headers)?;
    let id = neutron.own_network(&caller, &id).await?;
    let request: Request = body::read(&body, ROOT)?;
    request.check(&caller)?;
    if let Some(name) = &request.name {
        short(name.clone(), "name")?;
    }
    let edit = move |stored: &Network| {
        Ok(Network {
            name: request.name.clone().unwrap_or_else(|| stored.name.clone()),
            shared: request.shared.unwrap_or(stored.shared),
            is_external: request.external.unwrap_or(stored.is_external),
            mtu: request.mtu.map_or(stored.mtu, |mtu| mtu.0),
            vlan: request.vlan.map_or(stored.vlan, |said| said.map(|vlan| vlan.0)),
            ..stored.clone()
        })
    };
    let network = neutron.store.update_network(id, edit).await.map_err(refusal)?;
    let subnets = neutron.store.subnets().await.map_err(refusal)?;
    Ok(Json(json!({ROOT: view::network(&network, &subnets)})))
}

/// `DELETE /v2.0/networks/{id}`.
pub(super) async fn delete(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Gone {
    let caller = neutron.writer(&headers)?;
    let id = neutron.own_network(&caller, &id).await?;
    neutron.store.delete_network(id).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

impl Neutron {
    /// The network with this id, if it is the caller's to change.
    pub(super) async fn own_network(
        &self,
        caller: &Principal,
        id: &str,
    ) -> Result<NetworkId, NetworkRefusal> {
        let missing = || NetworkRefusal::NotFound { kind: "Network", id: id.to_owned() };
        let wanted: NetworkId = id.parse().map_err(|_| missing())?;
        let networks = self.visible(caller).await?;
        let network = networks.iter().find(|it| it.id == wanted).ok_or_else(missing)?;
        if owns(caller, &network.project) {
            Ok(wanted)
        } else {
            Err(NetworkRefusal::Forbidden("A change of another project's network"))
        }
    }
}
