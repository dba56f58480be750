//! Figures, and rows of the table.

use std::fmt;
use std::time::Duration;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) aim: String,
    pub(crate) measured: String,
    pub(crate) compared: String,
    pub(crate) met: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, aim, measured, compared, met } = self;
        let verdict = if *met { "met" } else { "**missed**" };
        write!(f, "| {what} | {aim} | {measured} | {compared} | {verdict} |")
    }
}

/// Durations of many rounds.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<Duration>);

impl Rounds {
    pub(crate) fn push(&mut self, round: Duration) {
        self.0.push(round);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The duration that `share` (0 to 100) per cent of the rounds do not exceed.
    pub(crate) fn percentile(&self, share: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// `12.3 ms`.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
