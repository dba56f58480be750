//! Load balancers.

mod neighbour;
mod offered;
mod vip;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::load_balancer::{Create, Tree as TreeBody};
use evenkeel_api::whole::{Whole, full_view, statistics, status_tree};
use evenkeel_api::{Fault, list, load_balancer};
use evenkeel_model::provider::{Capabilities, Demand, ProviderName, Unsupported};
use evenkeel_model::tls::Slot;
use evenkeel_model::{LoadBalancer, LoadBalancerId, ProjectId, Violation};
use evenkeel_store::{Furnish, Tree, TreeDraft};
use uuid::Uuid;

use super::call::{Call, created, id_of};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};
use offered::Offered;

const NO_PROJECT: &str = "Missing project ID in request where one is required. An administrator \
                          should check the keystone settings in the Octavia configuration.";

/// `POST /v2/lbaas/loadbalancers`: records that a load balancer shall exist, alone or with all
/// that is in it, and leases its VIP. Answers with the whole of it, on its way.
pub(crate) async fn create(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    let body: Create = call.body(&bytes)?;
    let project = project(&call, &body)?;
    call.allow(Action(Subject::LoadBalancer, Verb::Post), &project)?;
    if body.vip_sg_ids.is_present() {
        call.allow(Action(Subject::LoadBalancer, Verb::PostVipSecurityGroups), &project)?;
    }
    neighbour::check(body.vip_qos_policy_id, &body.vip_sg_ids)?;
    body.vip_request(call.deployment())?;
    let offered = Offered::of(&call, &body).await?;
    let named = offered.provider(body.provider.clone())?;
    let (provider, capabilities) = provider(&call, named)?;
    let allowance = offered.allowance(&call, &capabilities)?;
    let networks = offered.networks(&capabilities)?;
    let id = LoadBalancerId::new(Uuid::new_v4());
    let mut tree = body.into_tree(id, provider.clone(), call.deployment(), &mut Uuid::new_v4)?;
    tree.load_balancer.allowance = allowance;
    within(&tree, &capabilities)
        .map_err(|unsupported| Fault::unsupported(&provider, unsupported))?;
    call.demand_probes(&provider, &tree.health_monitors).await?;
    vip::check(&call, &tree, &networks).await?;
    let vip = tree.vip.clone();
    let furnish = call.furnish(&project, &slots(&tree)).await?;
    let made = call.store().create_tree(draft(tree, furnish), vip, project).await?;
    Ok(created("loadbalancer", full_view(&whole(made))))
}

/// The project that is named, or the caller's.
fn project(call: &Call, body: &Create) -> Result<ProjectId, Refusal> {
    let project = body.project().or(call.caller.project.as_ref());
    project.cloned().ok_or_else(|| Violation::rule(NO_PROJECT).into())
}

/// The provider that is named, or the default (contract 3.12).
fn provider(
    call: &Call,
    named: Option<ProviderName>,
) -> Result<(ProviderName, Capabilities), Refusal> {
    let config = call.control.config();
    let name = named.unwrap_or_else(|| config.default_provider.clone());
    match config.provider(&name) {
        Some(entry) => Ok((name, entry.capabilities)),
        None => Err(Fault::provider_not_enabled(name).into()),
    }
}

fn within(tree: &TreeBody, capabilities: &Capabilities) -> Result<(), Unsupported> {
    // The load balancer itself has no address yet, and so no additional ones either.
    if !tree.vip.additional.is_empty() && !capabilities.additional_vips {
        return Err(Unsupported("additional_vips is not supported by this driver.".to_owned()));
    }
    tree.load_balancer.within(capabilities)?;
    tree.listeners.iter().try_for_each(|it| it.within(capabilities))?;
    tree.pools.iter().try_for_each(|it| it.within(capabilities))?;
    tree.health_monitors.iter().try_for_each(|it| it.within(capabilities))?;
    for policy in &tree.l7_policies {
        policy.within(capabilities)?;
        let listener = tree.listeners.iter().find(|it| it.id == policy.listener);
        listener.map_or(Ok(()), |it| capabilities.l7_on(it.protocol))?;
    }
    tree.l7_rules.iter().try_for_each(|it| it.within(capabilities))
}

/// The secrets of all listeners and pools.
fn slots(tree: &TreeBody) -> Vec<Slot> {
    let listeners = tree.listeners.iter().flat_map(|it| it.tls.slots(it.id));
    let pools = tree.pools.iter().flat_map(|it| it.tls.slots(it.id));
    listeners.chain(pools).collect()
}

fn draft(tree: TreeBody, furnish: Furnish) -> TreeDraft {
    TreeDraft {
        load_balancer: tree.load_balancer,
        listeners: tree.listeners,
        l7_policies: tree.l7_policies,
        l7_rules: tree.l7_rules,
        pools: tree.pools,
        members: tree.members,
        health_monitors: tree.health_monitors,
        furnish,
    }
}

fn whole(tree: Tree) -> Whole {
    let mut l7_policies = tree.l7_policies;
    l7_policies.sort_by_key(|policy| policy.value.position);
    Whole {
        load_balancer: tree.load_balancer,
        listeners: tree.listeners,
        l7_policies,
        l7_rules: tree.l7_rules,
        pools: tree.pools,
        members: tree.members,
        health_monitors: tree.health_monitors,
    }
}

/// `PUT /v2/lbaas/loadbalancers/{id}`.
pub(crate) async fn update(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let record = call.load::<LoadBalancer>(id_of::<LoadBalancer>(&id)?, Verb::Put).await?;
    let body: load_balancer::Update = call.body(&bytes)?;
    if body.vip_sg_ids.is_present() {
        let action = Action(Subject::LoadBalancer, Verb::PutVipSecurityGroups);
        call.allow(action, &record.project)?;
    }
    neighbour::check(body.vip_qos_policy_id.clone().value(), &body.vip_sg_ids)?;
    call.change(&record, body, |_| Ok(())).await
}

/// `DELETE /v2/lbaas/loadbalancers/{id}[?cascade=bool]`.
pub(crate) async fn delete(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&["cascade"])?;
    let record = call.load::<LoadBalancer>(id_of::<LoadBalancer>(&id)?, Verb::Delete).await?;
    let cascade = list::flag(&call.query, "cascade");
    call.store().delete_load_balancer(record.value.id, cascade).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v2/lbaas/loadbalancers/{id}/stats`: the sums over its listeners.
pub(crate) async fn stats(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    let record = call.load::<LoadBalancer>(id_of::<LoadBalancer>(&id)?, Verb::GetStats).await?;
    let traffic = call.store().traffic(record.value.id).await?;
    Ok(Json(statistics(traffic)).into_response())
}

/// `GET /v2/lbaas/loadbalancers/{id}/status`, and `/statuses`.
pub(crate) async fn status(call: Call, Path(id): Path<String>) -> Result<Response, Refusal> {
    let record = call.load::<LoadBalancer>(id_of::<LoadBalancer>(&id)?, Verb::GetStatus).await?;
    let tree = call.store().tree(record.value.id).await?;
    Ok(Json(status_tree(&whole(tree))).into_response())
}

/// `PUT /v2/lbaas/loadbalancers/{id}/failover`: has it made anew. A body is not looked at.
pub(crate) async fn failover(call: Call, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let record = call.load::<LoadBalancer>(id_of::<LoadBalancer>(&id)?, Verb::PutFailover).await?;
    call.store().failover(record.value.id).await?;
    Ok(StatusCode::ACCEPTED)
}
