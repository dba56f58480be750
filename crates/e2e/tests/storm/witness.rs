//! Who looks at the processes and counters of a load balancer while it is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use evenkeel_e2e::lab::Lab;

/// At most so many processes at once: one that serves, and two that finish what they have.
const MOST_PROCESSES: usize = 3;

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    processes: BTreeSet<u32>,
    most_at_once: usize,
    /// Connections, bytes in, bytes out.
    totals: [u64; 3],
}

impl Witness {
    /// Looks at the processes.
    pub(crate) fn see(&mut self, lab: &Lab) -> anyhow::Result<()> {
        let serving: Vec<u32> = lab.haproxies()?.into_iter().filter(|pid| serves(*pid)).collect();
        self.most_at_once = self.most_at_once.max(serving.len());
        self.processes.extend(serving);
        Ok(())
    }

    /// Looks at the counters, none of which ever falls.
    pub(crate) async fn count(&mut self, lab: &Lab, load_balancer: &str) -> anyhow::Result<()> {
        let stats = lab.show(&format!("/loadbalancers/{load_balancer}/stats")).await?;
        let number = |field: &str| stats[field].as_u64().unwrap_or_default();
        let totals = [number("total_connections"), number("bytes_in"), number("bytes_out")];
        let fell = self.totals.iter().zip(&totals).any(|(before, now)| now < before);
        ensure!(!fell, "{:?} fell to {totals:?}", self.totals);
        self.totals = totals;
        Ok(())
    }

    /// Says whether all was as it should be.
    pub(crate) fn testify(&self, elapsed: Duration) -> anyhow::Result<()> {
        ensure!(self.most_at_once <= MOST_PROCESSES, "{self:?}");
        let reloads = self.processes.len() as u64;
        ensure!(reloads <= elapsed.as_secs() + 2, "{reloads} reloads in {elapsed:?}");
        ensure!(reloads > elapsed.as_secs() / 6, "hardly any reload: {reloads} in {elapsed:?}");
        ensure!(self.totals.iter().all(|total| *total > 0), "{self:?}");
        Ok(())
    }
}

/// Whether this process serves, rather than checks a file.
fn serves(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|word| word == b"-db")
}
