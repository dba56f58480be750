//! The network service, version 2.0, as far as the stock clients ask it: networks, subnets and
//! ports of our own store; floating IPs and security groups, of which there are none.

mod view;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use evenkeel_model::network::{FixedAddress, MacAddress, Port};
use evenkeel_model::{NetworkId, PortId, ProjectId, SubnetId};
use evenkeel_store::{Store, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

use crate::directory::{Directory, Principal};
use crate::refusal::NetworkRefusal;

/// The network façade: what it knows.
#[derive(Clone, Debug)]
struct Neutron {
    directory: Directory,
    store: Store,
    base: Arc<str>,
}

type Answer = Result<Json<Value>, NetworkRefusal>;

/// The façade below `/network`. `base` is the address of the whole service, without a slash at the
/// end.
pub fn router(directory: Directory, store: Store, base: &str) -> Router {
    Router::new()
        .route("/network", get(versions))
        .route("/network/", get(versions))
        .route("/network/v2.0", get(resources))
        .route("/network/v2.0/", get(resources))
        .route("/network/v2.0/extensions", get(extensions))
        .route("/network/v2.0/networks", get(networks))
        .route("/network/v2.0/networks/{id}", get(show_network))
        .route("/network/v2.0/subnets", get(subnets))
        .route("/network/v2.0/subnets/{id}", get(show_subnet))
        .route("/network/v2.0/ports", get(ports).post(create_port))
        .route("/network/v2.0/ports/{id}", get(show_port).delete(delete_port))
        .route("/network/v2.0/floatingips", get(floating_ips))
        .route("/network/v2.0/security-groups", get(security_groups))
        .with_state(Neutron { directory, store, base: base.into() })
}

impl Neutron {
    /// Who asks.
    fn caller(&self, headers: &HeaderMap) -> Result<Principal, NetworkRefusal> {
        let token = headers.get("x-auth-token").and_then(|value| value.to_str().ok());
        let principal = token.and_then(|token| self.directory.validate(token));
        principal.ok_or(NetworkRefusal::Unauthorized)
    }

    /// The views of all networks that the caller may see.
    async fn networks(&self, caller: &Principal) -> Result<Vec<Value>, NetworkRefusal> {
        let subnets = self.store.subnets().await.map_err(unavailable)?;
        let networks = self.store.networks().await.map_err(unavailable)?;
        let visible = networks.iter().filter(|it| it.shared || may_see(caller, &it.project));
        Ok(visible.map(|network| view::network(network, &subnets)).collect())
    }

    /// The views of all subnets.
    async fn subnets(&self) -> Result<Vec<Value>, NetworkRefusal> {
        let networks = self.store.networks().await.map_err(unavailable)?;
        let subnets = self.store.subnets().await.map_err(unavailable)?;
        let owner = |network: NetworkId| networks.iter().find(|it| it.id == network);
        Ok(subnets.iter().map(|subnet| view::subnet(subnet, owner(subnet.network))).collect())
    }

    /// The views of all ports that the caller may see.
    async fn ports(&self, caller: &Principal) -> Result<Vec<Value>, NetworkRefusal> {
        let ports = self.store.ports().await.map_err(unavailable)?;
        let visible = ports.iter().filter(|port| may_see(caller, &port.project));
        Ok(visible.map(view::port).collect())
    }
}

fn may_see(caller: &Principal, owner: &ProjectId) -> bool {
    caller.user.roles.contains(&"admin") || caller.project.id == owner.as_str()
}

fn unavailable(error: StoreError) -> NetworkRefusal {
    if let StoreError::Violation(violation) = error {
        NetworkRefusal::BadRequest(violation.to_string())
    } else if let StoreError::AddressInUse { .. } = error {
        NetworkRefusal::Conflict(error.to_string())
    } else {
        NetworkRefusal::Unavailable(error.to_string())
    }
}

/// Those of `views` that the query asks for: each parameter that names a field must equal it.
fn narrowed(views: Vec<Value>, query: Option<&str>) -> Vec<Value> {
    let pairs: Vec<(String, String)> = crate::query::pairs(query.unwrap_or_default());
    let fits = |view: &Value| {
        pairs.iter().all(|(name, wanted)| match view.get(name) {
            None => true,
            Some(Value::String(text)) => text == wanted,
            Some(other) => other.to_string().eq_ignore_ascii_case(wanted),
        })
    };
    views.into_iter().filter(fits).collect()
}

/// The one of `views` with this id.
fn one(views: Vec<Value>, kind: &'static str, id: String) -> Result<Value, NetworkRefusal> {
    let found = views.into_iter().find(|view| view["id"] == Value::String(id.clone()));
    found.ok_or(NetworkRefusal::NotFound { kind, id })
}

async fn versions(State(neutron): State<Neutron>) -> Json<Value> {
    let href = format!("{}/network/v2.0/", neutron.base);
    let links = json!([{"rel": "self", "href": href}]);
    Json(json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}))
}

async fn resources(State(neutron): State<Neutron>) -> Json<Value> {
    let resource = |name: &str, collection: &str| {
        let href = format!("{}/network/v2.0/{collection}", neutron.base);
        json!({"name": name, "collection": collection, "links": [{"rel": "self", "href": href}]})
    };
    Json(json!({"resources": [
        resource("network", "networks"),
        resource("subnet", "subnets"),
        resource("port", "ports"),
    ]}))
}

async fn extensions() -> Json<Value> {
    Json(json!({"extensions": []}))
}

async fn floating_ips(State(neutron): State<Neutron>, headers: HeaderMap) -> Answer {
    neutron.caller(&headers)?;
    Ok(Json(json!({"floatingips": []})))
}

async fn security_groups(State(neutron): State<Neutron>, headers: HeaderMap) -> Answer {
    neutron.caller(&headers)?;
    Ok(Json(json!({"security_groups": []})))
}

async fn networks(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    let found = narrowed(neutron.networks(&caller).await?, query.as_deref());
    Ok(Json(json!({"networks": found})))
}

async fn show_network(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    Ok(Json(json!({"network": one(neutron.networks(&caller).await?, "Network", id)?})))
}

async fn subnets(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    neutron.caller(&headers)?;
    Ok(Json(json!({"subnets": narrowed(neutron.subnets().await?, query.as_deref())})))
}

async fn show_subnet(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    neutron.caller(&headers)?;
    Ok(Json(json!({"subnet": one(neutron.subnets().await?, "Subnet", id)?})))
}

async fn ports(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    let found = narrowed(neutron.ports(&caller).await?, query.as_deref());
    Ok(Json(json!({"ports": found})))
}

async fn show_port(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    Ok(Json(json!({"port": one(neutron.ports(&caller).await?, "Port", id)?})))
}

/// The body of `POST /v2.0/ports`, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct PortEnvelope {
    port: PortRequest,
}

#[derive(Debug, Deserialize)]
struct PortRequest {
    network_id: Uuid,
    #[serde(default)]
    name: String,
    #[serde(default)]
    device_id: String,
    #[serde(default)]
    device_owner: String,
    #[serde(default)]
    fixed_ips: Vec<FixedIp>,
}

#[derive(Debug, Deserialize)]
struct FixedIp {
    subnet_id: Uuid,
    ip_address: IpAddr,
}

/// `POST /v2.0/ports`: a port of the tenant's own, with the addresses it names.
async fn create_port(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), NetworkRefusal> {
    let caller = neutron.caller(&headers)?;
    let request: PortEnvelope = serde_json::from_slice(&body)
        .map_err(|error| NetworkRefusal::BadRequest(format!("Invalid input for port: {error}.")))?;
    let PortRequest { network_id, name, device_id, device_owner, fixed_ips } = request.port;
    let id = PortId::new(Uuid::new_v4());
    let held =
        |ip: FixedIp| FixedAddress { subnet: SubnetId::new(ip.subnet_id), address: ip.ip_address };
    let port = Port {
        id,
        network: NetworkId::new(network_id),
        project: caller.project_id(),
        name,
        mac: MacAddress::of(id),
        device: device_id,
        device_owner,
        addresses: fixed_ips.into_iter().map(held).collect(),
    };
    let port = neutron.store.create_port(port).await.map_err(unavailable)?;
    Ok((StatusCode::CREATED, Json(json!({"port": view::port(&port)}))))
}

async fn delete_port(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, NetworkRefusal> {
    let caller = neutron.caller(&headers)?;
    let port = one(neutron.ports(&caller).await?, "Port", id.clone())?;
    if port["device_owner"] == view::VIP_OWNER {
        let text = format!("Port {id} belongs to a load balancer; delete that instead.");
        return Err(NetworkRefusal::Conflict(text));
    }
    let parsed = id.parse().map_err(|_| NetworkRefusal::NotFound { kind: "Port", id })?;
    neutron.store.delete_port(parsed).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}
