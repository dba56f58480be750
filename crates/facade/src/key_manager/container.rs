//! Containers: secrets that belong together, each under a name.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use evenkeel_store::{KeptSecret, SecretKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::{ListRequest, read};
use super::secret::{created, found, name_of, page};
use super::{KeyManager, access, collection, reference};
use crate::clock::of_timestamp;
use crate::front_door::Base;
use crate::refusal::KeyManagerRefusal;

/// How many secrets a container has at most, and how many consumers are noted.
const MOST: usize = 100;

/// What kinds of container there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContainerType {
    Generic,
    Certificate,
    Rsa,
}

/// What is in a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    creator: String,
    access: Option<access::Access>,
    #[serde(rename = "type")]
    kind: ContainerType,
    parts: Vec<(String, Uuid)>,
    consumers: Vec<Consumer>,
}

/// Who uses a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consumer {
    name: String,
    #[serde(rename = "URL")]
    url: String,
}

/// The body of `POST /v1/containers`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: ContainerType,
    #[serde(default)]
    secret_refs: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: Option<String>,
    secret_ref: String,
}

impl ContainerType {
    /// The names that its secrets must, and may besides, have; nothing for any names.
    const fn names(self) -> Option<(&'static [&'static str], &'static [&'static str])> {
        match self {
            Self::Generic => None,
            Self::Certificate => Some((
                &["certificate"],
                &["private_key", "private_key_passphrase", "intermediates"],
            )),
            Self::Rsa => Some((&["public_key", "private_key"], &["private_key_passphrase"])),
        }
    }

    fn check(self, names: &[&str]) -> Result<(), KeyManagerRefusal> {
        if names.len() > MOST {
            return Err(refused(&format!("A container has at most {MOST} secrets.")));
        }
        let twice = |name: &&str| names.iter().filter(|it| *it == name).count() > 1;
        if names.iter().any(twice) {
            return Err(refused("The secrets of a container have different names."));
        }
        let Some((needed, besides)) = self.names() else { return Ok(()) };
        let fits = needed.iter().all(|it| names.contains(it))
            && names.iter().all(|it| needed.contains(it) || besides.contains(it));
        if fits {
            return Ok(());
        }
        Err(refused(&format!(
            "The secrets of this type of container are named {}, and besides {}.",
            needed.join(", "),
            besides.join(", ")
        )))
    }
}

fn refused(text: &str) -> KeyManagerRefusal {
    KeyManagerRefusal::BadRequest(text.to_owned())
}

impl About {
    /// What is in it; what cannot be read is empty.
    pub(super) fn of(container: &KeptSecret) -> Self {
        serde_json::from_str(&container.about).unwrap_or_else(|_| Self {
            creator: String::new(),
            access: None,
            kind: ContainerType::Generic,
            parts: Vec::new(),
            consumers: Vec::new(),
        })
    }

    pub(super) fn parts(self) -> Vec<(String, Uuid)> {
        self.parts
    }
}

/// `POST /v1/containers`.
pub(super) async fn create(
    State(manager): State<KeyManager>,
    base: Base,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, KeyManagerRefusal> {
    let author = manager.author(&headers)?;
    let wanted: Create = read(&body)?;
    let names: Vec<&str> =
        wanted.secret_refs.iter().map(|it| it.name.as_deref().unwrap_or_default()).collect();
    wanted.kind.check(&names)?;
    let mut parts = Vec::new();
    for part in &wanted.secret_refs {
        let not_found = || KeyManagerRefusal::NotFound(SecretKind::Secret);
        let object = KeyManager::object(&part.secret_ref);
        let id = object.filter(|it| it.0 == SecretKind::Secret).ok_or_else(not_found)?.1;
        manager.load(SecretKind::Secret, &id.to_string(), &author).await?;
        parts.push((part.name.clone().unwrap_or_default(), id));
    }
    let id = Uuid::new_v4();
    let name = name_of(wanted.name, id)?;
    let creator = author.user.id.to_owned();
    let about = About { creator, access: None, kind: wanted.kind, parts, consumers: Vec::new() };
    let (project, about) = (author.project_id(), json!(about).to_string());
    let kept = manager.0.store.keep_secret(move |created_at| KeptSecret {
        id,
        kind: SecretKind::Container,
        project: project.clone(),
        name: name.clone(),
        created_at,
        updated_at: None,
        about: about.clone(),
        sealed: None,
    });
    let reference = reference(&base, SecretKind::Container, kept.await?.id);
    Ok(created("container_ref", reference))
}

fn view(base: &Base, container: &KeptSecret) -> Value {
    let about = About::of(container);
    let part = |(name, id): &(String, Uuid)| json!({"name": name, "secret_ref": reference(base, SecretKind::Secret, *id)});
    json!({
        "container_ref": reference(base, SecretKind::Container, container.id),
        "name": container.name,
        "type": about.kind,
        "status": "ACTIVE",
        "creator_id": about.creator,
        "secret_refs": about.parts.iter().map(part).collect::<Vec<_>>(),
        "consumers": about.consumers,
        "created": of_timestamp(container.created_at),
        "updated": of_timestamp(container.updated_at.unwrap_or(container.created_at)),
    })
}

/// `GET /v1/containers`: those of the project.
pub(super) async fn list(
    State(manager): State<KeyManager>,
    base: Base,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let caller = manager.caller(&headers)?;
    let request = ListRequest::read(query.as_deref())?;
    let kind = SecretKind::Container;
    let (found, total) = found(&manager, kind, caller.project_id(), &request).await?;
    let views: Vec<Value> = found.iter().map(|it| view(&base, it)).collect();
    let path = collection(&base, SecretKind::Container);
    Ok(Json(page("containers", &path, &views, total, &request)))
}

/// `GET /v1/containers/{id}`.
pub(super) async fn show(
    State(manager): State<KeyManager>,
    base: Base,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let caller = manager.caller(&headers)?;
    let found = manager.load(SecretKind::Container, &id, &caller).await?;
    Ok(Json(view(&base, &found)))
}

/// `DELETE /v1/containers/{id}`. Its secrets stay.
pub(super) async fn delete(
    State(manager): State<KeyManager>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, KeyManagerRefusal> {
    let found = manager.own(SecretKind::Container, &id, &headers).await?;
    manager.0.store.forget_secret(SecretKind::Container, found.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/containers/{id}/consumers`.
pub(super) async fn consumers(
    State(manager): State<KeyManager>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let caller = manager.caller(&headers)?;
    let found = manager.load(SecretKind::Container, &id, &caller).await?;
    let consumers = About::of(&found).consumers;
    Ok(Json(json!({"consumers": consumers, "total": consumers.len()})))
}

/// `POST /v1/containers/{id}/consumers`. Said twice, it is said once.
pub(super) async fn register(
    State(manager): State<KeyManager>,
    base: Base,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let consumer: Consumer = read(&body)?;
    if consumer.name.len() > 255 || consumer.url.len() > 500 {
        return Err(refused("A consumer has a short name and a short URL."));
    }
    change(&manager, &base, &id, &headers, move |consumers| {
        if !consumers.contains(&consumer) && consumers.len() < MOST {
            consumers.push(consumer.clone());
        }
    })
    .await
}

/// `DELETE /v1/containers/{id}/consumers`.
pub(super) async fn unregister(
    State(manager): State<KeyManager>,
    base: Base,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let consumer: Consumer = read(&body)?;
    change(&manager, &base, &id, &headers, move |consumers| consumers.retain(|it| *it != consumer))
        .await
}

async fn change(
    manager: &KeyManager,
    base: &Base,
    id: &str,
    headers: &HeaderMap,
    edit: impl Fn(&mut Vec<Consumer>) + Send + Sync + 'static,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let found = manager.own(SecretKind::Container, id, headers).await?;
    let kind = SecretKind::Container;
    let changed = manager.0.store.change_secret(kind, found.id, move |mut container| {
        let mut about = About::of(&container);
        edit(&mut about.consumers);
        container.about = json!(about).to_string();
        Some(container)
    });
    let changed = changed.await?.ok_or(KeyManagerRefusal::NotFound(kind))?;
    Ok(Json(view(base, &changed)))
}
