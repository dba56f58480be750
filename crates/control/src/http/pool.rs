//! Pools.

use axum::body::Bytes;
use axum::response::Response;
use evenkeel_api::pool::{Create, Parent, view};
use evenkeel_model::{Listener, ListenerId, LoadBalancer, LoadBalancerId, PoolId};
use evenkeel_store::Furnished;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `POST /v2/lbaas/pools`: records that a pool shall exist; with a listener, as its default pool.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    let body: Create = call.body(&bytes)?;
    let (load_balancer, listener) = parents(&call, body.parent()?).await?;
    let parent = call.store().get::<LoadBalancer>(load_balancer).await?;
    call.allow(Action(Subject::Pool, Verb::Post), &parent.project)?;
    let pool = body.into_pool(PoolId::new(Uuid::new_v4()), load_balancer, call.deployment())?;
    call.demand(load_balancer, &pool).await?;
    let furnish = call.furnish(&parent.project, &pool.tls.slots(pool.id)).await?;
    let pool = Furnished { value: pool, furnish };
    let record = call.store().create_pool(pool, listener).await?;
    Ok(created("pool", view(&record)))
}

async fn parents(
    call: &Call,
    parent: Parent,
) -> Result<(LoadBalancerId, Option<ListenerId>), Refusal> {
    match parent {
        Parent::LoadBalancer(load_balancer) => Ok((load_balancer, None)),
        Parent::Both(load_balancer, listener) => Ok((load_balancer, Some(listener))),
        Parent::Listener(listener) => {
            let record = call.store().get::<Listener>(listener).await?;
            Ok((record.load_balancer, Some(listener)))
        }
    }
}
