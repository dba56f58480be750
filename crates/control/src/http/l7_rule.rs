//! L7 rules, below their policy.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::Fault;
use evenkeel_api::l7_rule::{Create, view};
use evenkeel_model::{L7Policy, L7PolicyId, L7Rule, L7RuleId, Record};
use evenkeel_store::{Scope, StoreError};
use uuid::Uuid;

use super::call::{Call, created, id_of};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

impl Call {
    /// The policy in a path: 404 in the words of routing, before anybody is asked for permission.
    async fn policy(&self, text: &str) -> Result<Record<L7Policy>, Refusal> {
        let unknown = || Fault::routing(404, "Bad Request", format!("L7Policy {text} not found."));
        let id: L7PolicyId = text.parse().map_err(|_| unknown())?;
        match self.store().get::<L7Policy>(id).await {
            Err(StoreError::NotFound { .. }) => Err(unknown().into()),
            outcome => Ok(outcome?),
        }
    }

    /// The rule in a path, if it is one of this policy and the caller may do this with it.
    async fn rule(&self, policy: &str, id: &str, verb: Verb) -> Result<Record<L7Rule>, Refusal> {
        let policy = self.policy(policy).await?;
        let record = self.load::<L7Rule>(id_of::<L7Rule>(id)?, verb).await?;
        if record.value.policy == policy.value.id {
            Ok(record)
        } else {
            Err(Fault::not_found(evenkeel_model::ResourceKind::L7Rule, id).into())
        }
    }
}

/// `GET /v2/lbaas/l7policies/{policy}/rules`.
pub(crate) async fn list(call: Call, Path(policy): Path<String>) -> Result<Response, Refusal> {
    let policy = call.policy(&policy).await?;
    call.allow(Action(Subject::L7Rule, Verb::GetAll), &policy.project)?;
    let request = call.list_request::<L7Rule>()?;
    call.page::<L7Rule>(Scope::Policy(policy.value.id), request).await
}

/// `POST /v2/lbaas/l7policies/{policy}/rules`: records one more condition.
pub(crate) async fn create(
    call: Call,
    Path(policy): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    let policy = call.policy(&policy).await?;
    call.allow(Action(Subject::L7Rule, Verb::Post), &policy.project)?;
    let body: Create = call.body(&bytes)?;
    let id = L7RuleId::new(Uuid::new_v4());
    let rule = body.into_l7_rule(id, policy.value.id, call.deployment())?;
    call.demand(policy.load_balancer, &rule).await?;
    let record = call.store().create_l7_rule(rule).await?;
    Ok(created("rule", view(&record)))
}

/// `GET /v2/lbaas/l7policies/{policy}/rules/{id}`.
pub(crate) async fn show(
    call: Call,
    Path((policy, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let record = call.rule(&policy, &id, Verb::GetOne).await?;
    Ok(call.shown(&record))
}

/// `PUT /v2/lbaas/l7policies/{policy}/rules/{id}`.
pub(crate) async fn update(
    call: Call,
    Path((policy, id)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let record = call.rule(&policy, &id, Verb::Put).await?;
    call.change(&record, call.body(&bytes)?, |_| Ok(())).await
}

/// `DELETE /v2/lbaas/l7policies/{policy}/rules/{id}`.
pub(crate) async fn delete(
    call: Call,
    Path((policy, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let record = call.rule(&policy, &id, Verb::Delete).await?;
    call.store().delete::<L7Rule>(record.value.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
