//! Subnets as tenants make them in networks of their own.

use std::net::IpAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use evenkeel_model::network::Subnet;
use evenkeel_model::{Route, SubnetId};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{self, Said, said, short};
use super::{Answer, Gone, Made, Neutron, refusal, view};
use crate::directory::Principal;
use crate::refusal::NetworkRefusal;

const ROOT: &str = "subnet";

#[derive(Debug, Deserialize)]
struct HostRoute {
    destination: IpNet,
    nexthop: IpAddr,
}

#[derive(Debug, Deserialize)]
struct Pool {
    start: IpAddr,
    end: IpAddr,
}

#[derive(Debug, Deserialize)]
struct Creation {
    network_id: Uuid,
    cidr: IpNet,
    ip_version: Option<u8>,
    #[serde(flatten)]
    rest: Request,
}

#[derive(Debug, Deserialize)]
struct Request {
    name: Option<String>,
    #[serde(default, deserialize_with = "said")]
    gateway_ip: Said<IpAddr>,
    host_routes: Option<Vec<HostRoute>>,
    allocation_pools: Option<Vec<Pool>>,
}

fn routes(said: &[HostRoute]) -> Vec<Route> {
    let route =
        |it: &HostRoute| Route { destination: it.destination.trunc(), next_hop: it.nexthop };
    said.iter().map(route).collect()
}

fn pools(said: &[Pool]) -> Vec<(IpAddr, IpAddr)> {
    said.iter().map(|it| (it.start, it.end)).collect()
}

fn version(cidr: IpNet) -> u8 {
    match cidr {
        IpNet::V4(_) => 4,
        IpNet::V6(_) => 6,
    }
}

/// `POST /v2.0/subnets`.
pub(super) async fn create(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    body: Bytes,
) -> Made {
    let caller = neutron.writer(&headers)?;
    let Creation { network_id, cidr, ip_version, rest } = body::read(&body, ROOT)?;
    if let Some(said) = ip_version.filter(|said| *said != version(cidr)) {
        let text = format!("The CIDR {cidr} is not of IP version {said}.");
        return Err(NetworkRefusal::BadRequest(text));
    }
    let network = neutron.own_network(&caller, &network_id.to_string()).await?;
    let cidr = cidr.trunc();
    let subnet = Subnet {
        id: SubnetId::new(Uuid::new_v4()),
        network,
        name: short(rest.name.unwrap_or_default(), "name")?,
        cidr,
        gateway: rest.gateway_ip.unwrap_or_else(|| Subnet::usual_gateway(cidr)),
        host_routes: routes(&rest.host_routes.unwrap_or_default()),
        pools: pools(&rest.allocation_pools.unwrap_or_default()),
    };
    let subnet = neutron.store.create_subnet(subnet).await.map_err(refusal)?;
    let view = neutron.subnet_view(&subnet).await?;
    Ok((StatusCode::CREATED, Json(json!({ROOT: view}))))
}

/// `PUT /v2.0/subnets/{id}`.
pub(super) async fn update(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let caller = neutron.writer(&headers)?;
    let id = neutron.own_subnet(&caller, &id).await?;
    let request: Request = body::read(&body, ROOT)?;
    if let Some(name) = &request.name {
        short(name.clone(), "name")?;
    }
    let edit = move |stored: &Subnet| {
        let mut subnet = stored.clone();
        subnet.name = request.name.clone().unwrap_or(subnet.name);
        subnet.gateway = request.gateway_ip.unwrap_or(subnet.gateway);
        subnet.host_routes = request.host_routes.as_deref().map_or(subnet.host_routes, routes);
        subnet.pools = request.allocation_pools.as_deref().map_or(subnet.pools, pools);
        Ok(subnet)
    };
    let subnet = neutron.store.update_subnet(id, edit).await.map_err(refusal)?;
    Ok(Json(json!({ROOT: neutron.subnet_view(&subnet).await?})))
}

/// `DELETE /v2.0/subnets/{id}`.
pub(super) async fn delete(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Gone {
    let caller = neutron.writer(&headers)?;
    let id = neutron.own_subnet(&caller, &id).await?;
    neutron.store.delete_subnet(id).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

impl Neutron {
    async fn subnet_view(&self, subnet: &Subnet) -> Result<serde_json::Value, NetworkRefusal> {
        let network = self.store.network(subnet.network).await.map_err(refusal)?;
        Ok(view::subnet(subnet, &network))
    }

    /// The subnet with this id, if its network is the caller's to change.
    async fn own_subnet(&self, caller: &Principal, id: &str) -> Result<SubnetId, NetworkRefusal> {
        let missing = || NetworkRefusal::NotFound { kind: "Subnet", id: id.to_owned() };
        let wanted: SubnetId = id.parse().map_err(|_| missing())?;
        let subnets = self.store.subnets().await.map_err(refusal)?;
        let subnet = subnets.iter().find(|it| it.id == wanted).ok_or_else(missing)?;
        match self.own_network(caller, &subnet.network.to_string()).await {
            // A network that the caller does not see has no subnets either.
            Err(NetworkRefusal::NotFound { .. }) => Err(missing()),
            outcome => outcome.map(|_| wanted),
        }
    }
}
