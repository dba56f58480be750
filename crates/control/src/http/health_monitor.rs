//! Health monitors.

use axum::body::Bytes;
use axum::response::Response;
use evenkeel_api::health_monitor::{Create, check_pool, view};
use evenkeel_model::{HealthMonitorId, LoadBalancer, Pool};
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `POST /v2/lbaas/healthmonitors`: records that the members of a pool shall be probed.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    let body: Create = call.body(&bytes)?;
    let pool = call.store().get::<Pool>(body.pool_id).await?;
    call.allow(Action(Subject::HealthMonitor, Verb::Post), &pool.project)?;
    let id = HealthMonitorId::new(Uuid::new_v4());
    let monitor = body.into_health_monitor(id, call.deployment())?;
    check_pool(monitor.probe.kind(), pool.value.protocol)?;
    call.demand(pool.load_balancer, &monitor).await?;
    let load_balancer = call.store().get::<LoadBalancer>(pool.load_balancer).await?;
    let provider = &load_balancer.value.provider;
    call.demand_probes(provider, std::slice::from_ref(&monitor)).await?;
    let record = call.store().create_health_monitor(monitor).await?;
    Ok(created("healthmonitor", view(&record)))
}
