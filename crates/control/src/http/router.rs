//! Every call, a line each. Paths come here in their canonical spelling.

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{MethodRouter, get, put};
use evenkeel_api::Fault;
use evenkeel_model::{HealthMonitor, L7Policy, Listener, LoadBalancer, Pool};

use super::exposed::{delete, list, show, update};
use super::fault::Refusal;
use super::offering::{Flavor, Offered, Zone};
use super::profile::{FlavorProfile, Profiled, ZoneProfile};
use super::{
    ALLOWED, amphora, floating_address, health_monitor, l7_policy, l7_rule, listener,
    load_balancer, member, network, node, offering, pool, profile, provider, quota, subnet,
};
use crate::ControlPlane;

/// The calls of the service.
pub(crate) fn routes(control: ControlPlane) -> Router {
    Router::new()
        .nest("/v2/lbaas", tenant().merge(offered()))
        .route("/v2/octavia/amphorae", get(amphora::list))
        .route("/v2/octavia/amphorae/{id}", get(amphora::show).delete(amphora::delete))
        .route("/v2/octavia/amphorae/{id}/stats", get(amphora::stats))
        .route("/v2/octavia/amphorae/{id}/failover", put(amphora::failover))
        .route("/v2/octavia/amphorae/{id}/config", put(amphora::configure))
        .nest("/v2/evenkeel", own())
        .fallback(|| async { Refusal::no_such_path() })
        .method_not_allowed_fallback(other_method)
        .with_state(control)
}

fn tenant() -> Router<ControlPlane> {
    Router::new()
        .route("/loadbalancers", get(list::<LoadBalancer>).post(load_balancer::create))
        .route(
            "/loadbalancers/{id}",
            get(show::<LoadBalancer>).put(load_balancer::update).delete(load_balancer::delete),
        )
        .route("/loadbalancers/{id}/stats", get(load_balancer::stats))
        .route("/loadbalancers/{id}/status", get(load_balancer::status))
        .route("/loadbalancers/{id}/statuses", get(load_balancer::status))
        .route("/loadbalancers/{id}/failover", put(load_balancer::failover))
        .route("/listeners", get(list::<Listener>).post(listener::create))
        .route(
            "/listeners/{id}",
            get(show::<Listener>).put(listener::update).delete(delete::<Listener>),
        )
        .route("/listeners/{id}/stats", get(listener::stats))
        .route("/pools", get(list::<Pool>).post(pool::create))
        .route("/pools/{id}", get(show::<Pool>).put(update::<Pool>).delete(delete::<Pool>))
        .route("/pools/{pool}/members", get(member::list).post(member::create).put(member::batch))
        .route(
            "/pools/{pool}/members/{id}",
            get(member::show).put(member::update).delete(member::delete),
        )
        .route("/healthmonitors", get(list::<HealthMonitor>).post(health_monitor::create))
        .route(
            "/healthmonitors/{id}",
            get(show::<HealthMonitor>).put(update::<HealthMonitor>).delete(delete::<HealthMonitor>),
        )
        .route("/l7policies", get(list::<L7Policy>).post(l7_policy::create))
        .route(
            "/l7policies/{id}",
            get(show::<L7Policy>).put(update::<L7Policy>).delete(delete::<L7Policy>),
        )
        .route("/l7policies/{policy}/rules", get(l7_rule::list).post(l7_rule::create))
        .route(
            "/l7policies/{policy}/rules/{id}",
            get(l7_rule::show).put(l7_rule::update).delete(l7_rule::delete),
        )
        .route("/quotas", get(quota::list))
        .route("/quotas/defaults", get(quota::defaults))
        .route("/quotas/{project}", get(quota::show).put(quota::update).delete(quota::reset))
        .route("/quotas/{project}/default", get(quota::default))
        .route("/providers", get(provider::list))
        .route("/providers/{name}/flavor_capabilities", get(provider::flavors))
        .route("/providers/{name}/availability_zone_capabilities", get(provider::zones))
}

/// What Octavia has no words for.
fn own() -> Router<ControlPlane> {
    Router::new()
        .route("/nodes", get(node::nodes))
        .route("/placements", get(node::placements))
        .route("/networks", get(network::list).post(network::create))
        .route("/networks/{id}", get(network::show).put(network::update).delete(network::delete))
        .route("/subnets", get(subnet::list).post(subnet::create))
        .route("/subnets/{id}", get(subnet::show).put(subnet::update).delete(subnet::delete))
        .route("/floating-addresses", get(floating_address::list).post(floating_address::create))
        .route(
            "/floating-addresses/{id}",
            get(floating_address::show)
                .put(floating_address::update)
                .delete(floating_address::delete),
        )
}

/// What operators offer to tenants.
fn offered() -> Router<ControlPlane> {
    fn offerings<T: Offered>() -> MethodRouter<ControlPlane> {
        get(offering::list::<T>).post(offering::create::<T>)
    }
    fn offering<T: Offered>() -> MethodRouter<ControlPlane> {
        get(offering::show::<T>).put(offering::update::<T>).delete(offering::delete::<T>)
    }
    fn profiles<T: Profiled>() -> MethodRouter<ControlPlane> {
        get(profile::list::<T>).post(profile::create::<T>)
    }
    fn profile<T: Profiled>() -> MethodRouter<ControlPlane> {
        get(profile::show::<T>).put(profile::update::<T>).delete(profile::delete::<T>)
    }
    Router::new()
        .route("/flavors", offerings::<Flavor>())
        .route("/flavors/{id}", offering::<Flavor>())
        .route("/flavorprofiles", profiles::<FlavorProfile>())
        .route("/flavorprofiles/{id}", profile::<FlavorProfile>())
        .route("/availabilityzones", offerings::<Zone>())
        .route("/availabilityzones/{name}", offering::<Zone>())
        .route("/availabilityzoneprofiles", profiles::<ZoneProfile>())
        .route("/availabilityzoneprofiles/{id}", profile::<ZoneProfile>())
}

/// A method that the place does not have (contract 1.1): changing or deleting a whole collection
/// lacks an id, and an item cannot be posted to.
async fn other_method(method: Method, uri: Uri) -> Refusal {
    let below: Vec<&str> = uri.path().split('/').skip(3).collect();
    match (method, below.as_slice()) {
        (_, [_, _, "stats" | "status" | "statuses"]) | (Method::POST, ["amphorae", ..]) => {
            Refusal::method_not_allowed("GET")
        }
        (Method::PUT | Method::DELETE, [_] | [_, _, "members" | "rules"]) => {
            Fault::missing_argument("id").into()
        }
        (Method::POST, [_, _] | [_, _, _, _]) => {
            Fault::bad_request("An item cannot be posted to.").into()
        }
        (_, [_, _, "failover" | "config"]) => Refusal::method_not_allowed("PUT"),
        _ => Refusal::method_not_allowed(ALLOWED),
    }
}
