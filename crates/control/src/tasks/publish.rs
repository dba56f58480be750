//! Each agent's index is stated again whenever anything changed.

use std::time::Duration;

use async_trait::async_trait;
use evenkeel_store::StoreError;

use super::Task;
use crate::ControlPlane;

/// The least time between two wake-ups of the sessions: a burst of changes costs each agent a few
/// indexes rather than one for each change, and a single change waits for nothing.
const PACE: Duration = Duration::from_millis(5);

/// Wakes all sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publish;

#[async_trait]
impl Task for Publish {
    const NAME: &'static str = "publish";
    const WAKES: bool = true;

    fn period(&self, control: &ControlPlane) -> Duration {
        control.config().bounds.heartbeat
    }

    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError> {
        control.published().send_modify(|round| *round += 1);
        tokio::time::sleep(PACE).await;
        Ok(())
    }
}
