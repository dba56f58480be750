//! Who answers a client in one of the lab's networks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{bail, ensure};
use evenkeel_e2e::eventually;
use evenkeel_e2e::net::Place;

/// Long enough for a connection that nobody answers to be given up.
const SILENCE: Duration = Duration::from_millis(500);

/// Who answers `count` requests, and how often.
async fn answers(
    from: &Place,
    vip: SocketAddr,
    count: usize,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let answer = tokio::time::timeout(Duration::from_secs(5), from.get(vip, "/")).await??;
        let who = if answer.status == 200 { answer.body } else { answer.status.to_string() };
        *seen.entry(who).or_default() += 1;
    }
    Ok(seen)
}

/// Waits until exactly these answer, each as often as the others.
pub(crate) async fn balanced(
    from: &Place,
    vip: SocketAddr,
    names: &[&str],
    within: Duration,
) -> anyhow::Result<()> {
    let wanted: BTreeMap<_, _> = names.iter().map(|name| (name.to_string(), 4)).collect();
    eventually(&format!("{vip} is balanced over {names:?}"), within, async || {
        let seen = answers(from, vip, 4 * names.len()).await?;
        ensure!(seen == wanted, "{seen:?}");
        Ok(())
    })
    .await
}

/// Makes sure that a VIP cannot be reached from here.
pub(crate) async fn unreachable(from: &Place, vip: SocketAddr) -> anyhow::Result<()> {
    match tokio::time::timeout(SILENCE, from.get(vip, "/")).await {
        Ok(Ok(answer)) => bail!("{} reaches {vip}: {answer:?}", from.name()),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}
