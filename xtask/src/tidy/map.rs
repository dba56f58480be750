//! The map and the guides name files that exist.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::Breach;
use crate::shell::root;

/// Checks every document: those at the root, and those under `docs/`.
pub(crate) fn check_all() -> anyhow::Result<Vec<Breach>> {
    let mut breaches = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        let place = root().join(folder);
        let entries =
            fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                breaches.extend(check(root(), &path, &text));
            }
        }
    }
    Ok(breaches)
}

fn check(root: &Path, document: &Path, text: &str) -> Vec<Breach> {
    let shown = document.strip_prefix(root).unwrap_or(document).display();
    let folder = document.parent().unwrap_or(root);
    let mut breaches = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let places = quoted(line)
            .filter(|path| !exists(root, path))
            .chain(links(line).filter(|link| !folder.join(link).exists()));
        breaches.extend(places.map(|path| {
            Breach::new(
                format!("{shown}:{}", number + 1),
                format!("names `{path}`, which does not exist"),
            )
        }));
    }
    breaches
}

/// What stands in backticks and looks like a source file or a folder of crates.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|text| {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        let source = Path::new(text).extension().is_some_and(|e| e == "rs") && text.contains('/');
        plain && (source || text.starts_with("crates/"))
    })
}

/// `crates/store/src/settle.rs`, or `store/settle.rs` for short.
fn exists(root: &Path, path: &str) -> bool {
    let crates = root.join("crates");
    let source = path.split_once('/').map(|(name, rest)| crates.join(name).join("src").join(rest));
    root.join(path).exists()
        || crates.join(path).exists()
        || source.is_some_and(|source| source.exists())
}

/// Where the links of a line lead within the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(text: &str) -> Vec<String> {
        check(root(), &root().join("MAP.md"), text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_that_exist_pass() {
        assert!(breaches("`xtask/src/main.rs`, `crates/model`, `model/lib.rs`").is_empty());
        assert!(
            breaches("[map](xtask/src/main.rs#a) [web](https://a.example/b) [up](#a)").is_empty()
        );
    }

    #[test]
    fn files_that_do_not_are_named_with_their_line() {
        assert_eq!(
            breaches("a\n`crates/model/src/gone.rs`"),
            ["MAP.md:2: names `crates/model/src/gone.rs`, which does not exist"]
        );
        assert_eq!(breaches("`model/gone.rs`").len(), 1);
        assert_eq!(breaches("[gone](docs/gone.md)").len(), 1);
    }

    #[test]
    fn other_words_are_no_paths() {
        assert!(breaches("`cargo xtask dev`, `a/b`, `x.rs`, `store::settle`").is_empty());
    }
}
