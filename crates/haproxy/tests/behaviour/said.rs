//! Texts of tenants in a graph, and the file that HAProxy gets of it.

use std::collections::BTreeMap;

use evenkeel_haproxy::render::{NodeLimits, render};
use evenkeel_model::health_monitor::{HttpVersion, Probe};
use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::pool::Persistence;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::{L7Rule, LoadBalancerGraph};
use evenkeel_vault::Material;

use crate::real;
use crate::world::{self, Build, http_probe};

/// A graph with `texts` in every field in which the model lets them be; the more are let in, the
/// more it has. The texts are gone through in turn.
fn graph(texts: &[String]) -> LoadBalancerGraph {
    let mut turn = texts.iter().cycle().cloned();
    let mut next = || turn.next().expect("there is at least one");
    let mut graph = world::load_balancer();
    let pool = graph.pair(PoolProtocol::Http);
    let listener = graph.serve(ListenerProtocol::Http, pool);
    next().try_into().map(|name| graph.load_balancer.name = name).ok();
    next().try_into().map(|name| graph.listeners[0].name = name).ok();
    next().try_into().map(|name| graph.pools[0].description = name).ok();
    next().try_into().map(|name| graph.members[0].name = name).ok();
    let cookie = next().try_into();
    graph.pools[0].persistence = cookie.map(|name| Persistence::AppCookie { name }).ok();
    let mut probe = http_probe();
    next().try_into().map(|path| probe.path = path).ok();
    next().try_into().map(|path| probe.path = path).ok();
    next().try_into().map(|codes| probe.expected = codes).ok();
    next().try_into().map(|name| probe.domain_name = Some(name)).ok();
    probe.version = Some(HttpVersion::V1_1);
    graph.monitor(pool, Probe::Http(probe));
    let code = RedirectCode::Found;
    for _ in 0..2 {
        let target = next();
        for target in [target.clone(), format!("http://a/{target}")] {
            let Ok(url) = target.try_into() else { continue };
            graph.policy(listener, Action::RedirectToUrl { url, code });
            rules(&mut graph, &mut next);
        }
    }
    graph.policy(listener, Action::Reject);
    rules(&mut graph, &mut next);
    graph
}

fn rules(graph: &mut LoadBalancerGraph, next: &mut impl FnMut() -> String) {
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/");
    let sample: L7Rule = graph.l7_rules.last().unwrap().clone();
    for kind in [RuleKind::HostName, RuleKind::Path, RuleKind::Header, RuleKind::Cookie] {
        for comparison in [Comparison::Regex, Comparison::EqualTo, Comparison::Contains] {
            let key = next();
            for key in ["X".to_owned(), key] {
                let Ok(condition) = Condition::new(kind, comparison, Some(key), next()) else {
                    continue;
                };
                // What the API would refuse.
                if condition.regex().is_err() {
                    continue;
                }
                let id = uuid::Uuid::from_u128((0x66 << 96) | (1 + graph.l7_rules.len()) as u128);
                graph.l7_rules.push(L7Rule { id: id.into(), condition, ..sample.clone() });
            }
        }
    }
}

/// The words of a file, line by line, as HAProxy parts them. Written for this test alone, from the
/// manual's chapter on quoting.
fn read(file: &str) -> Result<Vec<Vec<String>>, String> {
    file.split('\n').map(line).filter(|it| !matches!(it, Ok(words) if words.is_empty())).collect()
}

fn line(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '#' => break,
            '\'' => loop {
                let word = word.get_or_insert_default();
                match rest.next().ok_or_else(|| format!("an open quote: {text}"))? {
                    '\'' => break,
                    c => word.push(c),
                }
            },
            '\\' => word.get_or_insert_default().extend(rest.next()),
            '"' | '$' | '\r' | '\0' => return Err(format!("{c:?} outside quotes: {text}")),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Fails unless what becomes of these texts is read back as they were said, and as nothing else. The
/// fuzz target `configuration` asks the same.
pub(crate) fn holds(texts: &[String]) {
    let graph = graph(texts);
    let limits = NodeLimits { descriptors: 4096 };
    let configuration = render(&graph, &world::site(&graph), limits, &Material::default());
    let file = configuration.unwrap_or_else(|refused| panic!("{refused} {texts:?}")).to_string();
    let lines = read(&file).unwrap();
    real::accepts(&file);

    // As many lines of each kind as the graph asks for, and none besides.
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for words in &lines {
        *kinds.entry(words[0].as_str()).or_default() += 1;
    }
    let sections = ["global", "defaults", "frontend", "backend", "peers"];
    let expected = [1, 1, 1, 1, usize::from(graph.pools[0].persistence.is_some())];
    for (kind, count) in sections.into_iter().zip(expected) {
        assert_eq!(kinds.get(kind).copied().unwrap_or(0), count, "{kind} {file}");
    }
    let hosts = graph.l7_rules.iter().filter(|it| it.condition.kind() == RuleKind::HostName);
    let acls = graph.l7_rules.len() + hosts.count();
    assert_eq!(kinds["acl"], acls, "{file}");

    for rule in &graph.l7_rules {
        let value = rule.condition.value();
        let unquoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let unquoted = unquoted.filter(|it| !it.is_empty()).unwrap_or(value);
        let value = if rule.condition.kind() == RuleKind::Cookie { value } else { unquoted };
        let mut own = lines.iter().filter(|it| it[0] == "acl" && it[1] == rule.id.to_string());
        let said = |words: &Vec<String>| words.last().unwrap() == value;
        let is_regex = rule.condition.comparison() == Comparison::Regex;
        assert!(own.all(|words| is_regex || said(words)), "{value:?} {file}");
    }
    let targets = graph.l7_policies.iter().filter_map(|policy| match &policy.action {
        Action::RedirectToUrl { url, .. } => Some(url.as_str().replace('%', "%%")),
        Action::Reject | Action::RedirectPrefix { .. } | Action::RedirectToPool { .. } => None,
    });
    let redirects = lines.iter().filter(|it| it.get(1).is_some_and(|it| it == "redirect"));
    assert!(redirects.map(|words| words[3].clone()).eq(targets), "{file}");
}
