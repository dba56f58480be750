//! `cargo xtask openapi`: the API document, generated from the types and checked in.

use std::fs;

use anyhow::{Context, bail};

use crate::shell::{Run, answer, root};

const DOCUMENT: &str = "docs/openapi.json";

/// Writes the document, or compares it with what the types say.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let said = said_by(Run::cargo("run").args(["--quiet", "--package", "evenkeel", "--"]))?;
    if check {
        return compare(&kept(), &said);
    }
    fs::write(root().join(DOCUMENT), said).with_context(|| format!("cannot write {DOCUMENT}"))?;
    answer(&format!("{DOCUMENT} is written"));
    Ok(())
}

/// Compares the document with what a binary that is already built says.
pub(crate) fn check(binary: Run) -> anyhow::Result<()> {
    compare(&kept(), &said_by(binary)?)
}

/// What is checked in: nothing, before it was written for the first time.
fn kept() -> String {
    fs::read_to_string(root().join(DOCUMENT)).unwrap_or_default()
}

fn said_by(binary: Run) -> anyhow::Result<String> {
    binary.arg("openapi").read().context("the binary must print the document: `evenkeel openapi`")
}

/// Fails at the first line in which the two differ.
fn compare(kept: &str, said: &str) -> anyhow::Result<()> {
    if kept == said {
        return Ok(());
    }
    let same = kept.lines().zip(said.lines()).take_while(|(old, new)| old == new).count();
    bail!(
        "{DOCUMENT} differs from the types at line {}; read the change, then type: cargo xtask openapi",
        same + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert!(compare("a\nb\n", "a\nb\n").is_ok());
        let error = compare("a\nb\n", "a\nc\n").expect_err("they differ");
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn a_missing_document_differs() {
        assert!(compare("", "a\n").is_err());
    }
}
