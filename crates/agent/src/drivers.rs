//! The drivers of this node, by the names of their providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_driver::Driver;
use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;

/// The drivers of this node.
#[derive(Debug)]
pub(crate) struct Drivers {
    all: Vec<Arc<dyn Driver>>,
    by_name: BTreeMap<ProviderName, usize>,
}

impl Drivers {
    /// These drivers; of two that claim a name, the first has it.
    pub(crate) fn new(offered: Vec<(Vec<ProviderName>, Arc<dyn Driver>)>) -> Self {
        let mut drivers = Self { all: Vec::new(), by_name: BTreeMap::new() };
        for (at, (names, driver)) in offered.into_iter().enumerate() {
            drivers.all.push(driver);
            for name in names {
                drivers.by_name.entry(name).or_insert(at);
            }
        }
        drivers
    }

    /// The one behind a provider's name.
    pub(crate) fn of(&self, provider: &ProviderName) -> Option<&Arc<dyn Driver>> {
        self.by_name.get(provider).and_then(|at| self.all.get(*at))
    }

    /// All of them, each once.
    pub(crate) fn all(&self) -> &[Arc<dyn Driver>] {
        &self.all
    }

    /// How one of them at least can probe members here.
    pub(crate) fn probes(&self) -> Vec<ProbeKind> {
        let can = |kind: &ProbeKind| {
            self.all.iter().any(|driver| driver.capabilities().probes.contains(kind))
        };
        ProbeKind::ALL.iter().copied().filter(can).collect()
    }

    /// The names, in their order.
    pub(crate) fn names(&self) -> Vec<ProviderName> {
        self.by_name.keys().cloned().collect()
    }
}
