//! What is priced is what HAProxy runs, and it says what any engine says.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use evenkeel_haproxy::writer::{Line, Pattern, Word};
use evenkeel_model::regex::{Case, Regex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

/// How many expressions one HAProxy is asked about.
const EXPRESSIONS: usize = 40;

/// A HAProxy that says which of some expressions match a text; it ends with this value.
struct Engine {
    child: Child,
    directory: TempDir,
    count: usize,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    #[expect(clippy::disallowed_methods, reason = "the child ends with its owner, which waits")]
    fn start(expressions: &[Regex]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, configuration(expressions)).unwrap();
        let child = std::process::Command::new("haproxy")
            .args(["-db", "-C"])
            .arg(directory.path())
            .arg("-f")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy can be run: apt-get install haproxy");
        let mut engine = Self { child, directory, count: expressions.len() };
        while UnixStream::connect(engine.socket()).is_err() {
            let ended = engine.child.try_wait().unwrap();
            assert!(ended.is_none(), "HAProxy refuses {}", configuration(expressions));
            std::thread::yield_now();
        }
        engine
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("s")
    }

    /// For each expression, whether it matches.
    fn matches(&self, text: &[u8]) -> Vec<bool> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nT: ";
        stream.write_all(format!("{head}{}\r\n\r\n", base64(text)).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("m: "));
        let flags = line.unwrap_or_else(|| panic!("no verdict in {answer}"));
        assert_eq!(flags.len(), self.count);
        flags.bytes().map(|flag| flag == b'1').collect()
    }
}

fn configuration(expressions: &[Regex]) -> String {
    let mut text = "defaults\n mode http\n timeout client 20s\n timeout server 20s\n \
                    timeout connect 20s\nfrontend f\n bind unix@s\n"
        .to_owned();
    for (at, regex) in expressions.iter().enumerate() {
        let pattern = Line::empty().word(Word::from(Pattern::regex(regex)));
        text += &[
            format!(" acl r{at} req.hdr(t),b64dec -m reg -- {pattern}"),
            format!(" http-request set-header x-{at} 1 if r{at}"),
            format!(" http-request set-header x-{at} 0 if !r{at}\n"),
        ]
        .join("\n");
    }
    let flags: Vec<_> = (0..expressions.len()).map(|at| format!("%[req.hdr(x-{at})]")).collect();
    text + " http-request return status 200 hdr m " + &flags.concat() + "\n"
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let mut number = 0;
        for at in 0..3 {
            number = number << 8 | u32::from(part.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= part.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// Expressions of few letters, so that much of them matches, with all that syntax has.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "c", "/", "ab", "abc", ".", "[ab]", "[^a]", r"\d", r"\w", r"\W", r"\s", "[a-c/]",
        r"\.", r"\x00", r"\xff", "ü", ".*", ".+", "[^/]*", "[^/]+/", "^", "$", r"\b", r"\B", "",
        "(?i:A)", "é|a", r"\x{e9}", "'", "\"", "#", r"\\", "%",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    let inner = leaf.prop_recursive(5, 24, 4, |inner| {
        let times = prop::sample::select(vec![
            "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}", "{0,20}", "{3}?", "{0}",
        ]);
        prop_oneof![
            4 => vec(inner.clone(), 2..4).prop_map(|parts| parts.concat()),
            2 => vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join("|"))),
            3 => (inner.clone(), times).prop_map(|(body, times)| format!("(?:{body}){times}")),
            1 => inner.prop_map(|body| format!("(?i:{body})")),
        ]
    });
    (any::<bool>(), inner, any::<bool>()).prop_map(|(start, body, end)| {
        let (start, end) = (if start { "^" } else { "" }, if end { "$" } else { "" });
        format!("{start}{body}{end}")
    })
}

/// Texts of the same letters, some of them long. Neither a line break nor a zero byte is in what
/// HAProxy takes from clients.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(b"aaabbbcc//A1_. \xff\xc3\xbc\xe9'\"#\\%".to_vec());
    let short = vec(byte.clone(), 0..24);
    let long = (vec(byte.clone(), 0..4), vec(byte.clone(), 1..4), 100..2000_usize, vec(byte, 0..4));
    let long = long.prop_map(|(head, unit, times, tail)| {
        let body = unit.repeat(times.min(10_000 / unit.len()));
        [head, body, tail].concat()
    });
    prop_oneof![3 => short, 1 => long]
}

fn reference(text: &str) -> regex::bytes::Regex {
    let mut builder = regex::bytes::RegexBuilder::new(text);
    builder.unicode(false).build().unwrap()
}

/// How often, unless `EVENKEEL_ROUNDS` says more.
fn rounds() -> u32 {
    std::env::var("EVENKEEL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(12)
}

/// Asks both engines about random expressions and texts. What they differ about is said alone, so
/// that there is nothing to shrink.
fn compare(rounds: u32) {
    let config = Config { cases: rounds, max_shrink_iters: 0, ..Config::default() };
    // Most of what is random is too expensive; that is another test's subject.
    let cheap = expression().prop_filter_map("is refused", |text| {
        Regex::parse(&text, Case::Matters).ok().map(|regex| (text, regex))
    });
    let input = (vec(cheap, EXPRESSIONS), vec(text(), 40));
    let mut runner = TestRunner::new(Config { max_local_rejects: 1_000_000, ..config });
    let outcome = runner.run(&input, |(expressions, texts)| {
        let (said, judged): (Vec<_>, Vec<_>) = expressions.into_iter().unzip();
        let references: Vec<_> = said.iter().map(|text| reference(text)).collect();
        let engine = Engine::start(&judged);
        for text in &texts {
            for (at, matched) in engine.matches(text).into_iter().enumerate() {
                if judged[at].longest().is_some_and(|longest| text.len() as u64 > longest) {
                    continue;
                }
                let expected = references[at].is_match(text);
                let (said, shown) = (&said[at], text.escape_ascii().to_string());
                prop_assert_eq!(matched, expected, "{} {}", said, shown);
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn haproxy_and_rust_agree_on_what_matches() {
    compare(rounds());
}

#[test]
fn loops_over_groups_go_on_for_as_long_as_a_text_is() {
    // With a frame on its stack for each round, HAProxy's engine would say after some 4,000 rounds
    // that nothing matches.
    let said = ["^/(?:[^,]*,)+$", "^/(?:a,|b,)*$", r"^(?:/[^/]+)*$", "^/(?:(?:ab?)*,)*$"];
    let judged: Vec<_> =
        said.iter().map(|text| Regex::parse(text, Case::Matters).unwrap()).collect();
    let engine = Engine::start(&judged);
    assert!(judged.iter().all(|regex| regex.longest().is_none()));
    let text = [b"/".as_slice(), &b"a,".repeat(5_000)].concat();
    assert_eq!(engine.matches(&text), [true; 4]);
    assert_eq!(engine.matches(&[text, b"x".to_vec()].concat()), [false, false, true, false]);
}

/// A match never ends because the engine gives up: it would say that nothing matches, which is
/// what an inverted rule waits for.
#[test]
fn no_match_is_given_up() {
    let said = ["<a[^>]*>b", r"^/.*-[a-z]+[0-9a-z]*\.html$", "^/(?:[^/]+/)*edit/", "a[^b]*cb$"];
    let units: [&[u8]; 4] = [b"<a", b"a", b"a/", b"a"];
    let tails: [&[u8]; 4] = [b"<a>b", b"-aa.html", b"edit/", b"acb"];
    let judged: Vec<_> =
        said.iter().map(|text| Regex::parse(text, Case::Matters).unwrap()).collect();
    let engine = Engine::start(&judged);
    for (at, regex) in judged.iter().enumerate() {
        let longest = usize::try_from(regex.longest().unwrap()).unwrap();
        let room = longest - tails[at].len() - 1;
        let body = units[at].repeat(room / units[at].len());
        let text = [b"/".as_slice(), &body, tails[at]].concat();
        assert!(reference(said[at]).is_match(&text));
        assert!(engine.matches(&text)[at], "{} {}", said[at], text.len());
    }
}
