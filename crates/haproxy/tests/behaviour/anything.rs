//! Whatever a tenant says: it is refused in words of ours, or it is written so that HAProxy takes
//! the file and reads in it the same words and no others.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::said::holds;

/// Texts that have broken configurations, one a file, so that each can be looked at as it is.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

#[test]
fn the_corpus_breaks_nothing() {
    let mut files: Vec<_> =
        std::fs::read_dir(CORPUS).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        holds(&[String::from_utf8_lossy(&bytes).into_owned()]);
    }
}

#[test]
fn nothing_that_is_said_breaks_a_configuration() {
    let special = " \t\n\r\0'\"\\#$%{}[]()<>!,;:@/=~-.*+?|^\u{1b}\u{7f}\u{85}\u{202e}\u{2028}ü😀";
    let special = prop::sample::select(special.chars().collect::<Vec<_>>());
    let c = prop_oneof![1 => any::<char>(), 3 => special, 3 => prop::char::range('a', 'c')];
    let text = vec(c, 0..30).prop_map(|them| them.into_iter().collect::<String>());
    let printable = "[!-~]{1,40}";
    let texts = vec(prop_oneof![text, printable, "[a-z0-9.-]{1,20}", "/[!-~]{0,20}"], 12..40);
    // proptest prints the texts and the seed if it does not hold.
    let mut runner = TestRunner::new(Config { max_shrink_iters: 200, ..Config::with_cases(60) });
    let outcome = runner.run(&texts, |texts| {
        holds(&texts);
        Ok(())
    });
    outcome.unwrap();
}
