//! Members, below their pool.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::member::{Batch, Create, view};
use evenkeel_api::{Fault, list};
use evenkeel_model::{Member, MemberId, Pool, PoolId, Record, Violation};
use evenkeel_store::{MemberWish, Scope, StoreError};
use uuid::Uuid;

use super::call::{Call, created, id_of};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

impl Call {
    /// The pool in a path: 404 in the words of routing, before anybody is asked for permission.
    async fn pool(&self, text: &str) -> Result<Record<Pool>, Refusal> {
        let unknown = || Fault::routing(404, "Bad Request", format!("Pool {text} not found."));
        let id: PoolId = text.parse().map_err(|_| unknown())?;
        match self.store().get::<Pool>(id).await {
            Err(StoreError::NotFound { .. }) => Err(unknown().into()),
            outcome => Ok(outcome?),
        }
    }

    /// The member in a path, if it is one of this pool and the caller may do this with it.
    async fn member(&self, pool: &str, id: &str, verb: Verb) -> Result<Record<Member>, Refusal> {
        let pool = self.pool(pool).await?;
        let record = self.load::<Member>(id_of::<Member>(id)?, verb).await?;
        if record.value.pool == pool.value.id {
            Ok(record)
        } else {
            Err(StoreError::NotFound {
                kind: evenkeel_model::ResourceKind::Member,
                id: record.value.id.into(),
            }
            .into())
        }
    }

    async fn subnet_exists(&self, member: &Member) -> Result<(), Refusal> {
        match member.subnet {
            Some(id) if !self.store().has_subnet(id).await? => {
                Err(Violation::MissingReference { kind: "Subnet", id: id.to_string() }.into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// `GET /v2/lbaas/pools/{pool}/members`.
pub(crate) async fn list(call: Call, Path(pool): Path<String>) -> Result<Response, Refusal> {
    let pool = call.pool(&pool).await?;
    call.allow(Action(Subject::Member, Verb::GetAll), &pool.project)?;
    let request = call.list_request::<Member>()?;
    call.page::<Member>(Scope::Pool(pool.value.id), request).await
}

/// `POST /v2/lbaas/pools/{pool}/members`: records that a member shall exist.
pub(crate) async fn create(
    call: Call,
    Path(pool): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    let pool = call.pool(&pool).await?;
    call.allow(Action(Subject::Member, Verb::Post), &pool.project)?;
    let body: Create = call.body(&bytes)?;
    let id = MemberId::new(Uuid::new_v4());
    let member = body.into_member(id, pool.value.id, call.deployment())?;
    call.subnet_exists(&member).await?;
    let record = call.store().create_member(member).await?;
    Ok(created("member", view(&record)))
}

/// `PUT /v2/lbaas/pools/{pool}/members[?additive_only=bool]`: the list is what shall be.
pub(crate) async fn batch(
    call: Call,
    Path(pool): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Refusal> {
    call.only(&["additive_only"])?;
    let pool = call.pool(&pool).await?;
    let additive = list::flag(&call.query, "additive_only");
    for verb in [Verb::Post, Verb::Put] {
        call.allow(Action(Subject::Member, verb), &pool.project)?;
    }
    if !additive {
        call.allow(Action(Subject::Member, Verb::Delete), &pool.project)?;
    }
    let body: Batch = call.body(&bytes)?;
    let mut wishes = Vec::new();
    for wanted in body.members {
        let id = MemberId::new(Uuid::new_v4());
        let new = wanted.clone().into_member(id, pool.value.id, call.deployment())?;
        call.subnet_exists(&new).await?;
        let change = Arc::new(move |stored: &Member| wanted.over(stored));
        wishes.push(MemberWish { new, change });
    }
    call.store().replace_members(pool.value.id, wishes, additive).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /v2/lbaas/pools/{pool}/members/{id}`.
pub(crate) async fn show(
    call: Call,
    Path((pool, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let record = call.member(&pool, &id, Verb::GetOne).await?;
    Ok(call.shown(&record))
}

/// `PUT /v2/lbaas/pools/{pool}/members/{id}`.
pub(crate) async fn update(
    call: Call,
    Path((pool, id)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let record = call.member(&pool, &id, Verb::Put).await?;
    call.change(&record, call.body(&bytes)?, |_| Ok(())).await
}

/// `DELETE /v2/lbaas/pools/{pool}/members/{id}`.
pub(crate) async fn delete(
    call: Call,
    Path((pool, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let record = call.member(&pool, &id, Verb::Delete).await?;
    call.store().delete::<Member>(record.value.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
