//! Our own window for operators: nodes, and what is placed on them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// `GET /v2/evenkeel/nodes`.
pub(crate) async fn nodes(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetAll))?;
    let agents = call.store().agents().await?;
    let view = |agent: &evenkeel_store::AgentRecord| {
        json!({
            "id": agent.agent,
            "host": agent.host,
            "providers": agent.providers,
            "capacity": agent.capacity,
            "placed": agent.placed,
            "alive": agent.alive,
            "admin_state_up": agent.admin_state_up,
            "last_heard": evenkeel_api::view::moment(agent.last_heard),
        })
    };
    let views: Vec<Value> = agents.iter().map(view).collect();
    Ok(Json(json!({"nodes": views})).into_response())
}

/// `GET /v2/evenkeel/placements`: where each load balancer is, and where its listeners really
/// listen, if not at VIP and port.
pub(crate) async fn placements(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(Subject::Evenkeel, Verb::GetAll))?;
    let placements = call.store().placements().await?;
    let view = |placement: &evenkeel_store::Placement| {
        json!({
            "loadbalancer_id": placement.load_balancer,
            "node_id": placement.agent,
            "host": placement.host,
            "epoch": placement.epoch,
            "generation": placement.generation,
            "served_generation": placement.served,
            "sockets": placement.sockets,
        })
    };
    let views: Vec<Value> = placements.iter().map(view).collect();
    Ok(Json(json!({"placements": views})).into_response())
}
