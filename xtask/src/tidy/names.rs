//! No drawers: a module is named for the one thing in it.

use super::Breach;
use super::function::words;
use super::source::Source;

const DRAWERS: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "types", "constants", "manager"];

/// The names of the file, of its folders, and of the modules in it.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for part in source.path.split('/') {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        if DRAWERS.contains(&name) {
            breaches.push(drawer(&source.path, name));
        }
        if part == "mod.rs" {
            let says = "no mod.rs: `pool.rs` stands beside `pool/`";
            breaches.push(Breach::new(&source.path, says));
        }
    }
    let mut before = "";
    for (at, word) in words(&source.code) {
        if before == "mod" && DRAWERS.contains(&word) {
            breaches.push(drawer(source.place(at), word));
        }
        before = word;
    }
    breaches
}

fn drawer(place: impl Into<String>, name: &str) -> Breach {
    let says = format!("`{name}` is the name of a drawer: find the noun that it lacks");
    Breach::new(place, says)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn nouns_pass() {
        assert_eq!(breaches("crates/store/src/pool.rs", "mod settle;\nmod tests {}\n"), 0);
        assert_eq!(breaches("crates/store/src/pool.rs", "// mod utils;\nlet util = 1;"), 0);
    }

    #[test]
    fn drawers_are_found_by_file_folder_and_module() {
        assert_eq!(breaches("crates/store/src/utils.rs", ""), 1);
        assert_eq!(breaches("crates/common/src/pool.rs", ""), 1);
        assert_eq!(breaches("crates/store/src/pool.rs", "pub mod helpers {}"), 1);
    }

    #[test]
    fn mod_rs_is_found() {
        assert_eq!(breaches("crates/store/src/pool/mod.rs", ""), 1);
    }
}
