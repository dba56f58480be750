//! The network service, version 2.0, as far as the stock clients ask it: networks, subnets, ports
//! and floating IPs of our own store; security groups, of which there are none.

mod body;
mod floating_ip;
mod port;
mod subnet;
mod tenant_network;
mod view;

use axum::extract::{FromRef, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use axum::{Json, Router};
use evenkeel_model::network::Network;
use evenkeel_model::{ProjectId, Violation};
use evenkeel_store::{Store, StoreError};
use serde_json::{Value, json};

use crate::directory::{Directory, Principal};
use crate::front_door::{Base, FrontDoor};
use crate::refusal::NetworkRefusal;

/// The network façade: what it knows.
#[derive(Clone, Debug)]
struct Neutron {
    directory: Directory,
    store: Store,
    door: FrontDoor,
}

type Answer = Result<Json<Value>, NetworkRefusal>;

/// What was made.
type Made = Result<(StatusCode, Json<Value>), NetworkRefusal>;

/// What is gone.
type Gone = Result<StatusCode, NetworkRefusal>;

/// The façade below `/network`, as clients find it through `door`.
pub fn router(directory: Directory, store: Store, door: FrontDoor) -> Router {
    Router::new()
        .route("/network", get(versions))
        .route("/network/", get(versions))
        .route("/network/v2.0", get(resources))
        .route("/network/v2.0/", get(resources))
        .route("/network/v2.0/extensions", get(extensions))
        .route("/network/v2.0/networks", get(networks).post(tenant_network::create))
        .route(
            "/network/v2.0/networks/{id}",
            get(show_network).put(tenant_network::update).delete(tenant_network::delete),
        )
        .route("/network/v2.0/subnets", get(subnets).post(subnet::create))
        .route(
            "/network/v2.0/subnets/{id}",
            get(show_subnet).put(subnet::update).delete(subnet::delete),
        )
        .route("/network/v2.0/ports", get(ports).post(port::create))
        .route("/network/v2.0/ports/{id}", get(show_port).delete(port::delete))
        .route("/network/v2.0/floatingips", get(floating_ip::list).post(floating_ip::create))
        .route(
            "/network/v2.0/floatingips/{id}",
            put(floating_ip::update).get(floating_ip::show).delete(floating_ip::delete),
        )
        .route("/network/v2.0/security-groups", get(security_groups))
        .with_state(Neutron { directory, store, door })
}

impl FromRef<Neutron> for FrontDoor {
    fn from_ref(neutron: &Neutron) -> Self {
        neutron.door.clone()
    }
}

impl Neutron {
    /// Who asks.
    fn caller(&self, headers: &HeaderMap) -> Result<Principal, NetworkRefusal> {
        let token = headers.get("x-auth-token").and_then(|value| value.to_str().ok());
        let principal = token.and_then(|token| self.directory.validate(token));
        principal.ok_or(NetworkRefusal::Unauthorized)
    }

    /// Who asks, if he may change anything.
    fn writer(&self, headers: &HeaderMap) -> Result<Principal, NetworkRefusal> {
        let caller = self.caller(headers)?;
        if is_admin(&caller) || caller.user.roles.contains(&"member") {
            Ok(caller)
        } else {
            Err(NetworkRefusal::Forbidden("A change by somebody who only reads"))
        }
    }

    /// All networks that the caller may see.
    async fn visible(&self, caller: &Principal) -> Result<Vec<Network>, NetworkRefusal> {
        let mut networks = self.store.networks().await.map_err(refusal)?;
        let project = caller.project_id();
        networks
            .retain(|it| is_admin(caller) || it.is_open_to(&project) || it.floats_for(&project));
        Ok(networks)
    }

    /// The views of all networks that the caller may see.
    async fn networks(&self, caller: &Principal) -> Result<Vec<Value>, NetworkRefusal> {
        let subnets = self.store.subnets().await.map_err(refusal)?;
        let networks = self.visible(caller).await?;
        Ok(networks.iter().map(|network| view::network(network, &subnets)).collect())
    }

    /// The views of all subnets of networks that the caller may see.
    async fn subnets(&self, caller: &Principal) -> Result<Vec<Value>, NetworkRefusal> {
        let networks = self.visible(caller).await?;
        let subnets = self.store.subnets().await.map_err(refusal)?;
        let shown = subnets.iter().filter_map(|subnet| {
            let network = networks.iter().find(|it| it.id == subnet.network)?;
            Some(view::subnet(subnet, network))
        });
        Ok(shown.collect())
    }

    /// The views of all ports that the caller may see.
    async fn ports(&self, caller: &Principal) -> Result<Vec<Value>, NetworkRefusal> {
        let ports = self.store.ports().await.map_err(refusal)?;
        let visible = ports.iter().filter(|port| owns(caller, &port.project));
        Ok(visible.map(view::port).collect())
    }
}

fn is_admin(caller: &Principal) -> bool {
    caller.user.roles.contains(&"admin")
}

/// Whether something of `owner` is the caller's to see and change.
fn owns(caller: &Principal, owner: &ProjectId) -> bool {
    is_admin(caller) || caller.project_id() == *owner
}

/// Why the store refused, in the words of the network service.
fn refusal(error: StoreError) -> NetworkRefusal {
    if let StoreError::Violation(Violation::MissingReference { kind, id }) = error {
        NetworkRefusal::NotFound { kind, id }
    } else if let StoreError::Violation(violation) = error {
        NetworkRefusal::BadRequest(violation.to_string())
    } else if let StoreError::NoNetworkObject { kind, id } = error {
        NetworkRefusal::NotFound { kind, id: id.to_string() }
    } else if let StoreError::AddressInUse { .. }
    | StoreError::NetworkObjectInUse { .. }
    | StoreError::FloatingTaken { .. } = error
    {
        NetworkRefusal::Conflict(error.to_string())
    } else {
        NetworkRefusal::Unavailable(error.to_string())
    }
}

/// Those of `views` that the query asks for: each parameter that names a field must equal it; of
/// one that is named more than once, one value is enough.
fn narrowed(views: Vec<Value>, query: Option<&str>) -> Vec<Value> {
    let pairs: Vec<(String, String)> = crate::query::pairs(query.unwrap_or_default());
    let fits = |view: &Value| {
        pairs.iter().all(|(name, _)| {
            let mut wanted = pairs.iter().filter(|(other, _)| other == name).map(|(_, it)| it);
            view.get(name).is_none_or(|field| wanted.any(|wanted| is(field, wanted)))
        })
    };
    views.into_iter().filter(fits).collect()
}

/// Whether a field is what somebody typed; of a list of objects, whether one has `key=value`.
fn is(field: &Value, wanted: &str) -> bool {
    match field {
        Value::String(text) => text == wanted,
        Value::Array(items) => {
            let pair = wanted.split_once('=');
            items.iter().any(|item| match pair {
                Some((key, value)) if item.is_object() => item[key] == *value,
                Some(_) | None => item == wanted,
            })
        }
        Value::Null => wanted.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            field.to_string().eq_ignore_ascii_case(wanted)
        }
    }
}

/// The one of `views` with this id.
fn one(views: Vec<Value>, kind: &'static str, id: String) -> Result<Value, NetworkRefusal> {
    let found = views.into_iter().find(|view| view["id"] == Value::String(id.clone()));
    found.ok_or(NetworkRefusal::NotFound { kind, id })
}

async fn versions(Base(base): Base) -> Json<Value> {
    let href = format!("{base}/network/v2.0/");
    let links = json!([{"rel": "self", "href": href}]);
    Json(json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}))
}

async fn resources(Base(base): Base) -> Json<Value> {
    let resource = |name: &str, collection: &str| {
        let href = format!("{base}/network/v2.0/{collection}");
        json!({"name": name, "collection": collection, "links": [{"rel": "self", "href": href}]})
    };
    Json(json!({"resources": [
        resource("network", "networks"),
        resource("subnet", "subnets"),
        resource("port", "ports"),
        resource("floatingip", "floatingips"),
    ]}))
}

/// What goes beyond the first version of the service, by the names that clients look for.
async fn extensions() -> Json<Value> {
    let extension = |alias: &str, name: &str| json!({"alias": alias, "name": name, "links": []});
    Json(json!({"extensions": [
        extension("external-net", "Networks that lead outside"),
        extension("provider", "VLANs of networks"),
        extension("net-mtu", "The largest packet of a network"),
        extension("router", "Floating IPs"),
    ]}))
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
    let caller = neutron.caller(&headers)?;
    Ok(Json(json!({"subnets": narrowed(neutron.subnets(&caller).await?, query.as_deref())})))
}

async fn show_subnet(
    State(neutron): State<Neutron>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let caller = neutron.caller(&headers)?;
    Ok(Json(json!({"subnet": one(neutron.subnets(&caller).await?, "Subnet", id)?})))
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

#[cfg(test)]
mod tests;
