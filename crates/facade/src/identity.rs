//! The identity service, version 3, as far as the stock clients ask it.

use std::sync::Arc;

use axum::extract::{FromRef, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use evenkeel_vault::PasswordHash;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::clock::keystone_time;
use crate::directory::{Directory, Password, Principal, Project, User};
use crate::front_door::{Base, FrontDoor};
use crate::refusal::IdentityRefusal;

/// The region of all endpoints.
pub const REGION: &str = "local";

/// How many passwords are judged at once; others wait their turn.
const JUDGING: usize = 2;

const METHODS: [&str; 2] = ["password", "token"];

/// The identity façade: what it knows, and how it is found with its neighbours.
#[derive(Clone, Debug)]
struct Identity {
    directory: Directory,
    /// How many passwords may be judged at once: each is work.
    judging: Arc<Semaphore>,
    door: FrontDoor,
}

/// The façade below `/identity`. The catalogue is made of where `door` is.
pub fn router(directory: Directory, door: FrontDoor) -> Router {
    Router::new()
        .route("/identity", get(versions))
        .route("/identity/", get(versions))
        .route("/identity/v3", get(version))
        .route("/identity/v3/", get(version))
        .route(
            "/identity/v3/auth/tokens",
            get(validate_token).post(issue_token).delete(revoke_token),
        )
        .route("/identity/v3/auth/catalog", get(show_catalog))
        .route("/identity/v3/auth/projects", get(own_projects))
        .route("/identity/v3/projects", get(projects))
        .route("/identity/v3/projects/{id}", get(show_project))
        .route("/identity/v3/users", get(users))
        .route("/identity/v3/users/{id}", get(show_user))
        .route("/identity/v3/domains", get(domains))
        .route("/identity/v3/domains/{id}", get(show_domain))
        .with_state(Identity { directory, judging: Arc::new(Semaphore::new(JUDGING)), door })
}

impl Identity {
    /// Who asks.
    fn caller(&self, headers: &HeaderMap) -> Result<Principal, IdentityRefusal> {
        let token = token(headers, "x-auth-token").ok_or(IdentityRefusal::Unauthorized)?;
        self.directory.validate(token).ok_or(IdentityRefusal::Unauthorized)
    }

    /// The user, if the password is his. Whether there is such a user cannot be told from how long
    /// a refusal takes.
    async fn prove(&self, claimant: &Claimant) -> Result<User, IdentityRefusal> {
        let name = claimant.id.as_ref().or(claimant.name.as_ref());
        let user = name.and_then(|name| self.directory.user(name));
        let kept = user.map_or(Password::Kept(PasswordHash::of_nobody()), |user| user.password);
        let password = claimant.password.clone();
        let place = self.judging.acquire().await.map_err(|_| IdentityRefusal::Unauthorized)?;
        let is_right = spawn_blocking(move || kept.is(&password)).await.unwrap_or(false);
        drop(place);
        user.filter(|_| is_right).ok_or(IdentityRefusal::Unauthorized)
    }
}

impl FromRef<Identity> for FrontDoor {
    fn from_ref(identity: &Identity) -> Self {
        identity.door.clone()
    }
}

fn version_view(Base(base): &Base) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{base}/identity/v3/")}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

fn catalog(Base(base): &Base) -> Value {
    let service = |kind: &str, name: &str, path: &str| {
        let endpoint = |interface: &str| {
            json!({
                "id": format!("{name}-{interface}"),
                "interface": interface,
                "region": REGION,
                "region_id": REGION,
                "url": format!("{base}{path}"),
            })
        };
        let endpoints = ["public", "internal", "admin"].map(endpoint);
        json!({"id": name, "type": kind, "name": name, "endpoints": endpoints})
    };
    json!([
        service("identity", "keystone", "/identity"),
        service("network", "neutron", "/network"),
        service("load-balancer", "octavia", ""),
        service("key-manager", "barbican", "/key-manager"),
    ])
}

fn token_body(base: &Base, principal: &Principal, method: &str) -> Value {
    let Principal { user, project, expires, issued } = principal;
    let role = |name: &&str| json!({"id": format!("role-{name}"), "name": name});
    json!({"token": {
        "methods": [method],
        "user": {
            "id": user.id, "name": user.name, "domain": domain(), "password_expires_at": null,
        },
        "project": {"id": project.id, "name": project.name, "domain": domain()},
        "is_domain": false,
        "roles": user.roles.iter().map(role).collect::<Vec<_>>(),
        "catalog": catalog(base),
        "audit_ids": [format!("{}-{}", user.name, issued.unix_timestamp())],
        "issued_at": keystone_time(*issued),
        "expires_at": keystone_time(*expires),
    }})
}

async fn versions(base: Base) -> Response {
    let body = json!({"versions": {"values": [version_view(&base)]}});
    (StatusCode::MULTIPLE_CHOICES, Json(body)).into_response()
}

async fn version(base: Base) -> Json<Value> {
    Json(json!({"version": version_view(&base)}))
}

/// `POST /v3/auth/tokens`, by password or by an earlier token.
async fn issue_token(
    State(identity): State<Identity>,
    base: Base,
    body: axum::body::Bytes,
) -> Result<Response, IdentityRefusal> {
    let request: AuthRequest = serde_json::from_slice(&body).map_err(|error| {
        IdentityRefusal::BadRequest(format!("The body is not an authentication request: {error}."))
    })?;
    let (user, method) = request.user(&identity).await?;
    let project = request.project(&identity, user)?;
    let (token, principal) = identity.directory.issue(user, project);
    let body = token_body(&base, &principal, method);
    Ok((StatusCode::CREATED, [("x-subject-token", token)], Json(body)).into_response())
}

/// `GET` and `HEAD /v3/auth/tokens`: whom the token in `X-Subject-Token` speaks for.
async fn validate_token(
    State(identity): State<Identity>,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, IdentityRefusal> {
    identity.caller(&headers)?;
    let subject = token(&headers, "x-subject-token").unwrap_or_default();
    let principal = identity
        .directory
        .validate(subject)
        .ok_or_else(|| IdentityRefusal::NotFound { kind: "token", id: "(hidden)".to_owned() })?;
    let body = token_body(&base, &principal, "password");
    Ok(([("x-subject-token", subject.to_owned())], Json(body)).into_response())
}

async fn revoke_token(
    State(identity): State<Identity>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    identity.caller(&headers)?;
    if let Some(subject) = token(&headers, "x-subject-token") {
        identity.directory.revoke(subject);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn show_catalog(
    State(identity): State<Identity>,
    base: Base,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    Ok(Json(json!({"catalog": catalog(&base), "links": {}})))
}

/// What the lists of this service can be narrowed by.
#[derive(Debug, Deserialize)]
struct Wanted {
    name: Option<String>,
}

impl Wanted {
    fn is(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name)
    }
}

async fn own_projects(
    State(identity): State<Identity>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let caller = identity.caller(&headers)?;
    let all = identity.directory.people().projects.iter().copied();
    let own = all.filter(|project| caller.user.works_in(*project));
    Ok(Json(json!({"projects": own.map(project_view).collect::<Vec<_>>(), "links": {}})))
}

async fn projects(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    let all = identity.directory.people().projects.iter().copied();
    let found = all.filter(|project| wanted.is(project.name));
    Ok(Json(json!({"projects": found.map(project_view).collect::<Vec<_>>(), "links": {}})))
}

async fn show_project(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    let mut all = identity.directory.people().projects.iter().copied();
    let project = all
        .find(|project| project.id == id)
        .ok_or(IdentityRefusal::NotFound { kind: "project", id })?;
    Ok(Json(json!({"project": project_view(project)})))
}

async fn users(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    let all = identity.directory.people().users.iter().copied();
    let found = all.filter(|user| wanted.is(user.name));
    Ok(Json(json!({"users": found.map(user_view).collect::<Vec<_>>(), "links": {}})))
}

async fn show_user(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    let mut all = identity.directory.people().users.iter().copied();
    let user =
        all.find(|user| user.id == id).ok_or(IdentityRefusal::NotFound { kind: "user", id })?;
    Ok(Json(json!({"user": user_view(user)})))
}

async fn domains(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    let found: Vec<Value> = wanted.is("Default").then(domain_view).into_iter().collect();
    Ok(Json(json!({"domains": found, "links": {}})))
}

async fn show_domain(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, IdentityRefusal> {
    identity.caller(&headers)?;
    if id == "default" {
        Ok(Json(json!({"domain": domain_view()})))
    } else {
        Err(IdentityRefusal::NotFound { kind: "domain", id })
    }
}

fn domain() -> Value {
    json!({"id": "default", "name": "Default"})
}

fn domain_view() -> Value {
    json!({"id": "default", "name": "Default", "enabled": true, "description": ""})
}

fn project_view(project: Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "domain_id": "default",
        "parent_id": "default",
        "enabled": true,
        "is_domain": false,
        "description": "",
        "tags": [],
        "options": {},
    })
}

fn user_view(user: User) -> Value {
    json!({"id": user.id, "name": user.name, "domain_id": "default", "enabled": true})
}

fn token<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The body of `POST /v3/auth/tokens`, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct AuthRequest {
    auth: Auth,
}

#[derive(Debug, Deserialize)]
struct Auth {
    identity: Proof,
    scope: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Proof {
    methods: Vec<String>,
    password: Option<PasswordProof>,
    token: Option<Earlier>,
}

#[derive(Debug, Deserialize)]
struct PasswordProof {
    user: Claimant,
}

// No `Debug`, which would print the password.
#[derive(Deserialize)]
struct Claimant {
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    password: String,
}

impl std::fmt::Debug for Claimant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimant").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
struct Earlier {
    id: Option<String>,
}

impl AuthRequest {
    async fn user(&self, identity: &Identity) -> Result<(User, &'static str), IdentityRefusal> {
        let proof = &self.auth.identity;
        let method = METHODS.into_iter().find(|known| proof.methods.iter().any(|it| it == known));
        match method {
            Some("password") => {
                let proof = proof.password.as_ref().ok_or(IdentityRefusal::Unauthorized)?;
                Ok((identity.prove(&proof.user).await?, "password"))
            }
            Some("token") => {
                let token = proof.token.as_ref().and_then(|token| token.id.as_deref());
                let principal = token.and_then(|token| identity.directory.validate(token));
                principal.map(|it| (it.user, "token")).ok_or(IdentityRefusal::Unauthorized)
            }
            _ => Err(IdentityRefusal::Unauthorized),
        }
    }

    fn project(&self, identity: &Identity, user: User) -> Result<Project, IdentityRefusal> {
        let wanted = self.auth.scope.as_ref().and_then(|scope| scope.get("project"));
        let Some(wanted) = wanted else {
            let home = identity.directory.project(user.home);
            return home.ok_or(IdentityRefusal::Unauthorized);
        };
        let name = wanted.get("id").or_else(|| wanted.get("name")).and_then(Value::as_str);
        let project = name.and_then(|name| identity.directory.project(name));
        project.filter(|project| user.works_in(*project)).ok_or(IdentityRefusal::Unauthorized)
    }
}

#[cfg(test)]
mod tests;
