//! Which graphs are wanted, and which are on their way.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use evenkeel_model::{Epoch, Generation, LoadBalancerId};
use evenkeel_wire::IndexEntry;

/// The graphs of one session that are wanted; at most so many on their way at once.
#[derive(Debug)]
pub(super) struct Fetches {
    at_most: usize,
    answer: Duration,
    waiting: BTreeMap<LoadBalancerId, (Epoch, Generation)>,
    /// With the time until which an answer is awaited.
    on_their_way: BTreeMap<LoadBalancerId, (Instant, (Epoch, Generation))>,
}

impl Fetches {
    /// Nothing is wanted yet.
    pub(super) fn new(at_most: usize, answer: Duration) -> Self {
        Self {
            at_most: at_most.max(1),
            answer,
            waiting: BTreeMap::new(),
            on_their_way: BTreeMap::new(),
        }
    }

    /// All that is wanted now; what was wanted before and is not among it is no longer.
    pub(super) fn want(&mut self, lacking: &[IndexEntry]) {
        let mut before = std::mem::take(&mut self.on_their_way);
        self.waiting.clear();
        for entry in lacking {
            let numbers = (entry.epoch, entry.generation);
            match before.remove(&entry.load_balancer) {
                Some((until, _)) => {
                    let on_its_way = (until, numbers);
                    self.on_their_way.insert(entry.load_balancer, on_its_way);
                }
                None => {
                    self.waiting.insert(entry.load_balancer, numbers);
                }
            }
        }
    }

    /// Whether a graph is to be fetched now.
    pub(super) fn has_next(&self) -> bool {
        !self.waiting.is_empty() && self.on_their_way.len() < self.at_most
    }

    /// The next graph to fetch; it is on its way then.
    pub(super) fn next(&mut self, now: Instant) -> Option<LoadBalancerId> {
        if !self.has_next() {
            return None;
        }
        let (id, numbers) = self.waiting.pop_first()?;
        self.on_their_way.insert(id, (now + self.answer, numbers));
        Some(id)
    }

    /// An answer came, with these numbers if there was a graph. Whether it was awaited.
    ///
    /// One that was read before the last index was written is taken, and asked for once more.
    pub(super) fn answered(
        &mut self,
        id: LoadBalancerId,
        numbers: Option<(Epoch, Generation)>,
    ) -> bool {
        let Some((_, wanted)) = self.on_their_way.remove(&id) else {
            return false;
        };
        if numbers.is_some_and(|numbers| numbers < wanted) {
            // Once: the next answer is final until the next index, so that a control plane that
            // contradicts itself is not asked for ever.
            self.waiting.insert(id, (Epoch::default(), Generation::default()));
        }
        true
    }

    /// What was awaited for too long is wanted again.
    pub(super) fn expire(&mut self, now: Instant) {
        let late = |(_, (until, _)): &(&LoadBalancerId, &mut (Instant, _))| *until <= now;
        let late: Vec<_> = self.on_their_way.iter_mut().filter(late).map(|(id, _)| *id).collect();
        for id in late {
            if let Some((_, numbers)) = self.on_their_way.remove(&id) {
                self.waiting.insert(id, numbers);
            }
        }
    }

    /// When the next of those on their way is late.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.on_their_way.values().map(|(until, _)| *until).min()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANSWER: Duration = Duration::from_secs(10);

    fn id(number: u128) -> LoadBalancerId {
        LoadBalancerId::new(Uuid::from_u128(number))
    }

    fn entry(number: u128, generation: u64) -> IndexEntry {
        IndexEntry {
            load_balancer: id(number),
            epoch: Epoch::new(1),
            generation: Generation::new(generation),
        }
    }

    fn answered(fetches: &mut Fetches, number: u128, generation: u64) -> bool {
        let numbers = (Epoch::new(1), Generation::new(generation));
        fetches.answered(id(number), Some(numbers))
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_on_their_way() {
        let now = Instant::now();
        let mut fetches = Fetches::new(2, ANSWER);
        fetches.want(&[entry(1, 1), entry(2, 1), entry(3, 1)]);
        assert_eq!(fetches.next(now), Some(id(1)));
        assert_eq!(fetches.next(now), Some(id(2)));
        assert_eq!(fetches.next(now), None);
        assert!(answered(&mut fetches, 1, 1));
        assert_eq!(fetches.next(now), Some(id(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_is_fetched_again_and_what_nobody_awaits_is_not_taken() {
        let now = Instant::now();
        let mut fetches = Fetches::new(2, ANSWER);
        fetches.want(&[entry(1, 1)]);
        assert_eq!(fetches.next(now), Some(id(1)));
        fetches.expire(now + ANSWER);
        assert!(!answered(&mut fetches, 1, 1));
        assert_eq!(fetches.next(now), Some(id(1)));
        fetches.want(&[]);
        assert!(!answered(&mut fetches, 1, 1));
        assert!(!answered(&mut fetches, 9, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_graph_older_than_the_index_is_asked_for_once_more() {
        let now = Instant::now();
        let mut fetches = Fetches::new(2, ANSWER);
        fetches.want(&[entry(1, 7)]);
        assert_eq!(fetches.next(now), Some(id(1)));
        fetches.want(&[entry(1, 8)]);
        assert!(answered(&mut fetches, 1, 7));
        assert_eq!(fetches.next(now), Some(id(1)));
        assert!(answered(&mut fetches, 1, 7));
        assert_eq!(fetches.next(now), None);
    }
}
