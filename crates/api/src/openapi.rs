//! The API as an OpenAPI 3.1 document, made of the same types that decode and show.

mod sample;

use evenkeel_model::observed::Traffic;
use evenkeel_model::quota::Limits;
use serde_json::{Map, Value, json};

use crate::decode::Field;
use crate::list::links_key;
use crate::route::{Answer, ROUTES, Request, Route};
use crate::{
    amphora, health_monitor, l7_policy, l7_rule, listener, load_balancer, member, pool, quota,
};

/// The document, always in the same order.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.word()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "evenkeel",
            "description": "Load balancing as a service, in the words of Octavia v2.",
            "version": "v2.30",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "description": format!("Guarded by `{}`.", route.policy),
        "parameters": parameters(route),
    });
    if let Some(Request { name, root, .. }) = route.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": content(&enveloped(root, &reference(name))),
        });
    }
    let mut success = json!({"description": "Done."});
    if let Some(schema) = answer(route.answer) {
        success["content"] = content(&schema);
    }
    operation["responses"] = json!({
        route.success.to_string(): success,
        "default": {"description": "Refused.", "content": content(&reference("Fault"))},
    });
    operation
}

fn content(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn enveloped(root: &str, schema: &Value) -> Value {
    json!({"type": "object", "required": [root], "properties": {root: schema}})
}

/// The schema of what is under a root.
fn component(root: &str) -> &'static str {
    match root {
        "loadbalancer" => "LoadBalancer",
        "listener" => "Listener",
        "pool" => "Pool",
        "member" => "Member",
        "healthmonitor" => "HealthMonitor",
        "l7policy" => "L7Policy",
        "rule" => "L7Rule",
        "quota" => "Quota",
        "provider" => "Provider",
        "stats" => "Statistics",
        "flavor" => "Flavor",
        "flavorprofile" => "FlavorProfile",
        "availability_zone" => "AvailabilityZone",
        "availability_zone_profile" => "AvailabilityZoneProfile",
        "amphora" => "Amphora",
        "amphora_stats" => "AmphoraStatistics",
        "node" => "Node",
        "placement" => "Placement",
        "network" => "Network",
        "subnet" => "Subnet",
        "floating_address" => "FloatingAddress",
        _ => "Statuses",
    }
}

fn answer(answer: Answer) -> Option<Value> {
    let list = |root| json!({"type": "array", "items": reference(component(root))});
    match answer {
        Answer::Nothing => None,
        Answer::One(root) => Some(enveloped(root, &reference(component(root)))),
        Answer::Whole(root) => Some(enveloped(root, &reference("WholeLoadBalancer"))),
        Answer::All(root, collection) | Answer::Bare(root, collection) => {
            Some(enveloped(collection, &list(root)))
        }
        Answer::Page(root, collection) => {
            let mut page = enveloped(collection, &list(root));
            page["properties"][links_key(collection)] = json!({
                "type": "array", "items": reference("Link"),
            });
            Some(page)
        }
    }
}

fn parameters(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": path_schema(name)}))
        .collect();
    match route.answer {
        Answer::Page(..) => parameters.extend(list_parameters()),
        Answer::One(_) | Answer::All(..) if route.method.word() == "get" => {
            parameters
                .push(query("fields", &json!({"type": "array", "items": {"type": "string"}})));
        }
        Answer::One(_)
        | Answer::All(..)
        | Answer::Bare(..)
        | Answer::Whole(_)
        | Answer::Nothing => {}
    }
    match route.operation {
        "load_balancer_delete" => parameters.push(query("cascade", &bool::schema())),
        "member_batch" => parameters.push(query("additive_only", &bool::schema())),
        _ => {}
    }
    Value::Array(parameters)
}

fn path_schema(name: &str) -> Value {
    match name {
        "project_id" | "provider" | "availability_zone_name" => json!({"type": "string"}),
        _ => json!({"type": "string", "format": "uuid"}),
    }
}

fn query(name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "schema": schema})
}

fn list_parameters() -> Vec<Value> {
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let mut parameters = vec![
        query("limit", &json!({"type": "integer"})),
        query("marker", &json!({"type": "string"})),
        query("page_reverse", &json!({"type": "string", "enum": ["True", "False"]})),
        query("sort", &json!({"type": "string", "examples": ["name:desc,id"]})),
        query("sort_key", &json!({"type": "string"})),
        query("sort_dir", &json!({"type": "string"})),
        query("project_id", &json!({"type": "string"})),
    ];
    parameters.extend(
        ["fields", "tags", "tags-any", "not-tags", "not-tags-any"].map(|it| query(it, &texts())),
    );
    parameters.push(json!({
        "name": "filters",
        "in": "query",
        "description": "The name of any scalar field, and what it shall be.",
        "style": "form",
        "explode": true,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    }));
    parameters
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    for request in ROUTES.iter().filter_map(|route| route.request) {
        schemas.insert(request.name.to_owned(), (request.schema)());
    }
    let whole = sample::whole();
    let shown = [
        (
            "LoadBalancer",
            load_balancer::view(&whole.load_balancer),
            load_balancer::Create::schema(),
        ),
        ("WholeLoadBalancer", crate::whole::full_view(&whole), load_balancer::Create::schema()),
        ("Listener", listener::view(&whole.listeners[0]), listener::Create::schema()),
        ("Pool", pool::view(&whole.pools[0]), pool::Create::schema()),
        ("Member", member::view(&whole.members[0]), member::Create::schema()),
        (
            "HealthMonitor",
            health_monitor::view(&whole.health_monitors[0]),
            health_monitor::Create::schema(),
        ),
        ("L7Policy", l7_policy::view(&whole.l7_policies[0]), l7_policy::Create::schema()),
        ("L7Rule", l7_rule::view(&whole.l7_rules[0]), l7_rule::Create::schema()),
        ("Quota", quota::view("project", &Limits::default()), quota::Update::schema()),
    ];
    let shown = shown.into_iter().chain(sample::offered()).chain(sample::networks());
    for (name, view, said) in shown {
        schemas.insert(name.to_owned(), shown_schema(&view, &said));
    }
    let statuses = crate::whole::status_tree(&whole);
    let statistics = crate::whole::statistics(Traffic::default());
    schemas.insert("Statuses".to_owned(), alike(&statuses["statuses"]));
    schemas.insert("Statistics".to_owned(), alike(&statistics["stats"]));
    schemas.insert("Provider".to_owned(), alike(&crate::provider::view("haproxy", "")));
    let place = sample::amphora(&whole);
    schemas.insert("Amphora".to_owned(), alike(&amphora::view(&place)));
    let listener = whole.listeners[0].value.id;
    let counted = amphora::statistics(place.id, place.load_balancer, listener, Traffic::default());
    schemas.insert("AmphoraStatistics".to_owned(), alike(&counted));
    schemas.insert("Node".to_owned(), alike(&sample::node()));
    schemas.insert("Placement".to_owned(), alike(&sample::placement()));
    schemas.insert("Link".to_owned(), alike(&json!({"rel": "next", "href": ""})));
    schemas.insert("Fault".to_owned(), fault());
    Value::Object(schemas)
}

/// The schema of an object that is shown so: what can be said of it has the schema of saying it,
/// and the rest looks like the sample.
fn shown_schema(view: &Value, said: &Value) -> Value {
    let mut properties = Map::new();
    for (key, value) in view.as_object().into_iter().flatten() {
        let said = said["properties"].get(key).filter(|_| !value.is_array() || key == "tags");
        let schema = match (key.as_str(), said) {
            ("updated_at" | "status_reason", _) => json!({"type": ["string", "null"]}),
            (_, Some(said)) => said.clone(),
            (_, None) => alike(value),
        };
        properties.insert(key.clone(), schema);
    }
    json!({"type": "object", "properties": properties})
}

/// The schema of values that look like this one.
fn alike(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => {
            json!({"type": "array", "items": items.first().map_or(json!({}), alike)})
        }
        Value::Object(map) => {
            let properties: Map<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), alike(value))).collect();
            json!({"type": "object", "properties": properties})
        }
    }
}

fn fault() -> Value {
    json!({
        "description": "What went wrong within a call, or before one was found.",
        "anyOf": [
            alike(&crate::Fault::bad_request("").body()),
            alike(&crate::Fault::no_such_path().body()),
            alike(&crate::Fault::unauthorized("").body()),
        ],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_is_always_the_same_and_refers_to_what_is_there() {
        let document = document();
        assert_eq!(document.to_string(), super::document().to_string());
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
        let paths: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
        assert_eq!(document["paths"].as_object().unwrap().len(), paths.len());
    }
}
