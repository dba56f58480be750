//! What an agent's report means for the load balancers placed on it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{Epoch, Generation, LoadBalancerId};

use super::{Held, Progress};

/// A load balancer that is placed on the agent, as the store has it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) load_balancer: LoadBalancerId,
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    pub(super) served: Generation,
    pub(super) failed: Generation,
    /// Why `failed` failed.
    pub(super) reason: Option<String>,
    /// Why a later generation has not been served yet; not shown until it is late.
    pub(super) trouble: Option<String>,
    /// Whether the load balancer shall go.
    pub(super) is_leaving: bool,
}

/// What a report changes about one load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The generation serves: what changed up to it is as it was asked for.
    Serves(Generation),
    /// The generation will not be served: what changed up to it is in error.
    Failed(Generation, String),
    /// There is a reason why it takes long.
    Troubled(String),
    /// It is gone from the node, as it shall.
    Gone,
}

/// What changes, given what the agent holds and what it was told to hold; nothing for a load
/// balancer of which nothing new is said.
pub(super) fn verdicts(
    standings: &[Standing],
    held: &[Held],
    indexed: &BTreeSet<LoadBalancerId>,
) -> Vec<(LoadBalancerId, Verdict)> {
    let held: BTreeMap<LoadBalancerId, &Held> =
        held.iter().map(|held| (held.load_balancer, held)).collect();
    standings
        .iter()
        .filter_map(|standing| {
            let id = standing.load_balancer;
            let verdict = verdict(standing, held.get(&id).copied(), indexed.contains(&id));
            Some((id, verdict?))
        })
        .collect()
}

fn verdict(standing: &Standing, held: Option<&Held>, is_indexed: bool) -> Option<Verdict> {
    if standing.is_leaving {
        // As long as the agent may still act on an index that names it, it can come back.
        return (held.is_none() && !is_indexed).then_some(Verdict::Gone);
    }
    let held = held.filter(|held| held.epoch == standing.epoch)?;
    match &held.progress {
        Progress::Converged(generation) => serves(standing, *generation),
        Progress::Refused { generation, reason } => refused(standing, *generation, reason),
        Progress::Retrying { generation, reason } => retrying(standing, *generation, reason),
        Progress::Leaving => None,
    }
}

fn serves(standing: &Standing, generation: Generation) -> Option<Verdict> {
    let generation = generation.min(standing.generation);
    let is_over = generation == standing.generation && standing.trouble.is_some();
    let is_news = generation > standing.served || (generation == standing.served && is_over);
    is_news.then_some(Verdict::Serves(generation))
}

fn refused(standing: &Standing, generation: Generation, reason: &str) -> Option<Verdict> {
    let generation = generation.min(standing.generation);
    // Served once, a change was possible; how traffic fares now is told by what is observed.
    let is_news = generation > standing.failed
        || (generation == standing.failed && standing.reason.as_deref() != Some(reason));
    (generation > standing.served && is_news)
        .then(|| Verdict::Failed(generation, reason.to_owned()))
}

fn retrying(standing: &Standing, generation: Generation, reason: &str) -> Option<Verdict> {
    let generation = generation.min(standing.generation);
    if generation <= standing.served {
        None
    } else if generation <= standing.failed {
        let is_news = standing.reason.as_deref() != Some(reason);
        is_news.then(|| Verdict::Failed(standing.failed, reason.to_owned()))
    } else {
        let is_news = standing.trouble.as_deref() != Some(reason);
        is_news.then(|| Verdict::Troubled(reason.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// Placed with epoch 2, in generation 7 of which 5 is served.
    fn standing() -> Standing {
        Standing {
            load_balancer: id(),
            epoch: Epoch::new(2),
            generation: Generation::new(7),
            served: Generation::new(5),
            failed: Generation::default(),
            reason: None,
            trouble: None,
            is_leaving: false,
        }
    }

    fn id() -> LoadBalancerId {
        Uuid::from_u128(1).into()
    }

    fn held(epoch: u64, progress: Progress) -> Held {
        Held { load_balancer: id(), epoch: Epoch::new(epoch), progress }
    }

    fn converged(generation: u64) -> Progress {
        Progress::Converged(Generation::new(generation))
    }

    fn refused(generation: u64) -> Progress {
        Progress::Refused { generation: Generation::new(generation), reason: "no".to_owned() }
    }

    fn retrying(generation: u64) -> Progress {
        Progress::Retrying { generation: Generation::new(generation), reason: "soon".to_owned() }
    }

    fn said(standing: &Standing, progress: Progress) -> Option<Verdict> {
        verdict(standing, Some(&held(2, progress)), true)
    }

    #[test]
    fn a_generation_is_served_once_and_never_backwards() {
        let standing = standing();
        let serves = |generation| Some(Verdict::Serves(Generation::new(generation)));
        assert_eq!(said(&standing, converged(7)), serves(7));
        assert_eq!(said(&standing, converged(6)), serves(6));
        assert_eq!(said(&standing, converged(5)), None);
        assert_eq!(said(&standing, converged(4)), None);
        assert_eq!(said(&standing, converged(9)), serves(7), "there is no 9");
    }

    #[test]
    fn another_epoch_says_nothing() {
        let standing = standing();
        for epoch in [1, 3] {
            assert_eq!(verdict(&standing, Some(&held(epoch, converged(7))), true), None);
            assert_eq!(verdict(&standing, Some(&held(epoch, refused(7))), true), None);
        }
    }

    #[test]
    fn a_refusal_is_said_once() {
        let mut standing = standing();
        let failed = Some(Verdict::Failed(Generation::new(7), "no".to_owned()));
        assert_eq!(said(&standing, refused(7)), failed);
        standing.failed = Generation::new(7);
        standing.reason = Some("no".to_owned());
        assert_eq!(said(&standing, refused(7)), None);
        assert_eq!(said(&standing, refused(6)), None);
        assert_eq!(said(&standing, refused(5)), None, "5 is served");
        standing.reason = Some("another".to_owned());
        assert_eq!(said(&standing, refused(7)), failed);
    }

    #[test]
    fn trying_again_is_remembered_and_once_late_it_is_the_reason() {
        let mut standing = standing();
        assert_eq!(said(&standing, retrying(7)), Some(Verdict::Troubled("soon".to_owned())));
        standing.trouble = Some("soon".to_owned());
        assert_eq!(said(&standing, retrying(7)), None);
        assert_eq!(said(&standing, retrying(5)), None, "5 is served");
        standing.failed = Generation::new(7);
        standing.reason = Some("late".to_owned());
        let failed = Some(Verdict::Failed(Generation::new(7), "soon".to_owned()));
        assert_eq!(said(&standing, retrying(7)), failed);
    }

    #[test]
    fn success_ends_the_trouble() {
        let mut standing = standing();
        standing.served = standing.generation;
        standing.trouble = Some("soon".to_owned());
        assert_eq!(said(&standing, converged(7)), Some(Verdict::Serves(standing.generation)));
    }

    #[test]
    fn what_shall_go_is_gone_when_it_is_neither_held_nor_may_come_back() {
        let mut standing = standing();
        standing.is_leaving = true;
        assert_eq!(verdict(&standing, None, false), Some(Verdict::Gone));
        assert_eq!(verdict(&standing, None, true), None);
        for progress in [Progress::Leaving, converged(7), retrying(7)] {
            assert_eq!(verdict(&standing, Some(&held(1, progress)), false), None);
        }
    }

    #[test]
    fn what_is_not_held_yet_waits() {
        assert_eq!(verdicts(&[standing()], &[], &BTreeSet::new()), []);
    }
}
