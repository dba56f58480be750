//! What may not be written at all, or not in tests, or not outside one crate.

use super::Breach;
use super::function::{self, words};
use super::source::Source;

/// Code that is unfinished, switched off, or hidden.
const CODE: &[(&str, &str)] = &[
    ("todo!", "finish it"),
    ("unimplemented!", "finish it"),
    ("#[ignore", "no test is skipped: cure it or delete it"),
    ("include!", "code is read where it stands: make it a module"),
    ("#[path", "a module lies where its name says"),
    ("dbg!", "look with a test or with tracing"),
];

/// Words of any kind, comments and texts too.
const TEXT: &[(&str, &str)] = &[
    ("FIXME", "fix it, or write TODO with its issue"),
    ("XXX", "say what is wrong, in a sentence"),
    ("HACK", "say why it must be so, in a sentence"),
    ("/home/", "a path of one person's machine"),
    ("/work/", "a path of one person's machine"),
];

/// This folder has to name what it forbids.
const LAWBOOK: &str = "xtask/src/tidy/";

/// All bans.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    if source.path.starts_with(LAWBOOK) {
        return Vec::new();
    }
    let mut breaches = banned(source, &source.code, CODE);
    breaches.extend(banned(source, &source.text, TEXT));
    breaches.extend(todos(source));
    breaches.extend(sleeps(source));
    breaches.extend(unsafe_code(source));
    breaches
}

fn banned(source: &Source, within: &str, bans: &[(&str, &str)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (word, cure) in bans {
        for (at, _) in within.match_indices(word) {
            // `include!` is not in `my_include!`, and `XXX` is not in `XXXL`.
            let whole =
                !within[..at].ends_with(joined) && !within[at + word.len()..].starts_with(joined);
            if whole || !word.starts_with(joined) {
                breaches.push(Breach::new(source.place(at), format!("`{word}`: {cure}")));
            }
        }
    }
    breaches
}

fn joined(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn todos(source: &Source) -> Vec<Breach> {
    let text = &source.text;
    text.match_indices("TODO")
        .filter(|(at, _)| !text[at + 4..].starts_with("(#"))
        .map(|(at, _)| Breach::new(source.place(at), "a TODO names its issue: TODO(#12)"))
        .collect()
}

/// Tests wait for something, with a deadline; only the one function that does so may sleep. Where
/// the clock is stopped, sleeping takes no time, and is how time passes.
fn sleeps(source: &Source) -> Vec<Breach> {
    if source.code.contains("start_paused") {
        return Vec::new();
    }
    let tests = source.tests_from();
    let pollers: Vec<_> = function::all(source)
        .into_iter()
        .filter(|function| function.name.starts_with("eventually"))
        .collect();
    words(&source.code)
        .filter(|&(at, word)| {
            at >= tests && word == "sleep" && source.code[at + 5..].starts_with('(')
        })
        .filter(|(at, _)| !pollers.iter().any(|poller| poller.span.contains(at)))
        .map(|(at, _)| {
            let says =
                "a test that sleeps is slow or flaky: wait with `eventually`, or stop the clock";
            Breach::new(source.place(at), says)
        })
        .collect()
}

fn unsafe_code(source: &Source) -> Vec<Breach> {
    if source.path.starts_with("crates/plumbing/") {
        return Vec::new();
    }
    words(&source.code)
        .filter(|&(_, word)| word == "unsafe")
        .map(|(at, _)| Breach::new(source.place(at), "unsafe code lives in crates/plumbing only"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check(&Source::new(path, text)).iter().map(ToString::to_string).collect()
    }

    const PRODUCT: &str = "crates/agent/src/keeper.rs";
    const TEST: &str = "crates/agent/tests/behaviour/main.rs";

    #[test]
    fn unfinished_and_hidden_code_is_found() {
        for (word, _) in CODE {
            assert_eq!(breaches(PRODUCT, &format!("fn a() {{ {word}(b) }}")).len(), 1, "{word}");
            assert_eq!(breaches(PRODUCT, &format!("// {word}")).len(), 0, "{word}");
        }
        assert_eq!(breaches(PRODUCT, "let a = include_str!(\"a.sql\");").len(), 0);
    }

    #[test]
    fn words_are_found_in_comments_too() {
        for (word, _) in TEXT {
            assert_eq!(breaches(PRODUCT, &format!("// see {word} a")).len(), 1, "{word}");
        }
    }

    #[test]
    fn a_todo_names_its_issue() {
        assert_eq!(breaches(PRODUCT, "// TODO: later").len(), 1);
        assert_eq!(breaches(PRODUCT, "// TODO(#12): later").len(), 0);
    }

    #[test]
    fn only_eventually_sleeps_in_tests() {
        let sleeping = "async fn a() {\n    sleep(SECOND).await;\n}\n";
        assert_eq!(breaches(PRODUCT, sleeping).len(), 0);
        assert!(
            breaches(TEST, sleeping)[0].starts_with("crates/agent/tests/behaviour/main.rs:2: ")
        );
        assert_eq!(breaches(TEST, &sleeping.replace("fn a", "fn eventually")).len(), 0);
        let stopped = format!("#[tokio::test(start_paused = true)]\n{sleeping}");
        assert_eq!(breaches(TEST, &stopped).len(), 0);
        let unit = format!("{sleeping}#[cfg(test)]\nmod tests {{\n{sleeping}}}\n");
        assert_eq!(breaches(PRODUCT, &unit).len(), 1);
    }

    #[test]
    fn unsafe_code_has_one_home() {
        let text = "fn a() { unsafe { b() } }";
        assert_eq!(breaches("crates/plumbing/src/pidfd.rs", text).len(), 0);
        assert_eq!(breaches(PRODUCT, text).len(), 1);
        assert_eq!(breaches(PRODUCT, "#![expect(unsafe_code)]").len(), 0);
    }
}
