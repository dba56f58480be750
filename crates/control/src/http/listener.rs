//! Listeners.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use evenkeel_api::listener::{Create, Update, check_cidrs, view};
use evenkeel_api::whole::statistics;
use evenkeel_model::{Listener, ListenerId, LoadBalancer};
use evenkeel_store::Furnished;
use uuid::Uuid;

use super::call::{Call, created, id_of};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `POST /v2/lbaas/listeners`: records that a listener shall exist.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    let body: Create = call.body(&bytes)?;
    let parent = call.store().get::<LoadBalancer>(body.loadbalancer_id).await?;
    call.allow(Action(Subject::Listener, Verb::Post), &parent.project)?;
    let id = ListenerId::new(Uuid::new_v4());
    let listener = body.into_listener(id, call.deployment())?;
    check_cidrs(&listener, &parent.value)?;
    call.demand(parent.value.id, &listener).await?;
    let furnish = call.furnish(&parent.project, &listener.tls.slots(listener.id)).await?;
    let listener = Furnished { value: listener, furnish };
    let record = call.store().create_listener(listener).await?;
    Ok(created("listener", view(&record)))
}

/// `PUT /v2/lbaas/listeners/{id}`.
pub(crate) async fn update(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let record = call.load::<Listener>(id_of::<Listener>(&id)?, Verb::Put).await?;
    let body: Update = call.body(&bytes)?;
    let parent = call.store().get::<LoadBalancer>(record.load_balancer).await?.value;
    call.change(&record, body, move |wanted| check_cidrs(wanted, &parent)).await
}

/// `GET /v2/lbaas/listeners/{id}/stats`.
pub(crate) async fn stats(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    let record = call.load::<Listener>(id_of::<Listener>(&id)?, Verb::GetStats).await?;
    let traffic = call.store().traffic_of(record.value.id).await?;
    Ok(Json(statistics(traffic)).into_response())
}
