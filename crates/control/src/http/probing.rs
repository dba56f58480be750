//! Whether nodes can probe as somebody wishes: a driver may know how, and its node not let it.

use std::collections::BTreeSet;

use evenkeel_api::Fault;
use evenkeel_model::HealthMonitor;
use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;
use evenkeel_store::AgentRecord;

use super::call::Call;
use super::fault::Refusal;

impl Call {
    /// Refuses, with 501, monitors that no node can carry out that serves for `provider` now. Where
    /// nodes differ, one that cannot says so itself.
    pub(crate) async fn demand_probes(
        &self,
        provider: &ProviderName,
        monitors: &[HealthMonitor],
    ) -> Result<(), Refusal> {
        let kinds: BTreeSet<ProbeKind> = monitors.iter().map(|it| it.probe.kind()).collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let agents = self.store().agents().await?;
        let serving = agents.iter().filter(|it| it.alive && it.providers.contains(provider));
        let serving: Vec<&AgentRecord> = serving.collect();
        let can = |kind| serving.is_empty() || serving.iter().any(|it| it.can_probe(kind));
        match kinds.into_iter().find(|kind| !can(*kind)) {
            None => Ok(()),
            Some(kind) => {
                let text = format!(
                    "health monitor type {kind} is not supported by any node; there, evenkeel \
                     doctor says what it lacks."
                );
                Err(Fault::unsupported(provider, text).into())
            }
        }
    }
}
