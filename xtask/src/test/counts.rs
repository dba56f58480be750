//! How many tests passed, read from what the runners print.

use std::fmt;
use std::ops::Add;

/// Tests that passed, and tests that did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Ran to a good end.
    pub(crate) passed: u64,
    /// Failed, took too long, could not be started, or were skipped: no test here may be skipped.
    pub(crate) failed: u64,
}

impl Counts {
    /// From nextest's summary line; none if it never came to one.
    ///
    /// It reads `Summary [  1.2s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 0 skipped`.
    pub(crate) fn of_nextest(output: &str) -> Option<Self> {
        let summary =
            output.lines().rev().find(|line| line.trim_start().starts_with("Summary ["))?;
        let (_, tallies) = summary.split_once(" run: ")?;
        // What stands in parentheses says more about the number before it.
        let plain: String = tallies.split('(').map(after_parenthesis).collect();
        Some(plain.split(',').filter_map(tally).fold(Self::default(), Self::with))
    }

    /// From the result lines of all the binaries that libtest ran.
    ///
    /// Each reads `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; …`.
    pub(crate) fn of_libtest(output: &str) -> Self {
        output
            .lines()
            .filter_map(|line| line.trim().strip_prefix("test result: "))
            .filter_map(|line| line.split_once(". "))
            .flat_map(|(_, tallies)| tallies.split(';').filter_map(tally))
            .filter(|(_, word)| ["passed", "failed", "ignored"].contains(word))
            .fold(Self::default(), Self::with)
    }

    fn with(self, (number, word): (u64, &str)) -> Self {
        if word == "passed" {
            self + Self { passed: number, failed: 0 }
        } else {
            self + Self { passed: 0, failed: number }
        }
    }
}

fn after_parenthesis(part: &str) -> &str {
    part.split_once(')').map_or(part, |(_, rest)| rest)
}

fn tally(part: &str) -> Option<(u64, &str)> {
    let (number, word) = part.trim().split_once(' ')?;
    Some((number.parse().ok()?, word.trim()))
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nextest(summary: &str) -> Option<Counts> {
        Counts::of_nextest(&format!(
            "   PASS [ 0.1s] a b\n     Summary [   0.1s] {summary}\nerror: x\n"
        ))
    }

    #[test]
    fn a_good_run_is_counted() {
        let counts = nextest("12 tests run: 12 passed (1 slow, 2 leaky), 0 skipped");
        assert_eq!(counts, Some(Counts { passed: 12, failed: 0 }));
    }

    #[test]
    fn whatever_did_not_pass_failed() {
        let counts = nextest(
            "7 tests run: 2 passed, 1 failed (1 due to being leaky), 1 timed out, 1 exec failed, 2 skipped",
        );
        assert_eq!(counts, Some(Counts { passed: 2, failed: 5 }));
    }

    #[test]
    fn no_summary_is_no_run() {
        assert_eq!(Counts::of_nextest("error: could not compile\n"), None);
    }

    #[test]
    fn the_binaries_of_libtest_are_added_up() {
        let counts = Counts::of_libtest(
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0s\n\
             test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!(counts, Counts { passed: 4, failed: 3 });
        assert_eq!(counts.to_string(), "4 passed, 3 failed");
    }
}
