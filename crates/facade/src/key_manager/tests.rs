//! The key manager as clients meet it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;
use evenkeel_store::{Backend, Store, StoreConfig, SystemClock};
use evenkeel_vault::{Keyring, MasterKeys};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::KeyManager;
use crate::directory::{self, Directory};
use crate::front_door::localhost;

const BASE: &str = "http://localhost/key-manager";

struct Lab {
    manager: KeyManager,
    directory: Directory,
    keyring: Keyring,
}

struct Answer {
    status: StatusCode,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }
}

impl Lab {
    async fn new() -> Self {
        let store = Store::open(StoreConfig {
            backend: Backend::Memory,
            inline: false,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules::default(),
            clock: Arc::new(SystemClock),
        });
        let (store, directory) = (store.await.unwrap(), Directory::default());
        let keyring = Keyring::new(MasterKeys::generate());
        let manager = KeyManager::new(directory.clone(), store, keyring.clone(), localhost());
        Self { manager, directory, keyring }
    }

    fn token(&self, user: &str) -> String {
        let user = directory::user(user).unwrap();
        self.directory.issue(user, directory::project(user.home).unwrap()).0
    }

    async fn send(
        &self,
        user: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let path = path.strip_prefix("http://localhost").unwrap_or(path);
        let mut request =
            Request::builder().method(method).uri(path).header("x-auth-token", self.token(user));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.manager.router().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.send(user, Method::GET, path, &[], Body::empty()).await
    }

    async fn post(&self, user: &str, collection: &str, body: &Value) -> Answer {
        let path = format!("{BASE}/v1/{collection}");
        self.send(user, Method::POST, &path, &[], body.to_string()).await
    }

    async fn secret(&self, user: &str, payload: &str) -> String {
        let body = json!({"name": "s", "payload": payload, "payload_content_type": "text/plain"});
        let made = self.post(user, "secrets", &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()["secret_ref"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_secret_is_described_to_its_project_and_its_content_is_asked_for_by_itself() {
    let lab = Lab::new().await;
    let reference = lab.secret("demo", "hush").await;
    assert!(reference.starts_with("http://localhost/key-manager/v1/secrets/"), "{reference}");
    let shown = lab.get("demo", &reference).await;
    assert_eq!(shown.json()["content_types"]["default"], "text/plain");
    assert!(!shown.text.contains("hush"));
    assert_eq!(lab.get("demo", &format!("{reference}/payload")).await.text, "hush");
    for (user, status) in [("alt", StatusCode::NOT_FOUND), ("reader", StatusCode::FORBIDDEN)] {
        let refused = lab.get(user, &format!("{reference}/payload")).await;
        assert_eq!(refused.status, status, "{user}");
        assert!(!refused.text.contains("hush"));
    }
    assert_eq!(lab.get("alt", &reference).await.status, StatusCode::NOT_FOUND);
    let json_only = [("accept", "application/octet-stream")];
    let path = format!("{reference}/payload");
    let refused = lab.send("demo", Method::GET, &path, &json_only, Body::empty()).await;
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_secret_can_be_filled_once_in_a_second_step() {
    let lab = Lab::new().await;
    let made = lab.post("demo", "secrets", &json!({"name": "later"})).await;
    let reference = made.json()["secret_ref"].as_str().unwrap().to_owned();
    let path = format!("{reference}/payload");
    assert_eq!(lab.get("demo", &path).await.status, StatusCode::NOT_FOUND);
    let octets = [("content-type", "application/octet-stream"), ("content-encoding", "base64")];
    let filled = lab.send("demo", Method::PUT, &reference, &octets, "aHVzaA==").await;
    assert_eq!(filled.status, StatusCode::NO_CONTENT, "{}", filled.text);
    assert_eq!(lab.get("demo", &path).await.text, "hush");
    let again = lab.send("demo", Method::PUT, &reference, &octets, "bm8=").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(lab.get("demo", &path).await.text, "hush");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_without_quoting_it() {
    let lab = Lab::new().await;
    for body in [
        json!({"payload": "hush"}),
        json!({"payload": ["hush"], "payload_content_type": "text/plain"}),
        json!({"payload": "hush", "payload_content_type": "application/octet-stream"}),
        json!({"payload": "hush?", "payload_content_type": "application/octet-stream",
               "payload_content_encoding": "base64"}),
        json!({"hush": 1}),
        json!({"bit_length": "hush"}),
        json!("hush"),
    ] {
        let refused = lab.post("demo", "secrets", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}: {}", refused.text);
        assert!(!refused.text.contains("hush"), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_list_has_the_secrets_of_the_project_in_pages() {
    let lab = Lab::new().await;
    for _ in 0..3 {
        lab.secret("demo", "x").await;
    }
    lab.secret("alt", "x").await;
    let page = lab.get("demo", &format!("{BASE}/v1/secrets?limit=2")).await.json();
    assert_eq!((page["total"].as_u64(), page["secrets"].as_array().unwrap().len()), (Some(3), 2));
    let next = page["next"].as_str().unwrap();
    let rest = lab.get("demo", next).await.json();
    assert_eq!(rest["secrets"].as_array().unwrap().len(), 1);
    assert!(rest["next"].is_null() && rest["previous"].is_string(), "{rest}");
    let other = lab.get("demo", &format!("{BASE}/v1/secrets?name=other")).await.json();
    assert_eq!(other["total"], 0);
}

#[tokio::test]
async fn a_container_holds_secrets_that_its_author_may_see() {
    let lab = Lab::new().await;
    let (certificate, key) = (lab.secret("demo", "c").await, lab.secret("demo", "k").await);
    let body = json!({"name": "web", "type": "certificate", "secret_refs": [
        {"name": "certificate", "secret_ref": certificate},
        {"name": "private_key", "secret_ref": key},
    ]});
    let foreign = lab.post("alt", "containers", &body).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let made = lab.post("demo", "containers", &body).await;
    let reference = made.json()["container_ref"].as_str().unwrap().to_owned();
    let shown = lab.get("demo", &reference).await.json();
    assert_eq!(shown["secret_refs"][1]["secret_ref"], key);

    let consumer = json!({"name": "lb", "URL": "http://lb"}).to_string();
    let path = format!("{reference}/consumers");
    for _ in 0..2 {
        let noted = lab.send("demo", Method::POST, &path, &[], consumer.clone()).await;
        assert_eq!(noted.json()["consumers"].as_array().unwrap().len(), 1);
    }
    let left = lab.send("demo", Method::DELETE, &path, &[], consumer).await;
    assert_eq!(left.json()["consumers"], json!([]));

    for refs in [
        json!([{"name": "private_key", "secret_ref": key}]),
        json!([{"name": "certificate", "secret_ref": key}, {"name": "odd", "secret_ref": key}]),
        json!([{"name": "certificate", "secret_ref": key},
               {"name": "certificate", "secret_ref": key}]),
    ] {
        let body = json!({"type": "certificate", "secret_refs": refs});
        let refused = lab.post("demo", "containers", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    }
}

#[tokio::test]
async fn an_access_list_lets_others_in_and_the_own_project_out() {
    let lab = Lab::new().await;
    let reference = lab.secret("demo", "hush").await;
    let (acl, path) = (format!("{reference}/acl"), format!("{reference}/payload"));
    assert_eq!(lab.get("demo", &acl).await.json(), json!({"read": {"project-access": true}}));
    let alt = directory::user("alt").unwrap().id;
    let list = json!({"read": {"users": [alt]}}).to_string();
    let set = lab.send("demo", Method::PUT, &acl, &[], list).await;
    assert_eq!(set.json()["acl_ref"], acl);
    assert_eq!(lab.get("alt", &path).await.text, "hush");
    assert_eq!(lab.send("alt", Method::DELETE, &reference, &[], Body::empty()).await.status, 403);
    lab.send("demo", Method::DELETE, &acl, &[], Body::empty()).await;
    assert_eq!(lab.get("alt", &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reference_leads_to_our_own_secrets_or_nowhere() {
    let lab = Lab::new().await;
    let reference = lab.secret("demo", "x").await;
    let id = reference.rsplit('/').next().unwrap();
    for good in [
        reference.clone(),
        format!("/v1/secrets/{id}"),
        format!("https://lb.example.org/x/key-manager/v1/secrets/{id}"),
    ] {
        assert!(KeyManager::object(&good).is_some(), "{good}");
    }
    for bad in [
        format!("http://169.254.169.254/v1/secrets/{id}"),
        format!("http://localhost/key-manager@evil/v1/secrets/{id}"),
        format!("http://localhost/key-manager.evil/v1/secrets/{id}"),
        format!("{BASE}/v1/secrets/{id}/payload"),
        format!("{BASE}/v1/secrets/../secrets/{id}"),
        format!("{BASE}/v1/secrets/{{{id}}}"),
        format!("file:///v1/secrets/{id}"),
        format!("{BASE}/v2/secrets/{id}"),
        format!("{BASE}/v1/orders/{id}"),
        id.to_owned(),
        String::new(),
    ] {
        assert!(KeyManager::object(&bad).is_none(), "{bad}");
    }
}

#[tokio::test]
async fn a_content_whose_master_key_is_lost_says_so() {
    let lab = Lab::new().await;
    let reference = lab.secret("demo", "hush").await;
    lab.keyring.replace(MasterKeys::generate());
    let gone = lab.get("demo", &format!("{reference}/payload")).await;
    assert_eq!(gone.status, StatusCode::GONE);
    let deleted = lab.send("demo", Method::DELETE, &reference, &[], Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
}
