//! How many lines there may be. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// So many a second, and some more after a time with fewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// What one costs.
    each: Duration,
    /// What can be saved up.
    most: Duration,
    /// From when on what was saved up is used up.
    paid_until: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        let most = each * burst;
        Self { each, most, paid_until: now.checked_sub(most).unwrap_or(now) }
    }

    /// How long to wait for the next one.
    pub(super) fn until_next(&mut self, now: Instant) -> Duration {
        let earliest = now.checked_sub(self.most).unwrap_or(now);
        self.paid_until = self.paid_until.max(earliest);
        self.paid_until.saturating_duration_since(now)
    }

    /// Takes one.
    pub(super) fn take(&mut self) {
        self.paid_until += self.each;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_there_are_so_many_a_second() {
        let start = Instant::now() + Duration::from_hours(1);
        let mut rate = Rate::new(10, 5, start);
        let mut now = start;
        let mut taken = 0;
        while now < start + Duration::from_secs(10) {
            if rate.until_next(now).is_zero() {
                rate.take();
                taken += 1;
            } else {
                now += rate.until_next(now);
            }
        }
        assert!((104..=106).contains(&taken), "{taken}");
        now += Duration::from_hours(1);
        let mut burst = 0;
        while rate.until_next(now).is_zero() {
            rate.take();
            burst += 1;
        }
        assert_eq!(burst, 6);
    }
}
