//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod edges;
mod function;
mod manifest;
mod map;
mod names;
mod requirements;
mod size;
mod source;
mod words;

use std::fmt;

use anyhow::bail;

use crate::shell::{answer, say};
use source::Source;

/// A rule that is broken: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Breach {
    place: String,
    says: String,
}

impl Breach {
    fn new(place: impl Into<String>, says: impl Into<String>) -> Self {
        Self { place: place.into(), says: says.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.says)
    }
}

/// Shows every breach, and fails if there is one.
pub(crate) fn run() -> anyhow::Result<()> {
    let sources = source::all()?;
    let mut breaches = edges::check(&edges::packages()?);
    breaches.extend(manifest::check_all()?);
    breaches.extend(map::check_all()?);
    breaches.extend(requirements::check_all(&sources)?);
    for source in &sources {
        breaches.extend(check(source));
    }
    if breaches.is_empty() {
        answer(&format!("tidy: {} files are in order", sources.len()));
        return Ok(());
    }
    for breach in &breaches {
        say(&breach.to_string());
    }
    bail!("tidy: {} breaches of the house rules", breaches.len())
}

fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = names::check(source);
    breaches.extend(size::check(source));
    breaches.extend(words::check(source));
    breaches
}
