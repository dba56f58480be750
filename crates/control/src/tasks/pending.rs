//! Nothing stays pending for ever: what is late shows `ERROR` with a reason, while the agent goes
//! on trying.

use std::time::Duration;

use async_trait::async_trait;
use evenkeel_store::StoreError;

use super::Task;
use crate::ControlPlane;

/// Finds what is late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending;

#[async_trait]
impl Task for Pending {
    const NAME: &'static str = "pending";
    const WAKES: bool = false;

    fn period(&self, control: &ControlPlane) -> Duration {
        (control.config().bounds.pending / 30).max(Duration::from_millis(50))
    }

    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError> {
        control.store().expire_pending(control.config().bounds.pending).await
    }
}
