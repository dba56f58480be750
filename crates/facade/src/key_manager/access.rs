//! Who else may read a secret or a container.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{MethodRouter, get};
use evenkeel_store::{KeptSecret, SecretKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{KeyManager, Reader, reference, request};
use crate::front_door::Base;
use crate::refusal::KeyManagerRefusal;

/// How many users an access list names at most.
const USERS: usize = 100;

type Answer = Result<Json<Value>, KeyManagerRefusal>;

/// Who may read, besides whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Access {
    #[serde(default)]
    users: Vec<String>,
    #[serde(rename = "project-access", default = "yes")]
    project: bool,
}

const fn yes() -> bool {
    true
}

/// What every secret and container says of itself as to who may read it.
#[derive(Debug, Deserialize)]
struct Guarded {
    creator: String,
    access: Option<Access>,
}

/// Whether `reader` may read what is in it: its own project unless that is switched off, whoever
/// made it, and those who are named.
pub(super) fn may_read(secret: &KeptSecret, reader: Reader<'_>) -> bool {
    // What cannot be read is nobody's.
    let Ok(guarded) = serde_json::from_str::<Guarded>(&secret.about) else { return false };
    let is_own = secret.project == *reader.project;
    match guarded.access {
        None => is_own,
        Some(access) => {
            (is_own && (access.project || guarded.creator == reader.user))
                || access.users.iter().any(|user| user == reader.user)
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    read: Option<WantedAccess>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedAccess {
    users: Option<Vec<String>>,
    #[serde(rename = "project-access")]
    project: Option<bool>,
}

async fn show(manager: KeyManager, kind: SecretKind, id: String, headers: HeaderMap) -> Answer {
    let caller = manager.caller(&headers)?;
    let found = manager.load(kind, &id, &caller).await?;
    let guarded: Guarded =
        serde_json::from_str(&found.about).map_err(|_| KeyManagerRefusal::Unavailable)?;
    let view = match guarded.access {
        Some(access) => json!({"users": access.users, "project-access": access.project}),
        None => json!({"project-access": true}),
    };
    Ok(Json(json!({"read": view})))
}

/// What is not said stays as it is.
async fn set(
    manager: KeyManager,
    base: Base,
    kind: SecretKind,
    id: String,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let found = manager.own(kind, &id, &headers).await?;
    let wanted: Wanted = request::read(&body)?;
    let Some(wanted) = wanted.read else {
        return Err(KeyManagerRefusal::BadRequest("An access list says who may read.".to_owned()));
    };
    if wanted.users.as_ref().is_some_and(|users| users.len() > USERS) {
        let text = format!("An access list names at most {USERS} users.");
        return Err(KeyManagerRefusal::BadRequest(text));
    }
    change(&manager, &found, move |access| {
        let mut access = access.unwrap_or(Access { users: Vec::new(), project: true });
        if let Some(users) = &wanted.users {
            access.users.clone_from(users);
        }
        access.project = wanted.project.unwrap_or(access.project);
        Some(access)
    })
    .await?;
    let reference = reference(&base, kind, found.id);
    Ok(Json(json!({"acl_ref": format!("{reference}/acl")})))
}

async fn reset(manager: KeyManager, kind: SecretKind, id: String, headers: HeaderMap) -> Answer {
    let found = manager.own(kind, &id, &headers).await?;
    change(&manager, &found, |_| None).await?;
    Ok(Json(json!({})))
}

async fn change(
    manager: &KeyManager,
    found: &KeptSecret,
    edit: impl Fn(Option<Access>) -> Option<Access> + Send + Sync + 'static,
) -> Result<(), KeyManagerRefusal> {
    let changed = manager.0.store.change_secret(found.kind, found.id, move |mut it| {
        let mut about: Value = serde_json::from_str(&it.about).ok()?;
        let access = serde_json::from_value(about["access"].take()).ok().flatten();
        about["access"] = json!(edit(access));
        it.about = about.to_string();
        Some(it)
    });
    changed.await?.map(drop).ok_or(KeyManagerRefusal::NotFound(found.kind))
}

/// The access lists of secrets.
pub(super) fn of_secrets() -> MethodRouter<KeyManager> {
    of(SecretKind::Secret)
}

/// The access lists of containers.
pub(super) fn of_containers() -> MethodRouter<KeyManager> {
    of(SecretKind::Container)
}

fn of(kind: SecretKind) -> MethodRouter<KeyManager> {
    let set =
        async move |State(manager): State<KeyManager>,
                    base: Base,
                    Path(id): Path<String>,
                    headers: HeaderMap,
                    body: Bytes| { set(manager, base, kind, id, headers, body).await };
    get(async move |State(manager): State<KeyManager>, Path(id): Path<String>, headers| {
        show(manager, kind, id, headers).await
    })
    .put(set)
    .patch(set)
    .delete(
        async move |State(manager): State<KeyManager>, Path(id): Path<String>, headers| {
            reset(manager, kind, id, headers).await
        },
    )
}
