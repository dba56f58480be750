//! The master keys are changed: a new one stands in their file, everything is sealed with it, and
//! the old ones go.

use std::time::Duration;

use async_trait::async_trait;
use evenkeel_store::StoreError;

use super::Task;
use crate::{ControlPlane, rotation};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Takes in the keys of the file, and ends a change that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MasterKeysChange;

#[async_trait]
impl Task for MasterKeysChange {
    const NAME: &'static str = "master keys";
    const WAKES: bool = false;

    fn period(&self, _: &ControlPlane) -> Duration {
        PERIOD
    }

    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError> {
        match rotation::finish(control.store(), control.keyring()).await {
            Ok(()) => Ok(()),
            Err(rotation::Unfinished::Store(error)) => Err(error),
            Err(rotation::Unfinished::File(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the master keys could not be looked at");
                Ok(())
            }
        }
    }
}
