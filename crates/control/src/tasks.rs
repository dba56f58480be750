//! What goes on in the background: rounds that start when something changed, and at the latest
//! after a period. A round takes no input; whoever wakes it says nothing but "look again".

pub(crate) mod liveness;
pub(crate) mod master_keys;
pub(crate) mod pending;
pub(crate) mod placement;
pub(crate) mod publish;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_store::StoreError;
use tracing::Instrument;

use crate::ControlPlane;

/// One of the background tasks.
#[async_trait]
pub(crate) trait Task: Clone + Send + Sync + 'static {
    /// For logs.
    const NAME: &'static str;

    /// Whether a change of the desired state starts a round at once.
    const WAKES: bool;

    /// After which time a round starts anyway.
    fn period(&self, control: &ControlPlane) -> Duration;

    /// Looks, and does what there is to do. Knows nothing of the last time.
    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError>;
}

/// Starts all of them.
pub(crate) fn start(control: &ControlPlane) {
    control.spawn(repeat(placement::Placement, control.clone()));
    control.spawn(repeat(publish::Publish, control.clone()));
    control.spawn(repeat(liveness::Liveness::now(), control.clone()));
    control.spawn(repeat(pending::Pending, control.clone()));
    control.spawn(repeat(master_keys::MasterKeysChange, control.clone()));
}

/// Repeats the rounds of a task until the control plane stops.
///
/// A round that fails, or even panics, is the next round's business: the loop is the retry.
async fn repeat<T: Task>(task: T, control: ControlPlane) {
    let mut changed = control.store().changed();
    let period = task.period(&control);
    loop {
        changed.mark_unchanged();
        round(&task, &control).await;
        tokio::select! {
            () = control.stopping().cancelled() => return,
            outcome = changed.changed(), if T::WAKES => if outcome.is_err() { return },
            () = tokio::time::sleep(period) => {}
        }
    }
}

async fn round<T: Task>(task: &T, control: &ControlPlane) {
    let span = tracing::info_span!("task", name = T::NAME);
    let (task, at) = (task.clone(), control.clone());
    // In a task of its own, so that a panic is contained.
    let round = tokio::spawn(async move { task.round(&at).await }.instrument(span.clone()));
    match round.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => span.in_scope(|| {
            tracing::warn!(error = &error as &dyn Error, "round failed");
        }),
        Err(error) => span.in_scope(|| {
            tracing::error!(error = &error as &dyn Error, "round broke off");
        }),
    }
}
