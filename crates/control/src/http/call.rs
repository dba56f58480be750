//! One call: who asks, for what, and how.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use evenkeel_api::decode::{Body, from_bytes};
use evenkeel_api::list::{Fields, Pairs, single};
use evenkeel_api::{Deployment, Fault};
use evenkeel_model::{ProjectId, Resource};
use evenkeel_store::Store;
use serde_json::Value;

use super::caller::Caller;
use super::fault::Refusal;
use super::origin::Origin;
use super::policy::Action;
use crate::ControlPlane;

/// What a handler knows of the request besides its path and its body.
pub(crate) struct Call {
    pub(crate) control: ControlPlane,
    pub(crate) caller: Caller,
    pub(crate) origin: Origin,
    /// The query as it was typed, without its question mark.
    pub(crate) query: String,
    content_type: Option<String>,
}

impl FromRequestParts<ControlPlane> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &ControlPlane,
    ) -> Result<Self, Refusal> {
        let caller = parts.extensions.remove::<Caller>();
        let origin = parts.extensions.remove::<Origin>();
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        Ok(Self {
            control: control.clone(),
            // Whoever is not known is nobody, and may nothing.
            caller: caller.unwrap_or_default(),
            origin: origin.ok_or_else(Refusal::no_such_path)?,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            content_type: content_type.and_then(|it| it.to_str().ok()).map(str::to_owned),
        })
    }
}

impl Call {
    pub(crate) fn store(&self) -> &Store {
        self.control.store()
    }

    pub(crate) fn deployment(&self) -> &Deployment {
        &self.control.config().deployment
    }

    /// Asks the gate, with the project of the object that was loaded.
    pub(crate) fn allow(&self, action: Action, project: &ProjectId) -> Result<(), Refusal> {
        Ok(self.control.gate().allow(&self.caller, action, Some(project))?)
    }

    /// Asks the gate about something that belongs to no project.
    pub(crate) fn allow_any(&self, action: Action) -> Result<(), Refusal> {
        let own = self.caller.project.as_ref();
        Ok(self.control.gate().allow(&self.caller, action, own)?)
    }

    /// Decodes the body.
    pub(crate) fn body<T: Body>(&self, bytes: &[u8]) -> Result<T, Refusal> {
        Ok(from_bytes(bytes, self.content_type.as_deref())?)
    }

    /// Refuses parameters that a change does not have.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let pairs = Pairs::parse(&self.query);
        match pairs.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(Fault::unknown_argument(name).into()),
            None => Ok(()),
        }
    }

    /// One object under its root, with the fields that were asked for.
    pub(crate) fn one(&self, root: &str, view: Value) -> Response {
        let fields = Fields::parse(&self.query, self.deployment());
        Json(single(root, fields.select(view))).into_response()
    }
}

/// An object that was created.
pub(crate) fn created(root: &str, view: Value) -> Response {
    (StatusCode::CREATED, Json(single(root, view))).into_response()
}

/// The id in a path. What is no id is the id of nothing.
pub(crate) fn id_of<T: Resource>(text: &str) -> Result<T::Id, Refusal> {
    text.parse().map_err(|_| Fault::not_found(T::KIND, text).into())
}
