//! Which versions of the API there are (contract 1.3).

use axum::Json;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::fault::Refusal;
use super::origin::Origin;

/// Every minor version and when it was published; each adds to the one before. Clients look at the
/// last one.
const VERSIONS: [&str; 31] = [
    "2016-12-11T00:00:00Z",
    "2018-04-20T00:00:00Z",
    "2018-07-31T00:00:00Z",
    "2018-12-18T00:00:00Z",
    "2018-12-19T00:00:00Z",
    "2019-01-21T00:00:00Z",
    "2019-01-25T00:00:00Z",
    "2018-01-25T12:00:00Z",
    "2019-02-12T00:00:00Z",
    "2019-03-04T00:00:00Z",
    "2019-03-05T00:00:00Z",
    "2019-06-24T00:00:00Z",
    "2019-09-11T00:00:00Z",
    "2019-09-13T00:00:00Z",
    "2019-11-10T00:00:00Z",
    "2020-03-10T00:00:00Z",
    "2020-03-15T00:00:00Z",
    "2020-04-29T00:00:00Z",
    "2020-04-29T01:00:00Z",
    "2020-05-12T00:00:00Z",
    "2020-08-02T00:00:00Z",
    "2020-09-03T00:00:00Z",
    "2020-09-04T00:00:00Z",
    "2020-09-07T00:00:00Z",
    "2020-10-15T00:00:00Z",
    "2021-10-02T00:00:00Z",
    "2022-08-29T00:00:00Z",
    "2023-05-05T00:00:00Z",
    "2023-11-08T00:00:00Z",
    "2024-10-15T00:00:00Z",
    "2025-02-26T00:00:00Z",
];

/// The list of versions.
pub(crate) fn document(origin: &Origin) -> Json<Value> {
    let links = json!([{"href": format!("{}/v2", origin.base), "rel": "self"}]);
    let version = |(minor, updated): (usize, &&str)| {
        let status = if minor + 1 == VERSIONS.len() { "CURRENT" } else { "SUPPORTED" };
        json!({"id": format!("v2.{minor}"), "status": status, "updated": updated, "links": links})
    };
    let versions: Vec<Value> = VERSIONS.iter().enumerate().map(version).collect();
    Json(json!({"versions": versions}))
}

/// `GET /v2` and its aliases: the same list, so that a client that begins at the endpoint of the
/// catalogue finds its way.
pub(crate) fn root(method: &Method, origin: &Origin) -> Result<Response, Refusal> {
    if *method == Method::GET {
        Ok(document(origin).into_response())
    } else {
        Err(Refusal::method_not_allowed("GET"))
    }
}
