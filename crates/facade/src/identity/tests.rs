//! The identity service as clients find it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

/// What a client that asked `host` is told, by a service that listens everywhere.
async fn told(host: &str, request: axum::http::request::Builder, body: String) -> Value {
    let bound = SocketAddr::from(([0, 0, 0, 0], 9876));
    let door = FrontDoor { public_url: None, proxy_headers: false, bound };
    let request = request.header("host", host).body(Body::from(body)).unwrap();
    let response = router(Directory::default(), door).oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn catalog_of(host: &str) -> Vec<String> {
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": "x"});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let body = json!({"auth": {"identity": identity}}).to_string();
    let told = told(host, Request::post("/identity/v3/auth/tokens"), body).await;
    let services = told["token"]["catalog"].as_array().unwrap().iter();
    let endpoints = services.flat_map(|it| it["endpoints"].as_array().unwrap());
    endpoints.map(|it| it["url"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_catalogue_is_where_the_client_asked() {
    let urls = catalog_of("lb.example.org:9876").await;
    assert_eq!(urls.len(), 12);
    for url in urls {
        assert!(url.starts_with("http://lb.example.org:9876"), "{url}");
    }
    for url in catalog_of("evil\"<b>").await {
        assert!(url.starts_with("http://0.0.0.0:9876"), "{url}");
    }
    let told = told("lb.example.org", Request::get("/identity/v3"), String::new()).await;
    assert_eq!(told["version"]["links"][0]["href"], "http://lb.example.org/identity/v3/");
}
