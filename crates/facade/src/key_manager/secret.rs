//! Secrets: kept in one step or in two, described to whoever may see them, given to whoever may
//! read them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use evenkeel_store::{KeptSecret, SecretKind, SecretQuery};
use evenkeel_vault::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::payload::{ContentType, decoded};
use super::request::{ListRequest, media_type, read};
use super::{KeyManager, Reader, access, collection, context_of, reference};
use crate::clock::of_timestamp;
use crate::front_door::Base;
use crate::refusal::KeyManagerRefusal;

/// What secrets there are, as clients name them.
const TYPES: [&str; 6] = ["symmetric", "public", "private", "passphrase", "certificate", "opaque"];

/// What may be shown of a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    creator: String,
    access: Option<access::Access>,
    secret_type: String,
    algorithm: Option<String>,
    bit_length: Option<u32>,
    mode: Option<String>,
    expiration: Option<String>,
    content_type: Option<ContentType>,
}

/// The body of `POST /v1/secrets`. Never printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: Option<String>,
    secret_type: Option<String>,
    algorithm: Option<String>,
    bit_length: Option<u32>,
    mode: Option<String>,
    expiration: Option<String>,
    payload: Option<String>,
    payload_content_type: Option<String>,
    payload_content_encoding: Option<String>,
}

impl Create {
    /// The content, if one is given.
    fn content(&mut self) -> Result<Option<(ContentType, Secret)>, KeyManagerRefusal> {
        let payload = self.payload.take().map(|text| Secret::new(text.into_bytes()));
        let Some(payload) = payload else {
            return match self.payload_content_type {
                None => Ok(None),
                Some(_) => Err(refused("A payload_content_type without a payload says nothing.")),
            };
        };
        let Some(named) = &self.payload_content_type else {
            return Err(refused("A payload needs a payload_content_type."));
        };
        let kind = ContentType::named(named).ok_or_else(|| {
            refused("payload_content_type: text/plain or application/octet-stream.")
        })?;
        let encoding = self.payload_content_encoding.as_deref();
        if kind == ContentType::Bytes && encoding.is_none() {
            return Err(refused("A payload of application/octet-stream in JSON is base64."));
        }
        Ok(Some((kind, decoded(payload.expose(), kind, encoding)?)))
    }

    fn about(
        self,
        creator: &str,
        content_type: Option<ContentType>,
    ) -> Result<About, KeyManagerRefusal> {
        let secret_type = self.secret_type.unwrap_or_else(|| "opaque".to_owned());
        if !TYPES.contains(&secret_type.as_str()) {
            return Err(refused(&format!("secret_type is one of {}.", TYPES.join(", "))));
        }
        let texts = [&self.algorithm, &self.mode, &self.expiration];
        if texts.into_iter().flatten().any(|text| text.len() > 255) {
            return Err(refused("algorithm, mode and expiration have at most 255 characters."));
        }
        Ok(About {
            creator: creator.to_owned(),
            access: None,
            secret_type,
            algorithm: self.algorithm,
            bit_length: self.bit_length,
            mode: self.mode,
            expiration: self.expiration,
            content_type,
        })
    }
}

fn refused(text: &str) -> KeyManagerRefusal {
    KeyManagerRefusal::BadRequest(text.to_owned())
}

fn about_of(secret: &KeptSecret) -> Result<About, KeyManagerRefusal> {
    serde_json::from_str(&secret.about).map_err(|_| KeyManagerRefusal::Unavailable)
}

/// The name that is given, or the id.
pub(super) fn name_of(given: Option<String>, id: Uuid) -> Result<String, KeyManagerRefusal> {
    let name = given.filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string());
    if name.chars().count() > 255 {
        return Err(refused("A name has at most 255 characters."));
    }
    Ok(name)
}

/// `POST /v1/secrets`.
pub(super) async fn create(
    State(manager): State<KeyManager>,
    base: Base,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, KeyManagerRefusal> {
    let author = manager.author(&headers)?;
    let mut wanted: Create = read(&body)?;
    let content = wanted.content()?;
    let id = Uuid::new_v4();
    let name = name_of(wanted.name.take(), id)?;
    let about = wanted.about(author.user.id, content.as_ref().map(|(kind, _)| *kind))?;
    let about = json!(about).to_string();
    let (project, keyring) = (author.project_id(), manager.0.keyring.clone());
    let kept = manager.0.store.keep_secret(move |created_at| {
        let mut secret = KeptSecret {
            id,
            kind: SecretKind::Secret,
            project: project.clone(),
            name: name.clone(),
            created_at,
            updated_at: None,
            about: about.clone(),
            sealed: None,
        };
        let seal = |content| keyring.keys().seal(content, &context_of(&secret));
        secret.sealed = content.as_ref().map(|(_, content)| seal(content));
        secret
    });
    let reference = reference(&base, SecretKind::Secret, kept.await?.id);
    Ok(created("secret_ref", reference))
}

pub(super) fn created(field: &str, reference: String) -> Response {
    let body = Json(json!({field: reference}));
    (StatusCode::CREATED, [(header::LOCATION, reference)], body).into_response()
}

/// `PUT /v1/secrets/{id}`: the second step, for a secret that has no content yet.
pub(super) async fn fill(
    State(manager): State<KeyManager>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, KeyManagerRefusal> {
    let found = manager.own(SecretKind::Secret, &id, &headers).await?;
    let named = media_type(&headers, header::CONTENT_TYPE).unwrap_or_default();
    let kind = ContentType::named(&named).ok_or(KeyManagerRefusal::UnknownContentType)?;
    let encoding = media_type(&headers, HeaderName::from_static("content-encoding"));
    let content = decoded(&body, kind, encoding.as_deref())?;
    if found.sealed.is_some() {
        return Err(KeyManagerRefusal::HasContent);
    }
    let keyring = manager.0.keyring.clone();
    let filled = manager.0.store.change_secret(SecretKind::Secret, found.id, move |mut secret| {
        // Somebody may have been quicker.
        secret.sealed.is_none().then_some(())?;
        let mut about: About = serde_json::from_str(&secret.about).ok()?;
        about.content_type = Some(kind);
        secret.about = json!(about).to_string();
        secret.sealed = Some(keyring.keys().seal(&content, &context_of(&secret)));
        Some(secret)
    });
    filled.await?.map(|_| StatusCode::NO_CONTENT).ok_or(KeyManagerRefusal::HasContent)
}

fn view(base: &Base, secret: &KeptSecret) -> Result<Value, KeyManagerRefusal> {
    let about = about_of(secret)?;
    let mut view = json!({
        "secret_ref": reference(base, SecretKind::Secret, secret.id),
        "name": secret.name,
        "status": "ACTIVE",
        "secret_type": about.secret_type,
        "algorithm": about.algorithm,
        "bit_length": about.bit_length,
        "mode": about.mode,
        "expiration": about.expiration,
        "creator_id": about.creator,
        "created": of_timestamp(secret.created_at),
        "updated": of_timestamp(secret.updated_at.unwrap_or(secret.created_at)),
    });
    if let Some(kind) = about.content_type {
        view["content_types"] = json!({"default": kind.word()});
    }
    Ok(view)
}

/// `GET /v1/secrets`: those of the project.
pub(super) async fn list(
    State(manager): State<KeyManager>,
    base: Base,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, KeyManagerRefusal> {
    let caller = manager.caller(&headers)?;
    let request = ListRequest::read(query.as_deref())?;
    let (found, total) = found(&manager, SecretKind::Secret, caller.project_id(), &request).await?;
    let views = found.iter().map(|it| view(&base, it)).collect::<Result<Vec<_>, _>>()?;
    let path = collection(&base, SecretKind::Secret);
    Ok(Json(page("secrets", &path, &views, total, &request)))
}

/// A page of what a project has.
pub(super) async fn found(
    manager: &KeyManager,
    kind: SecretKind,
    project: evenkeel_model::ProjectId,
    request: &ListRequest,
) -> Result<(Vec<KeptSecret>, u64), KeyManagerRefusal> {
    let (limit, offset) = (request.limit, request.offset);
    let query = SecretQuery { project, kind, name: request.name.clone(), limit, offset };
    Ok(manager.0.store.secrets(query).await?)
}

/// The body of a list, with links to the pages beside it.
pub(super) fn page(
    name: &str,
    path: &str,
    views: &[Value],
    total: u64,
    request: &ListRequest,
) -> Value {
    let (limit, offset) = (request.limit, request.offset);
    let mut body = json!({name: views, "total": total});
    let link = |offset: u32| json!(format!("{path}?limit={limit}&offset={offset}"));
    if u64::from(offset) + u64::from(limit) < total {
        body["next"] = link(offset.saturating_add(limit));
    }
    if offset > 0 {
        body["previous"] = link(offset.saturating_sub(limit));
    }
    body
}

/// `GET /v1/secrets/{id}`: what may be shown of it. Asked for its content, in the old way, gives
/// that.
pub(super) async fn show(
    State(manager): State<KeyManager>,
    base: Base,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, KeyManagerRefusal> {
    let caller = manager.caller(&headers)?;
    let found = manager.load(SecretKind::Secret, &id, &caller).await?;
    let wants = media_type(&headers, header::ACCEPT).unwrap_or_default();
    if ContentType::named(&wants).is_some() {
        return payload(State(manager), Path(id), headers).await;
    }
    Ok(Json(view(&base, &found)?).into_response())
}

/// `GET /v1/secrets/{id}/payload`.
pub(super) async fn payload(
    State(manager): State<KeyManager>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, KeyManagerRefusal> {
    let caller = manager.author(&headers)?;
    let found = manager.load(SecretKind::Secret, &id, &caller).await?;
    let project = caller.project_id();
    if !access::may_read(&found, Reader { user: caller.user.id, project: &project }) {
        return Err(KeyManagerRefusal::Forbidden);
    }
    let Some(kind) = about_of(&found)?.content_type else {
        return Err(KeyManagerRefusal::NoContent);
    };
    if !kind.satisfies(&headers) {
        return Err(KeyManagerRefusal::NotAcceptable(kind.word()));
    }
    let content = manager.open(&found).ok_or(KeyManagerRefusal::Unopenable)?;
    let bytes = Bytes::copy_from_slice(content.expose());
    Ok(([(header::CONTENT_TYPE, kind.word())], bytes).into_response())
}

/// `DELETE /v1/secrets/{id}`. What listeners and pools have of it, they keep.
pub(super) async fn delete(
    State(manager): State<KeyManager>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, KeyManagerRefusal> {
    let found = manager.own(SecretKind::Secret, &id, &headers).await?;
    manager.0.store.forget_secret(SecretKind::Secret, found.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
