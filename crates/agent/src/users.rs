//! The users that data planes become: a number for each load balancer, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use evenkeel_model::LoadBalancerId;

/// Who is which user. Without a range nobody is one.
#[derive(Debug, Default)]
pub(crate) struct Users {
    range: Option<RangeInclusive<u32>>,
    /// Those that some process was when the agent began, and nobody was noted to be: what is left
    /// of a state directory that was lost.
    strange: BTreeSet<u32>,
    given: Mutex<BTreeMap<LoadBalancerId, u32>>,
}

/// All numbers of the range are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoneLeft;

impl Users {
    /// Those of `range`. Who was noted to be one of them still is, the first one if there are two.
    /// Of the others, those that some process is (`alive`) are given to nobody.
    pub(crate) fn new(
        range: Option<RangeInclusive<u32>>,
        noted: impl IntoIterator<Item = (LoadBalancerId, u32)>,
        alive: BTreeSet<u32>,
    ) -> Self {
        let mut given: BTreeMap<LoadBalancerId, u32> = BTreeMap::new();
        for (id, user) in noted {
            let is_ours = range.as_ref().is_some_and(|range| range.contains(&user));
            if is_ours && !given.values().any(|other| *other == user) {
                given.insert(id, user);
            }
        }
        let is_noted = |user: &u32| given.values().any(|other| other == user);
        let strange: BTreeSet<u32> = alive.into_iter().filter(|it| !is_noted(it)).collect();
        if !strange.is_empty() {
            tracing::warn!(?strange, "users that processes have whom nobody knows are not given");
        }
        Self { range, strange, given: Mutex::new(given) }
    }

    /// Gives a load balancer the lowest number that is free, unless it has one.
    pub(crate) fn give(&self, id: LoadBalancerId) -> Result<(), NoneLeft> {
        let Some(range) = self.range.clone() else { return Ok(()) };
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.contains_key(&id) {
            return Ok(());
        }
        let taken: BTreeSet<u32> = given.values().chain(&self.strange).copied().collect();
        let free = range.into_iter().find(|user| !taken.contains(user)).ok_or(NoneLeft)?;
        given.insert(id, free);
        Ok(())
    }

    /// The one that a load balancer has.
    pub(crate) fn of(&self, id: LoadBalancerId) -> Option<u32> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Takes the number back; it may be given to another at once.
    pub(crate) fn take_back(&self, id: LoadBalancerId) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> LoadBalancerId {
        LoadBalancerId::new(Uuid::from_u128(number))
    }

    #[test]
    fn everybody_has_a_number_of_his_own_and_keeps_it() {
        let noted = [(id(1), 101), (id(2), 101), (id(3), 99)];
        let users = Users::new(Some(100..=102), noted, BTreeSet::from([101]));
        for number in 1..=3 {
            users.give(id(number)).unwrap();
        }
        assert_eq!([1, 2, 3].map(|it| users.of(id(it))), [Some(101), Some(100), Some(102)]);
        assert_eq!(users.give(id(4)), Err(NoneLeft));
        users.take_back(id(2));
        users.give(id(4)).unwrap();
        assert_eq!(users.of(id(4)), Some(100));
        assert_eq!(users.of(id(2)), None);
    }

    #[test]
    fn nobody_becomes_who_a_forgotten_process_is() {
        let users = Users::new(Some(100..=102), [(id(1), 100)], BTreeSet::from([100, 101]));
        for number in 1..=2 {
            users.give(id(number)).unwrap();
        }
        assert_eq!([1, 2].map(|it| users.of(id(it))), [Some(100), Some(102)]);
        assert_eq!(users.give(id(3)), Err(NoneLeft));
    }

    #[test]
    fn without_a_range_nobody_is_anybody() {
        let users = Users::new(None, [(id(1), 101)], BTreeSet::new());
        users.give(id(1)).unwrap();
        assert_eq!(users.of(id(1)), None);
    }
}
