//! Everything unplaced, or placed on the dead, gets an agent.

use std::time::Duration;

use async_trait::async_trait;
use evenkeel_store::StoreError;

use super::Task;
use crate::ControlPlane;
use crate::scheduler::{Candidate, choose};

/// Places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement;

#[async_trait]
impl Task for Placement {
    const NAME: &'static str = "placement";
    const WAKES: bool = true;

    fn period(&self, control: &ControlPlane) -> Duration {
        control.config().bounds.heartbeat
    }

    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError> {
        let unplaced = control.store().unplaced().await?;
        if unplaced.is_empty() {
            return Ok(());
        }
        let mut candidates = candidates(control).await?;
        for load_balancer in unplaced {
            match choose(&load_balancer.provider, &candidates) {
                Ok(agent) => {
                    // Another control plane may have been faster: then its choice stands.
                    let id = load_balancer.id;
                    if control.store().place(id, agent, load_balancer.epoch).await? {
                        tracing::info!(load_balancer = %id, %agent, "load balancer placed");
                        if let Some(chosen) = candidates.iter_mut().find(|it| it.agent == agent) {
                            chosen.placed += 1;
                        }
                    }
                }
                Err(miss) => {
                    tracing::debug!(load_balancer = %load_balancer.id, %miss, "not placed");
                }
            }
        }
        Ok(())
    }
}

async fn candidates(control: &ControlPlane) -> Result<Vec<Candidate>, StoreError> {
    let agents = control.store().agents().await?;
    Ok(agents
        .into_iter()
        .map(|agent| Candidate {
            agent: agent.agent,
            alive: agent.alive,
            admin_state_up: agent.admin_state_up,
            providers: agent.providers,
            placed: agent.placed,
            capacity: agent.capacity,
        })
        .collect())
}
