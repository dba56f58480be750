//! How long to wait before something is tried again. Without chance, so that a run can be repeated.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_secs(1);
/// The same for what has served: whoever kills it three times has it back within a second each time.
const FIRST_RESTART: Duration = Duration::from_millis(250);
/// What has stood for so long starts anew without a pause when it falls.
const STEADY: Duration = Duration::from_mins(1);

/// Growing pauses, each twice the last: 1, 2, 4 … seconds, up to the longest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// Starts with one second.
    pub(crate) fn new(longest: Duration) -> Self {
        Self::beginning(FIRST, longest)
    }

    fn beginning(first: Duration, longest: Duration) -> Self {
        Self { first, next: first.min(longest), longest }
    }

    /// The pause before the next attempt.
    pub(crate) fn grow(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }

    /// An attempt succeeded.
    pub(crate) fn reset(&mut self) {
        *self = Self::beginning(self.first, self.longest);
    }
}

/// Pauses before what has ended by itself is started again: none at first, growing ones if it ends
/// again and again: ¼, ½, 1, 2 … seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restarts {
    pauses: Pauses,
    last: Option<Instant>,
}

impl Restarts {
    /// Nothing has ended yet.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { pauses: Pauses::beginning(FIRST_RESTART, longest), last: None }
    }

    /// It has ended; so long to wait before it is started again.
    pub(crate) fn ended(&mut self, now: Instant) -> Duration {
        let steady = self.last.is_none_or(|last| now - last > STEADY);
        self.last = Some(now);
        if steady {
            self.pauses.reset();
            Duration::ZERO
        } else {
            self.pauses.grow()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew() {
        let mut pauses = Pauses::new(Duration::from_secs(30));
        let seconds: Vec<u64> = (0..7).map(|_| pauses.grow().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        pauses.reset();
        assert_eq!(pauses.grow(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_restart_is_immediate_and_a_crash_loop_slows_down() {
        let mut restarts = Restarts::new(Duration::from_secs(30));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pauses = [0, 1, 3, 5, 100].map(|seconds| restarts.ended(at(seconds)).as_millis());
        assert_eq!(pauses, [0, 250, 500, 1000, 0]);
        assert_eq!(restarts.ended(at(101)), FIRST_RESTART);
    }
}
