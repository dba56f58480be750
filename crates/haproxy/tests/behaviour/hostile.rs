//! Hostile text, as the real HAProxy reads it.

use evenkeel_haproxy::render::{NodeLimits, render};
use evenkeel_haproxy::writer::{Fetch, Line, LogFormat, Pattern, Section, Word};
use evenkeel_model::health_monitor::{HttpVersion, Probe};
use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::pool::Persistence;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::regex::{Case, Regex};
use evenkeel_model::text::Token;
use evenkeel_vault::Material;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::real;
use crate::world::{self, Build, http_probe};

/// Texts that have broken configuration files before.
const PAYLOADS: &[&str] = &[
    "a\nglobal\n    daemon",
    "a\r\nhttp-request deny",
    "a # b",
    "#",
    "\"",
    "'",
    "\\",
    "\\'",
    "a\\",
    "a b",
    " a",
    "a ",
    "\t",
    "\"${HOME}\"",
    "$HOME",
    "%[env(HOME)]",
    "%[nosuch]",
    "%",
    "%%",
    "%{",
    "{ always_true }",
    "}",
    "if",
    "-f",
    "-i",
    "--",
    "!",
    ")",
    "a,b",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}x",
    "ünï ✓",
    ".if",
];

fn texts() -> Vec<String> {
    let special: Vec<char> = " '\"\\#$%{}[]()!,-\tü".chars().collect();
    let c = prop_oneof![any::<char>(), prop::sample::select(special), prop::char::range('a', 'c')];
    let text = vec(c, 1..24).prop_map(|them| them.into_iter().collect::<String>());
    let mut runner = TestRunner::deterministic();
    let random = (0..400).map(|_| text.new_tree(&mut runner).unwrap().current());
    PAYLOADS.iter().map(|text| (*text).to_owned()).chain(random).collect()
}

/// HAProxy names the word that it does not know, and complains otherwise if there is another word
/// after it. It gives up after 50 complaints.
#[test]
fn haproxy_reads_back_every_word() {
    let mut texts = texts();
    texts.retain(|text| Word::quoted(text).is_ok());
    assert!(texts.len() > 200, "most texts can be written");
    for texts in texts.chunks(49) {
        let mut section = Section::new(Line::new("backend b"));
        for text in texts {
            section.add(Line::new("mode").word(Word::quoted(text).unwrap()));
        }
        let output = real::judge(&section.to_string());
        let said = String::from_utf8(output.stderr).unwrap();
        let read: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once(" : unknown proxy mode '"))
            .map(|(_, word)| word.strip_suffix("'.").unwrap())
            .collect();
        assert_eq!(read, texts, "{said}");
    }
}

/// A frontend in which every kind of text stands where it may stand.
#[test]
fn haproxy_accepts_every_text_where_it_belongs() {
    let mut section = Section::new(Line::new("frontend f"))
        .with(Line::new("mode http"))
        .with(Line::new("bind 127.0.0.1:80"))
        .with(Line::new("timeout client 1s"));
    for text in texts() {
        if let Ok(format) = LogFormat::new().literal(&text) {
            let line = Line::new("http-request redirect location").word(format);
            section.add(line.words("if { always_false }"));
        }
        if let Ok(pattern) = Pattern::literal(&text) {
            section.add(Line::new("acl a path -m str --").word(pattern));
        }
        if let Ok(regex) = Regex::parse(&text, Case::Matters) {
            section.add(Line::new("acl a path -m reg --").word(Pattern::regex(&regex)));
        }
        if let Ok(name) = Token::try_from(text) {
            let header = Line::new("acl a").word(Fetch::named("req.hdr", &name));
            section.add(header.words("-m found"));
        }
    }
    let all_tokens = "!#$%&'*+-.^_`|~azAZ09".to_owned().try_into().unwrap();
    let header = Line::new("acl a").word(Fetch::named("req.hdr", &all_tokens));
    section.add(header.words("-m found"));
    let output = real::judge(&section.to_string());
    let said = String::from_utf8_lossy(&output.stderr);
    let alerts: Vec<&str> = said.lines().filter(|line| line.contains("[ALERT]")).collect();
    assert!(output.status.success() && alerts.is_empty(), "{alerts:#?}");
}

/// A graph with hostile text in every field that the model lets it into.
#[test]
fn a_hostile_graph_is_as_good_as_any() {
    let mut graph = world::load_balancer();
    let label = "a\nglobal\n    daemon # \"'\\${HOME}%[env(HOME)]".to_owned();
    graph.load_balancer.name = label.clone().try_into().unwrap();
    let pool = graph.pair(PoolProtocol::Http);
    graph.pools[0].name = label.clone().try_into().unwrap();
    graph.members[0].name = label.clone().try_into().unwrap();
    let name = "a'#$%^`|~".to_owned().try_into().unwrap();
    graph.pools[0].persistence = Some(Persistence::AppCookie { name });
    let mut probe = http_probe();
    probe.path = "/'\"\\#${HOME}%[env(HOME)]{}".to_owned().try_into().unwrap();
    probe.version = Some(HttpVersion::V1_1);
    graph.monitor(pool, Probe::Http(probe));
    let listener = graph.serve(ListenerProtocol::Http, pool);
    graph.listeners[0].description = label.try_into().unwrap();
    let url: String = "http://a/'\"\\#${HOME}%[env(HOME)]%[nosuch]{}".to_owned();
    let code = RedirectCode::Found;
    graph.policy(listener, Action::RedirectToUrl { url: url.clone().try_into().unwrap(), code });
    for how in [Comparison::EqualTo, Comparison::StartsWith, Comparison::Contains] {
        for value in ["'", "\"", "#", "\\", "$HOME", "-f", "--", "%[x]", "\"a\tb\""] {
            graph.rule(RuleKind::Path, how, "", value);
            graph.rule(RuleKind::Header, how, "!#$%&'*+-.^_`|~", value);
        }
        graph.policy(
            listener,
            Action::RedirectPrefix { prefix: url.clone().try_into().unwrap(), code },
        );
    }
    graph.rule(RuleKind::Cookie, Comparison::EqualTo, "#'$", "'#$({})");
    let configuration =
        render(&graph, &world::site(&graph), NodeLimits { descriptors: 4096 }, &Material::none());
    let text = configuration.unwrap().to_string();
    assert!(!text.contains("daemon"), "names are not written");
    real::accepts(&text);
}
