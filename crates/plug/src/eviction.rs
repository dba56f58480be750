//! Who is in the namespace of a load balancer when it goes has to go too.

use std::time::Duration;

use evenkeel_driver::PlugError;
use evenkeel_plumbing::{Namespace, Process, process};
use tracing::warn;

use crate::trouble::{kernel, off_runtime};

/// How long a process that is killed may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// Ends all processes in a namespace that is ours. There are none, unless what their driver knew of
/// them was lost: they would keep the namespace, and serve a VIP that others may get.
pub(crate) async fn evict(namespace: Namespace) -> Result<(), PlugError> {
    let failed = || kernel("end what is left in the namespace");
    let found = off_runtime(move || process::inhabitants(&namespace).map_err(failed())).await?;
    for identity in found {
        if let Some(process) = Process::adopt(identity).map_err(failed())? {
            warn!(pid = identity.pid, "ended a process that was left in a namespace");
            process.end(ENDED_WITHIN).await.map_err(failed())?;
        }
    }
    Ok(())
}
