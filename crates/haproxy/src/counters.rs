//! What passed each listener, whichever processes served it. Totals only rise.

use std::collections::BTreeMap;

use evenkeel_model::observed::Traffic;
use evenkeel_model::{ListenerId, SeriesId};
use serde::{Deserialize, Serialize};

use crate::record::Started;

/// What passed each listener.
pub(crate) type Counters = BTreeMap<ListenerId, Traffic>;

/// What one process has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) process: Started,
    pub(crate) counters: Counters,
}

/// What processes have counted that have ended, or are about to.
///
/// The last one stands apart: if the one that was to replace it does not start, it counts on, and
/// nothing of it is counted twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Which count it is: another one was begun where nothing was known of this.
    #[serde(default)]
    series: Option<SeriesId>,
    ended: Counters,
    last: Option<Share>,
}

impl Counted {
    /// Nothing yet.
    pub(crate) fn begin(series: SeriesId) -> Self {
        Self { series: Some(series), ..Self::default() }
    }

    pub(crate) const fn series(&self) -> Option<SeriesId> {
        self.series
    }

    /// Adds the share of a process that is to be replaced or has ended, of these listeners only.
    pub(crate) fn add(&mut self, share: Share, keep: impl Fn(ListenerId) -> bool) {
        if let Some(last) = self.last.take().filter(|last| last.process != share.process) {
            self.ended = sum(&self.ended, &last.counters);
        }
        self.ended.retain(|listener, _| keep(*listener));
        let mut last = share;
        last.counters.retain(|listener, _| keep(*listener));
        last.counters = idle(last.counters);
        self.last = Some(last);
    }

    /// All of it, and the share of the process that was seen last.
    pub(crate) fn total(&self, seen: Option<&Share>) -> Counters {
        let last = self.last.as_ref();
        let is_seen = |last: &&Share| seen.is_some_and(|seen| seen.process == last.process);
        let shares = last.filter(|last| !is_seen(last)).into_iter().chain(seen);
        shares.fold(self.ended.clone(), |total, share| sum(&total, &share.counters))
    }
}

fn sum(one: &Counters, other: &Counters) -> Counters {
    let mut total = one.clone();
    for (listener, traffic) in other {
        let entry = total.entry(*listener).or_default();
        *entry = entry.plus(*traffic);
    }
    total
}

/// The same without connections: those of a process that has ended have ended too.
pub(crate) fn idle(mut counters: Counters) -> Counters {
    for traffic in counters.values_mut() {
        *traffic = traffic.idle();
    }
    counters
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn listener(number: u128) -> ListenerId {
        Uuid::from_u128(number).into()
    }

    fn share(pid: u32, counts: &[(u128, u64)]) -> Share {
        let traffic = |count| Traffic {
            total_connections: count,
            active_connections: 1,
            ..Traffic::default()
        };
        let counters = counts.iter().map(|(id, count)| (listener(*id), traffic(*count))).collect();
        Share { process: Started::from(evenkeel_plumbing::Identity { pid, started: 1 }), counters }
    }

    fn total(counted: &Counted, seen: &Share) -> u64 {
        counted.total(Some(seen))[&listener(1)].total_connections
    }

    #[test]
    fn what_each_process_counts_is_counted_once() {
        let mut counted = Counted::default();
        assert_eq!(total(&counted, &share(1, &[(1, 5)])), 5);
        // It is to be replaced, but the other does not start.
        counted.add(share(1, &[(1, 5)]), |_| true);
        assert_eq!(total(&counted, &share(1, &[(1, 6)])), 6);
        counted.add(share(1, &[(1, 7)]), |_| true);
        assert_eq!(total(&counted, &share(2, &[(1, 1)])), 8);
        counted.add(share(2, &[(1, 2)]), |_| true);
        assert_eq!(total(&counted, &share(3, &[(1, 3)])), 12);
        assert_eq!(counted.total(None)[&listener(1)].total_connections, 9);
        assert_eq!(counted.total(None)[&listener(1)].active_connections, 0);
    }

    #[test]
    fn deleted_listeners_are_forgotten() {
        let mut counted = Counted::default();
        counted.add(share(1, &[(1, 5), (2, 5)]), |_| true);
        counted.add(share(2, &[(1, 5), (3, 5)]), |it| it == listener(1));
        assert_eq!(counted.total(None).into_keys().collect::<Vec<_>>(), [listener(1)]);
    }
}
