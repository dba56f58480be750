//! Who gets through to what belongs to no tenant: every route as every role (contract 1.2, 5.3).

use std::collections::BTreeSet;

use axum::http::Method;
use evenkeel_api::route::{self, ROUTES, Route};
use evenkeel_control::config::RoleStyle;
use serde_json::json;

use crate::lab::{Client, Lab, OWN};

/// The routes of operators, and who of these gets through: `r` a reader, `m` a member, `a` an
/// administrator.
const GOLDEN: &[(&str, &str)] = &[
    ("provider_list", "rma"),
    ("flavor_capability_list", "a"),
    ("availability_zone_capability_list", "a"),
    ("flavor_list", "rma"),
    ("flavor_create", "a"),
    ("flavor_show", "rma"),
    ("flavor_update", "a"),
    ("flavor_delete", "a"),
    ("flavor_profile_list", "a"),
    ("flavor_profile_create", "a"),
    ("flavor_profile_show", "a"),
    ("flavor_profile_update", "a"),
    ("flavor_profile_delete", "a"),
    ("availability_zone_list", "rma"),
    ("availability_zone_create", "a"),
    ("availability_zone_show", "rma"),
    ("availability_zone_update", "a"),
    ("availability_zone_delete", "a"),
    ("availability_zone_profile_list", "a"),
    ("availability_zone_profile_create", "a"),
    ("availability_zone_profile_show", "a"),
    ("availability_zone_profile_update", "a"),
    ("availability_zone_profile_delete", "a"),
    ("amphora_list", "a"),
    ("amphora_show", "a"),
    ("amphora_delete", "a"),
    ("amphora_stats", "a"),
    ("amphora_configure", "a"),
    ("amphora_failover", "a"),
    ("node_list", "a"),
    ("placement_list", "a"),
    ("network_list", "a"),
    ("network_create", "a"),
    ("network_show", "a"),
    ("network_update", "a"),
    ("network_delete", "a"),
    ("subnet_list", "a"),
    ("subnet_create", "a"),
    ("subnet_show", "a"),
    ("subnet_update", "a"),
    ("subnet_delete", "a"),
    ("floating_address_list", "a"),
    ("floating_address_create", "a"),
    ("floating_address_show", "a"),
    ("floating_address_update", "a"),
    ("floating_address_delete", "a"),
];

/// Beginnings of the paths of what belongs to no tenant.
const ROOTS: [&str; 5] = [
    "/v2/lbaas/providers",
    "/v2/lbaas/flavor",
    "/v2/lbaas/availabilityzone",
    "/v2/octavia/",
    "/v2/evenkeel/",
];

fn of_operators() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| ROOTS.iter().any(|root| route.path.starts_with(root)))
}

/// Whether the gate lets a call through; what is behind it finds nothing.
async fn gets_through(client: Client<'_>, route: &Route) -> bool {
    let segments = route.path.split('/');
    let segments = segments.map(|it| if it.starts_with('{') { "x" } else { it });
    let path = segments.collect::<Vec<_>>().join("/");
    let method = match route.method {
        route::Method::Get => Method::GET,
        route::Method::Post => Method::POST,
        route::Method::Put => Method::PUT,
        route::Method::Delete => Method::DELETE,
    };
    let answer = match method {
        Method::GET => client.get(&path).await,
        Method::POST => client.post(&path, json!({})).await,
        Method::DELETE => client.delete(&path).await,
        _ => client.put(&path, json!({})).await,
    };
    let status = answer.status.as_u16();
    assert!(matches!(status, 200 | 202 | 400 | 403 | 404), "{path}: {status} {}", answer.text);
    status != 403
}

#[test]
fn every_route_of_operators_is_in_the_table_once() {
    let routes: Vec<&str> = of_operators().map(|route| route.operation).collect();
    let listed: BTreeSet<&str> = GOLDEN.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(listed, routes.iter().copied().collect());
    assert_eq!(GOLDEN.len(), routes.len());
}

#[tokio::test]
async fn each_role_gets_as_far_as_the_contract_says() {
    for (style, [reader, member, admin]) in [
        (RoleStyle::Default, ["reader", "member", "admin"]),
        (
            RoleStyle::Advanced,
            ["load-balancer_observer", "load-balancer_member", "load-balancer_admin"],
        ),
    ] {
        let lab = Lab::without_agent(|config, _| config.policy.style = style).await;
        for route in of_operators() {
            let (_, golden) =
                GOLDEN.iter().find(|(operation, _)| *operation == route.operation).unwrap();
            let mut through = String::new();
            for (letter, role) in [('r', reader), ('m', member), ('a', admin)] {
                if gets_through(lab.caller(OWN, role), route).await {
                    through.push(letter);
                }
            }
            assert_eq!(through, *golden, "{} in {style:?}", route.operation);
            for stranger in [lab.caller(OWN, ""), lab.caller("", "reader,member")] {
                assert!(!gets_through(stranger, route).await, "{} by nobody", route.operation);
            }
        }
    }
}
