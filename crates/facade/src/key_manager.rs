//! The key manager, version 1, as far as the stock clients ask it: secrets, containers, consumers
//! and access lists.
//!
//! What is secret lies in the store, sealed with the master keys, and leaves it only to whoever may
//! read it.

mod access;
mod container;
mod payload;
mod request;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use evenkeel_model::ProjectId;
use evenkeel_store::{KeptSecret, SecretKind, Store, StoreError};
use evenkeel_vault::{Context, Keyring, Secret};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::{Directory, Principal};
use crate::front_door::{Base, FrontDoor};
use crate::refusal::KeyManagerRefusal;

pub use payload::LONGEST;

/// The key manager. Clones are the same one.
#[derive(Clone)]
pub struct KeyManager(Arc<Inner>);

struct Inner {
    directory: Directory,
    store: Store,
    keyring: Keyring,
    door: FrontDoor,
}

impl fmt::Debug for KeyManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyManager").field("door", &self.0.door).finish_non_exhaustive()
    }
}

/// Who wants to read a secret.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// His user id.
    pub user: &'a str,
    /// The project that his token is for.
    pub project: &'a ProjectId,
}

/// The key manager cannot say now. It may be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key manager does not answer now")]
pub struct Silent;

impl KeyManager {
    /// A key manager that keeps its secrets in `store`, as clients find it through `door`.
    pub fn new(directory: Directory, store: Store, keyring: Keyring, door: FrontDoor) -> Self {
        Self(Arc::new(Inner { directory, store, keyring, door }))
    }

    /// The façade below `/key-manager`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/key-manager", get(versions))
            .route("/key-manager/", get(versions))
            .route("/key-manager/v1", get(version))
            .route("/key-manager/v1/", get(version))
            .nest("/key-manager/v1", version_one())
            .layer(DefaultBodyLimit::max(payload::LONGEST_BODY))
            .with_state(self.clone())
    }

    /// What a reference names: an id below `/key-manager/v1` of any address, for the service has
    /// those that clients know it by, or below `/v1` if it has no address. Whatever the address is,
    /// it is looked for here and never asked for elsewhere.
    pub fn object(reference: &str) -> Option<(SecretKind, Uuid)> {
        let path = match reference.split_once("://") {
            Some(("http" | "https", place)) => place.split_once("/key-manager")?.1,
            Some(_) => return None,
            None => reference,
        };
        let (collection, id) = path.strip_prefix("/v1/")?.split_once('/')?;
        let kind = match collection {
            "secrets" => SecretKind::Secret,
            "containers" => SecretKind::Container,
            _ => return None,
        };
        let id = Uuid::parse_str(id).ok().filter(|it| it.to_string() == id)?;
        Some((kind, id))
    }

    /// The content of a secret; nothing if there is none that `reader` may read, whichever it is.
    ///
    /// # Errors
    ///
    /// [`Silent`].
    pub async fn content(&self, id: Uuid, reader: Reader<'_>) -> Result<Option<Secret>, Silent> {
        let found = self.find(SecretKind::Secret, id).await?;
        Ok(found.filter(|it| access::may_read(it, reader)).and_then(|it| self.open(&it)))
    }

    /// The references in a container, by their names; nothing if there is none that `reader` may
    /// read, whichever it is.
    ///
    /// # Errors
    ///
    /// [`Silent`].
    pub async fn parts(
        &self,
        id: Uuid,
        reader: Reader<'_>,
    ) -> Result<Option<Vec<(String, Uuid)>>, Silent> {
        let found = self.find(SecretKind::Container, id).await?;
        let found = found.filter(|it| access::may_read(it, reader));
        Ok(found.map(|it| container::About::of(&it).parts()))
    }

    async fn find(&self, kind: SecretKind, id: Uuid) -> Result<Option<KeptSecret>, Silent> {
        self.0.store.secret(kind, id).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "secret not read");
            Silent
        })
    }

    /// The content in clear; nothing if there is none, or it was sealed with a key that is lost.
    fn open(&self, secret: &KeptSecret) -> Option<Secret> {
        let opened = self.0.keyring.keys().open(secret.sealed.as_ref()?, &context_of(secret));
        if opened.is_err() {
            tracing::error!(secret = %secret.id, "a secret was sealed with a master key that is lost");
        }
        opened.ok()
    }

    /// Who asks.
    fn caller(&self, headers: &HeaderMap) -> Result<Principal, KeyManagerRefusal> {
        let token = headers.get("x-auth-token").and_then(|value| value.to_str().ok());
        let principal = token.and_then(|token| self.0.directory.validate(token));
        principal.ok_or(KeyManagerRefusal::Unauthorized)
    }

    /// Who asks, if he may change things.
    fn author(&self, headers: &HeaderMap) -> Result<Principal, KeyManagerRefusal> {
        let caller = self.caller(headers)?;
        let may = caller.user.roles.contains(&"member");
        if may { Ok(caller) } else { Err(KeyManagerRefusal::Forbidden) }
    }

    /// What `text` is the id of, if `caller` may see that it is there.
    async fn load(
        &self,
        kind: SecretKind,
        text: &str,
        caller: &Principal,
    ) -> Result<KeptSecret, KeyManagerRefusal> {
        let not_found = || KeyManagerRefusal::NotFound(kind);
        let id = Uuid::parse_str(text).map_err(|_| not_found())?;
        let found = self.0.store.secret(kind, id).await?.ok_or_else(not_found)?;
        let project = caller.project_id();
        let reader = Reader { user: caller.user.id, project: &project };
        if found.project == project || access::may_read(&found, reader) {
            Ok(found)
        } else {
            Err(not_found())
        }
    }

    /// The same, if it is of the caller's project, who may change it.
    async fn own(
        &self,
        kind: SecretKind,
        text: &str,
        headers: &HeaderMap,
    ) -> Result<KeptSecret, KeyManagerRefusal> {
        let author = self.author(headers)?;
        let found = self.load(kind, text, &author).await?;
        if found.project == author.project_id() {
            Ok(found)
        } else {
            Err(KeyManagerRefusal::Forbidden)
        }
    }
}

impl FromRef<KeyManager> for FrontDoor {
    fn from_ref(manager: &KeyManager) -> Self {
        manager.0.door.clone()
    }
}

/// The address of all of a kind.
fn collection(Base(base): &Base, kind: SecretKind) -> String {
    let name = match kind {
        SecretKind::Secret => "secrets",
        SecretKind::Container => "containers",
    };
    format!("{base}/key-manager/v1/{name}")
}

fn reference(base: &Base, kind: SecretKind, id: Uuid) -> String {
    format!("{}/{id}", collection(base, kind))
}

/// What the content of a secret is sealed for.
pub fn context_of(secret: &KeptSecret) -> Context {
    Context::of_object(&secret.project, secret.kind.word(), secret.id)
}

impl From<StoreError> for KeyManagerRefusal {
    fn from(error: StoreError) -> Self {
        if let StoreError::Violation(violation) = error {
            return Self::BadRequest(violation.to_string());
        }
        tracing::warn!(error = &error as &dyn std::error::Error, "secrets not reached");
        Self::Unavailable
    }
}

fn version_one() -> Router<KeyManager> {
    let routes = [
        ("/secrets", get(secret::list).post(secret::create)),
        ("/secrets/{id}", get(secret::show).put(secret::fill).delete(secret::delete)),
        ("/secrets/{id}/payload", get(secret::payload)),
        ("/secrets/{id}/acl", access::of_secrets()),
        ("/containers", get(container::list).post(container::create)),
        ("/containers/{id}", get(container::show).delete(container::delete)),
        (
            "/containers/{id}/consumers",
            get(container::consumers).post(container::register).delete(container::unregister),
        ),
        ("/containers/{id}/acl", access::of_containers()),
    ];
    // Some clients write a slash at the end.
    let both = |router: Router<KeyManager>, (path, methods): (&str, MethodRouter<KeyManager>)| {
        router.route(&format!("{path}/"), methods.clone()).route(path, methods)
    };
    routes
        .into_iter()
        .fold(Router::new(), both)
        .fallback(|| async { KeyManagerRefusal::NoSuchPath })
        .method_not_allowed_fallback(|| async { KeyManagerRefusal::MethodNotAllowed })
}

fn version_view(Base(base): &Base) -> Value {
    json!({
        "id": "v1",
        "status": "CURRENT",
        "updated": "2021-02-10T00:00:00Z",
        "min_version": "1.0",
        "max_version": "1.0",
        "links": [{"rel": "self", "href": format!("{base}/key-manager/v1/")}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.key-manager-v1+json",
        }],
    })
}

async fn versions(base: Base) -> Response {
    let body = json!({"versions": [version_view(&base)]});
    (StatusCode::MULTIPLE_CHOICES, Json(body)).into_response()
}

async fn version(base: Base) -> Json<Value> {
    Json(json!({"version": version_view(&base)}))
}
