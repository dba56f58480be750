//! L7 policies.

use axum::body::Bytes;
use axum::response::Response;
use evenkeel_api::l7_policy::{Create, view};
use evenkeel_model::{L7PolicyId, Listener};
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `POST /v2/lbaas/l7policies`: records that a listener shall look at its requests.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    let body: Create = call.body(&bytes)?;
    let listener = call.store().get::<Listener>(body.listener_id).await?;
    call.allow(Action(Subject::L7Policy, Verb::Post), &listener.project)?;
    let policy = body.into_l7_policy(L7PolicyId::new(Uuid::new_v4()), call.deployment())?;
    call.demand_l7(listener.load_balancer, listener.value.protocol, &policy).await?;
    let record = call.store().create_l7_policy(policy).await?;
    Ok(created("l7policy", view(&record)))
}
