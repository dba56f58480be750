//! Benchmarks of real networks run in namespaces of their own: nothing of the machine's own network
//! is touched, and nothing is left.

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Says that a process is in namespaces of its own.
const INSIDE: &str = "EVENKEEL_BENCH_INSIDE";

const ENTER: [&str; 9] = [
    "--net",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
];

const OWN: &str = "for it in /run /var/lib /var/log; do mount -t tmpfs tmpfs $it; done && \
                   ip link set lo up && exec \"$0\" \"$1\"";

/// Whether this is the process inside.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this program once more, inside, for one benchmark; it prints its rows itself.
pub(crate) async fn enter(benchmark: &str) -> anyhow::Result<()> {
    let mut unshare = Command::new("unshare");
    unshare.args(ENTER).args(["-c", OWN]).arg(std::env::current_exe()?).arg(benchmark);
    let status = unshare.env(INSIDE, "1").status().await;
    let status = status.context("unshare of util-linux is there")?;
    ensure!(status.success(), "the benchmark failed in its namespaces, where it must be root");
    Ok(())
}
