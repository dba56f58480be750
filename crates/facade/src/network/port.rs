//! Ports that tenants bring along.

use std::net::IpAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use evenkeel_model::network::{FixedAddress, MacAddress, Port};
use evenkeel_model::{NetworkId, PortId, ProjectId, SubnetId};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{self, short};
use super::{Gone, Made, Neutron, is_admin, refusal, view};
use crate::directory::Principal;
use crate::refusal::NetworkRefusal;

const ROOT: &str = "port";

/// The body of `POST /v2.0/ports`, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Request {
    network_id: Uuid,
    project_id: Option<ProjectId>,
    name: Option<String>,
    device_id: Option<String>,
    device_owner: Option<String>,
    mac_address: Option<String>,
    fixed_ips: Option<Vec<FixedIp>>,
}

#[derive(Debug, Deserialize)]
struct FixedIp {
    subnet_id: Option<Uuid>,
    ip_address: Option<IpAddr>,
}

impl Neutron {
    /// The network that a port of the caller's may be on.
    async fn usable_network(
        &self,
        caller: &Principal,
        id: Uuid,
    ) -> Result<NetworkId, NetworkRefusal> {
        let networks = self.visible(caller).await?;
        let is_usable = |it: &&evenkeel_model::network::Network| {
            it.id.uuid() == id && (is_admin(caller) || it.is_open_to(&caller.project_id()))
        };
        let missing = NetworkRefusal::NotFound { kind: "Network", id: id.to_string() };
        networks.iter().find(is_usable).map(|it| it.id).ok_or(missing)
    }

    /// The addresses that were asked for; one without a subnet is of the subnet that it lies in.
    async fn addresses(
        &self,
        network: NetworkId,
        asked: Vec<FixedIp>,
    ) -> Result<Vec<FixedAddress>, NetworkRefusal> {
        let subnets = self.store.subnets().await.map_err(refusal)?;
        let find = |ip: FixedIp| {
            let address = ip.ip_address.ok_or_else(|| {
                let text =
                    "An address of a port is named by ip_address; leave fixed_ips out for any.";
                NetworkRefusal::BadRequest(text.to_owned())
            })?;
            let mut own = subnets.iter().filter(|it| it.network == network);
            let around = own.find(|it| it.cidr.contains(&address)).map(|it| it.id);
            let subnet = ip.subnet_id.map(SubnetId::new).or(around).ok_or_else(|| {
                NetworkRefusal::BadRequest(format!("{address} is in no subnet of the network."))
            })?;
            Ok(FixedAddress { subnet, address })
        };
        asked.into_iter().map(find).collect()
    }
}

/// The hardware address that was asked for.
fn mac(said: Option<&str>, id: PortId) -> Result<MacAddress, NetworkRefusal> {
    let Some(text) = said else { return Ok(MacAddress::of(id)) };
    let mac: MacAddress = text
        .parse()
        .map_err(|error| NetworkRefusal::BadRequest(format!("mac_address: {error}.")))?;
    mac.check().map_err(|violation| NetworkRefusal::BadRequest(violation.to_string()))?;
    Ok(mac)
}

/// `POST /v2.0/ports`: a port of the tenant's own, with the addresses it names.
pub(super) async fn create(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    body: Bytes,
) -> Made {
    let caller = neutron.writer(&headers)?;
    let request: Request = body::read(&body, ROOT)?;
    let project = request.project_id.unwrap_or_else(|| caller.project_id());
    if project != caller.project_id() && !is_admin(&caller) {
        return Err(NetworkRefusal::Forbidden("A port of another project"));
    }
    let id = PortId::new(Uuid::new_v4());
    let wanted = mac(request.mac_address.as_deref(), id)?;
    let network = neutron.usable_network(&caller, request.network_id).await?;
    let port = Port {
        id,
        network,
        project,
        name: short(request.name.unwrap_or_default(), "name")?,
        mac: wanted,
        device: short(request.device_id.unwrap_or_default(), "device_id")?,
        device_owner: short(request.device_owner.unwrap_or_default(), "device_owner")?,
        addresses: neutron.addresses(network, request.fixed_ips.unwrap_or_default()).await?,
    };
    let port = neutron.store.create_port(port).await.map_err(refusal)?;
    if request.mac_address.is_some() && port.mac != wanted {
        // The store gave the next one that is free; whoever asks for one wants that one.
        neutron.store.delete_port(id).await.map_err(refusal)?;
        let text = format!("Another port of the network has the hardware address {wanted}.");
        return Err(NetworkRefusal::Conflict(text));
    }
    Ok((StatusCode::CREATED, Json(json!({ROOT: view::port(&port)}))))
}

/// `DELETE /v2.0/ports/{id}`.
pub(super) async fn delete(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Gone {
    let caller = neutron.writer(&headers)?;
    let port = super::one(neutron.ports(&caller).await?, "Port", id.clone())?;
    for (owner, whose) in
        [(view::VIP_OWNER, "load balancer"), (view::FLOATING_OWNER, "floating IP")]
    {
        if port["device_owner"] == owner {
            let text = format!("Port {id} belongs to a {whose}; delete that instead.");
            return Err(NetworkRefusal::Conflict(text));
        }
    }
    let parsed = id.parse().map_err(|_| NetworkRefusal::NotFound { kind: "Port", id })?;
    neutron.store.delete_port(parsed).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}
