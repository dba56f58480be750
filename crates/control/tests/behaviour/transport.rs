//! Paths, methods, heads and tokens (contract 1).

use axum::body::Body;
use axum::http::{Method, StatusCode};
use evenkeel_control::config::AuthStrategy;
use serde_json::json;

use crate::lab::{Answer, Client, Lab};

async fn bare(client: Client<'_>, method: Method, path: &str) -> Answer {
    client.send(client.request(method, path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn discovery_names_thirty_one_versions_with_the_newest_last() {
    let lab = Lab::new().await;
    let answer = lab.member().get("/").await;
    let versions = answer.is(200).json()["versions"].as_array().unwrap().clone();
    assert_eq!(versions.len(), 31);
    let current: Vec<_> = versions.iter().filter(|it| it["status"] == "CURRENT").collect();
    assert_eq!(current, [versions.last().unwrap()]);
    assert_eq!(current[0]["id"], "v2.30");
    assert_eq!(current[0]["updated"], "2025-02-26T00:00:00Z");
    for version in &versions {
        assert_eq!(version["links"], json!([{"href": "http://localhost/v2", "rel": "self"}]));
    }
    for path in ["/v2", "/v2.0/", "/v2/lbaas", "/load-balancer/v2.0"] {
        bare(lab.member(), Method::GET, path).await.is(200);
    }
}

#[tokio::test]
async fn every_alias_of_a_path_leads_to_the_same_place() {
    let lab = Lab::new().await;
    let client = lab.member();
    let id = client.load_balancer().await;
    for root in
        ["/v2/lbaas", "/v2.0/lbaas", "/v2", "/v2.0", "/load-balancer/v2.0/lbaas", "//v2//lbaas"]
    {
        for end in ["", "/", ".json"] {
            let path = format!("{root}/loadbalancers/{id}{end}");
            bare(client, Method::GET, &path).await.is(200);
            bare(client, Method::GET, &format!("{root}/loadbalancers{end}")).await.is(200);
        }
    }
    let upper = format!("/v2/lbaas/loadbalancers/{}", id.to_uppercase());
    let undashed = format!("/v2/lbaas/loadbalancers/{}", id.replace('-', ""));
    for path in
        [&upper, &undashed, "/V2/lbaas/loadbalancers", "/v2/lbaas/amphorae", "/v3", "/v2/x/y/z/%ff"]
    {
        bare(client, Method::GET, path).await.is(404);
    }
}

#[tokio::test]
async fn links_to_pages_keep_the_spelling_of_the_path() {
    let lab = Lab::new().await;
    let client = lab.member();
    client.load_balancer().await;
    let answer =
        bare(client, Method::GET, "/load-balancer/v2.0/lbaas/loadbalancers.json?limit=1").await;
    let href = answer.json()["loadbalancers_links"][0]["href"].as_str().unwrap().to_owned();
    let start = "http://localhost/load-balancer/v2.0/lbaas/loadbalancers.json?limit=1&marker=";
    assert!(href.starts_with(start), "{href}");
}

#[tokio::test]
async fn a_place_says_what_cannot_be_done_there() {
    let lab = Lab::new().await;
    let client = lab.member();
    let id = client.load_balancer().await;
    let item = format!("/v2/lbaas/loadbalancers/{id}");
    for (method, path) in [
        (Method::PATCH, "/v2/lbaas/pools".to_owned()),
        (Method::PATCH, item.clone()),
        (Method::TRACE, item.clone()),
        (Method::POST, format!("{item}/stats")),
        (Method::POST, format!("{item}/status")),
        (Method::GET, format!("{item}/failover")),
        (Method::POST, "/v2/lbaas/providers".to_owned()),
    ] {
        let answer = bare(client, method.clone(), &path).await;
        answer.is(405);
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
        assert_eq!(answer.json()["code"], 405);
    }
    let head = bare(client, Method::HEAD, &item).await;
    assert_eq!(
        (head.status, head.headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "DELETE, GET, POST, PUT")
    );
    for method in [Method::PUT, Method::DELETE] {
        bare(client, method, "/v2/lbaas/listeners").await.refused(400, "Missing argument: \"id\"");
    }
    bare(client, Method::DELETE, "/v2/lbaas/l7policies")
        .await
        .refused(400, "Missing argument: \"id\"");
    bare(client, Method::POST, &item).await.is(400);
    bare(client, Method::OPTIONS, &item).await.is(200);
    bare(client, Method::GET, "/v2/lbaas/nonsense").await.is(404);
}

#[tokio::test]
async fn only_a_405_says_which_methods_there_are() {
    let lab = Lab::new().await;
    let client = lab.member();
    let item = format!("/v2/lbaas/loadbalancers/{}", client.load_balancer().await);
    for (method, path, status) in [
        (Method::PUT, "/v2/lbaas/listeners", 400),
        (Method::DELETE, "/v2/lbaas/flavors", 400),
        (Method::POST, item.as_str(), 400),
        (Method::GET, item.as_str(), 200),
        (Method::GET, "/v2/lbaas/nonsense", 404),
        (Method::TRACE, item.as_str(), 405),
    ] {
        let answer = bare(client, method.clone(), path).await;
        let allow = answer.is(status).headers.get("allow").map(|it| it.to_str().unwrap());
        let expected = (status == 405).then_some("DELETE, GET, POST, PUT");
        assert_eq!(allow, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_are_json_and_have_bounds() {
    let lab = Lab::new().await;
    let client = lab.member();
    let send = async |kind: Option<&str>, body: String| {
        let mut request = client.request(Method::POST, "/v2/lbaas/pools");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        client.send(request.body(Body::from(body)).unwrap()).await
    };
    send(Some("text/xml"), "<x/>".to_owned()).await.refused(415, "Unknown mimetype: text/xml");
    send(None, "x=1".to_owned()).await.refused(400, "Unknown argument: \"x\"");
    send(Some("application/json"), "{".to_owned())
        .await
        .refused(400, "Request is not in valid JSON format");
    send(Some("application/json"), String::new()).await.refused(400, "Missing argument: \"pool_\"");
    send(Some("application/json"), "{}".to_owned())
        .await
        .refused(400, "Missing argument: \"pool_\"");
    let large = send(Some("application/json"), " ".repeat((1 << 20) + 1)).await;
    large.is(413);
    assert_eq!(large.headers["content-type"], "text/plain");
    let query = client.post("/pools?x=1", json!({"pool": {}})).await;
    query.refused(400, "Unknown argument: \"x\"");
}

#[tokio::test]
async fn whoever_takes_no_json_is_told_so() {
    let lab = Lab::new().await;
    let client = lab.member();
    let ask = async |accept: &str| {
        let request = client.request(Method::GET, "/v2/lbaas/pools").header("accept", accept);
        client.send(request.body(Body::empty()).unwrap()).await
    };
    ask("*/*").await.is(200);
    let refused = ask("text/html").await;
    refused.is(406);
    assert_eq!(refused.json()["code"], 406);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_empty_ones_have_no_type() {
    let lab = Lab::new().await;
    let client = lab.member();
    let item = format!("/loadbalancers/{}", client.load_balancer().await);
    for answer in [client.get("/").await, client.get("/v3").await, client.get("/pools").await] {
        let id = answer.headers["x-openstack-request-id"].to_str().unwrap();
        assert!(id.starts_with("req-") && id.len() == 40, "{id}");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let deleted = client.delete(&item).await;
    assert_eq!((deleted.is(204).headers.get("content-type"), deleted.text.as_str()), (None, ""));
}

#[tokio::test]
async fn without_a_good_token_nobody_gets_further_than_discovery() {
    let lab = Lab::with(|config, _| {
        config.auth_strategy = AuthStrategy::Keystone;
        config.healthcheck_enabled = true;
    })
    .await;
    let client = lab.admin();
    for path in ["/", "/load-balancer/", "/healthcheck", "/load-balancer/healthcheck/"] {
        bare(client, Method::GET, path).await.is(200);
    }
    for path in ["/v2", "/v2/lbaas/pools", "/v2/lbaas/nonsense", "/v2/evenkeel/nodes"] {
        let answer = bare(client, Method::GET, path).await;
        answer.is(401);
        assert_eq!(
            answer.json(),
            json!({"error": {"code": 401, "title": "Unauthorized",
                "message": "The request you have made requires authentication."}})
        );
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert_eq!(challenge, "Keystone uri=\"http://localhost/identity/v3\"");
    }
    // There is nobody who could say whether a token is good.
    let request = client.request(Method::GET, "/v2/lbaas/pools").header("x-auth-token", "guess");
    let answer = client.send(request.body(Body::empty()).unwrap()).await;
    answer.is(503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn the_health_check_is_off_unless_it_is_asked_for() {
    let lab = Lab::new().await;
    bare(lab.member(), Method::GET, "/healthcheck").await.is(404);
    let lab = Lab::with(|config, _| config.healthcheck_enabled = true).await;
    let answer = bare(lab.member(), Method::GET, "/healthcheck").await;
    assert_eq!(
        (answer.is(200).text.as_str(), &answer.headers["content-type"]),
        ("OK", &"text/plain".parse().unwrap())
    );
    bare(lab.member(), Method::POST, "/healthcheck").await.is(405);
}
