//! The table of requirements has every row, and names tests that exist.

use std::fs;

use anyhow::Context;

use super::Breach;
use super::source::Source;
use crate::shell::root;

const TABLE: &str = "docs/requirements.md";

/// How many rows there are.
const ROWS: usize = 73;

/// Checks the table against the tests in `sources`.
pub(crate) fn check_all(sources: &[Source]) -> anyhow::Result<Vec<Breach>> {
    let text = fs::read_to_string(root().join(TABLE)).with_context(|| format!("read {TABLE}"))?;
    Ok(check(&text, sources))
}

fn check(text: &str, sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut next = 1;
    for (at, line) in text.lines().enumerate() {
        let place = format!("{TABLE}:{}", at + 1);
        if let Some(row) = number(line) {
            if row != next {
                breaches.push(Breach::new(&place, format!("is row {row}, and {next} comes next")));
            }
            if line.split('|').nth(3).is_none_or(|shown| shown.trim().is_empty()) {
                breaches.push(Breach::new(&place, "names no test, and gives no reason"));
            }
            next = row + 1;
        }
        let gone = named(line).filter(|(room, test)| !exists(room, test, sources));
        breaches.extend(gone.map(|(room, test)| {
            Breach::new(&place, format!("names `{room}::{test}`, and there is no such test"))
        }));
    }
    if next != ROWS + 1 {
        breaches.push(Breach::new(TABLE, format!("ends before row {ROWS}")));
    }
    breaches
}

/// The number of a row.
fn number(line: &str) -> Option<usize> {
    line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok()
}

/// What stands in backticks as `crate::test`.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|text| text.split_once("::"))
}

/// Whether a crate has this function, with an attribute just above it that makes it a test.
fn exists(room: &str, test: &str, sources: &[Source]) -> bool {
    let folder = format!("crates/{room}/");
    let signature = format!("fn {test}()");
    let is_test = |code: &str, at: usize| {
        let above: Vec<&str> = code[..at].lines().rev().take(4).collect();
        above.iter().any(|line| line.trim_start().starts_with("#[") && line.contains("test"))
    };
    sources.iter().filter(|it| it.path.starts_with(&folder)).any(|source| {
        source.code.match_indices(&signature).any(|(at, _)| is_test(&source.code, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let code =
            "#[test]\nfn it_holds() {}\n\nfn no_test() {}\n\n\n\n\nfn far_from_a_test() {}\n";
        let sources = [Source::new("crates/model/src/a.rs", code)];
        check(text, &sources).iter().map(|it| it.says.clone()).collect()
    }

    #[test]
    fn tests_that_exist_pass_and_others_are_named() {
        assert_eq!(said("| 1 | a | `model::it_holds` |").len(), 1, "only the end is missing");
        for gone in ["model::it_fails", "haproxy::it_holds", "model::far_from_a_test"] {
            assert!(said(&format!("| 1 | a | `{gone}` |"))[0].contains(gone));
        }
    }

    #[test]
    fn every_row_is_there_and_says_something() {
        let rows = |shown: &str| {
            let row = |row| format!("| {row} | a | {shown} |");
            (1..=ROWS).map(row).collect::<Vec<_>>().join("\n")
        };
        assert!(said(&rows("because")).is_empty());
        assert_eq!(said(&rows(" ")).len(), ROWS);
        assert_eq!(said(&rows("because").replacen("| 7 |", "| 8 |", 1)).len(), 2);
    }
}
