//! L7 policies and rules.
//!
//! HAProxy decides on redirects and refusals before it chooses a backend, whatever the order in
//! the file. Positions count across all actions (contract 3.9), so the choice of a pool is noted
//! in a variable where its policy stands, and what comes later asks that none is noted yet.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::provider::Unsupported;
use evenkeel_model::text::Token;
use evenkeel_model::{L7Policy, L7Rule, Listener, LoadBalancerGraph, PoolId};

use super::frontend::is_enabled;
use super::{length, refused};
use crate::writer::{Fetch, Holds, Line, LogFormat, Pattern, Refused, Section, Unwritable, Word};

/// Writes the policies of a listener, in the order of their positions.
pub(super) fn render(
    graph: &LoadBalancerGraph,
    listener: &Listener,
    section: &mut Section,
) -> Result<(), Unsupported> {
    // Before any of them decides.
    for rule in graph.policies_of(listener.id).flat_map(|policy| graph.rules_of(policy)) {
        let limited = length::limit(rule, section);
        limited.map_err(|why| refused("L7 Rule", rule.id, why))?;
    }
    let mut chosen_before = false;
    for policy in graph.policies_of(listener.id) {
        for rule in graph.rules_of(policy) {
            let noted = noted(rule).map_err(|why| refused("L7 Rule", rule.id, why))?;
            if let Some(line) = noted {
                section.add(line);
            }
            let tests = tests(rule);
            let tests = tests.map_err(|why| refused("L7 Rule", rule.id, why))?;
            for test in tests {
                let acl = Line::new("acl").word(rule.id);
                section.add(acl.followed_by(&test));
            }
        }
        let action = action(graph, policy);
        let action = action.map_err(|why| refused("L7 Policy", policy.id, why))?;
        section.add(action.followed_by(&condition(graph, policy, chosen_before)));
        if policy.action.pool().is_some() && !chosen_before {
            section.add(Line::new("acl chosen var(txn.pool) -m found"));
            chosen_before = true;
        }
    }
    Ok(())
}

/// Sends requests to the pools that were noted.
pub(super) fn use_backends(graph: &LoadBalancerGraph, listener: &Listener, section: &mut Section) {
    let mut pools: Vec<PoolId> = Vec::new();
    for pool in graph.policies_of(listener.id).filter_map(|policy| policy.action.pool()) {
        if is_enabled(graph, pool) && !pools.contains(&pool) {
            pools.push(pool);
            let line = Line::new("use_backend").word(pool);
            let noted = line.words("if { var(txn.pool) -m str").word(pool);
            section.add(noted.words("}"));
        }
    }
}

/// All rules of the policy hold, and no earlier policy has chosen.
fn condition(graph: &LoadBalancerGraph, policy: &L7Policy, chosen_before: bool) -> Line {
    let start = if chosen_before { "if !chosen" } else { "if" };
    let holds = |rule: &L7Rule| {
        if rule.invert { Holds::No(rule.id) } else { Holds::Yes(rule.id) }
    };
    graph.rules_of(policy).fold(Line::new(start), |line, rule| line.word(holds(rule)))
}

fn action(graph: &LoadBalancerGraph, policy: &L7Policy) -> Result<Line, Unwritable> {
    match &policy.action {
        Action::Reject => Ok(Line::new("http-request deny deny_status 403")),
        Action::RedirectToUrl { url, code } => {
            let location = LogFormat::new().literal(url.as_str())?;
            let line = Line::new("http-request redirect location").word(location);
            Ok(line.words("code").word(code.get()))
        }
        Action::RedirectPrefix { prefix, code } => {
            let prefix = LogFormat::new().literal(prefix.as_str())?;
            let line = Line::new("http-request redirect prefix").word(prefix);
            Ok(line.words("code").word(code.get()))
        }
        Action::RedirectToPool { pool } if is_enabled(graph, *pool) => {
            Ok(Line::new("http-request set-var(txn.pool)").word(Fetch::pool(*pool)))
        }
        // A pool that is switched off tells its clients so.
        Action::RedirectToPool { .. } => Ok(Line::new("http-request deny deny_status 503")),
    }
}

/// What has to be noted before the rule can be asked.
fn noted(rule: &L7Rule) -> Result<Option<Line>, Refused> {
    let Some(name) = dollar(&rule.condition)? else { return Ok(None) };
    let line = Line::new("http-request").word(Fetch::set_variable(rule.id));
    let line = line.word(Fetch::cookie_of_header(&name)).words("if { req.fhdr(cookie) -m reg --");
    Ok(Some(line.word(Fetch::has_cookie(&name)).words("}")))
}

/// The name of a cookie that HAProxy's own reader passes over.
pub(super) fn dollar(condition: &Condition) -> Result<Option<Token>, Refused> {
    let is_cookie = condition.kind() == RuleKind::Cookie;
    match condition.key().filter(|key| is_cookie && key.starts_with('$')) {
        Some(key) => Token::try_from(key.to_owned()).map(Some).map_err(|_| Refused::NotAToken),
        None => Ok(None),
    }
}

/// What an ACL looks at and compares with; with several, one that holds is enough.
fn tests(rule: &L7Rule) -> Result<Vec<Line>, Refused> {
    let condition = &rule.condition;
    let value = condition.value();
    match condition.kind() {
        RuleKind::HostName => {
            let pattern = pattern(condition, unquoted(value))?;
            // A client names the port too if it is not the protocol's own; the rule's author
            // rarely does. An expression knows by itself that capitals do not matter.
            let ignoring = match condition.comparison() {
                Comparison::Regex => Line::empty(),
                Comparison::StartsWith
                | Comparison::EndsWith
                | Comparison::Contains
                | Comparison::EqualTo => Line::new("-i"),
            };
            let test =
                |fetch| compared(Line::new(fetch).followed_by(&ignoring), condition, &pattern);
            Ok(vec![test("req.hdr(host)"), test("req.hdr(host),host_only")])
        }
        RuleKind::Path => {
            let pattern = pattern(condition, unquoted(value))?;
            Ok(vec![compared(Line::new("path"), condition, &pattern)])
        }
        RuleKind::FileType => {
            let pattern = pattern(condition, unquoted(value).trim_start_matches('.'))?;
            // The last segment's second field and all after it, and of those the last: without
            // a dot there is none, and nothing matches.
            let last = Line::new("path,field(-1,/),field(2,.,0),field(-1,.)");
            Ok(vec![compared(last, condition, &pattern)])
        }
        RuleKind::Header => {
            let pattern = pattern(condition, unquoted(value))?;
            let header = Line::empty().word(named("req.hdr", condition)?);
            Ok(vec![compared(header, condition, &pattern)])
        }
        RuleKind::Cookie => {
            let pattern = pattern(condition, value)?;
            let fetch = match dollar(condition)? {
                Some(_) => Fetch::variable(rule.id),
                None => named("req.cook", condition)?,
            };
            let cookie = Line::empty().word(fetch);
            Ok(vec![compared(cookie, condition, &pattern)])
        }
        RuleKind::SslConnHasCert => Ok(vec![Line::new("ssl_c_used")]),
        RuleKind::SslVerifyResult => {
            let code = Word::quoted(value)?;
            Ok(vec![Line::new("ssl_c_verify -m int --").word(code)])
        }
        RuleKind::SslDnField => {
            let pattern = pattern(condition, value)?;
            let field = Line::empty().word(named("ssl_c_s_dn", condition)?);
            Ok(vec![compared(field, condition, &pattern)])
        }
    }
}

fn compared(fetch: Line, condition: &Condition, pattern: &Pattern) -> Line {
    // Nothing after the two dashes is taken for an option.
    let how = match condition.comparison() {
        Comparison::Regex => "-m reg --",
        Comparison::StartsWith => "-m beg --",
        Comparison::EndsWith => "-m end --",
        Comparison::Contains => "-m sub --",
        Comparison::EqualTo => "-m str --",
    };
    fetch.words(how).word(pattern.clone())
}

fn pattern(condition: &Condition, value: &str) -> Result<Pattern, Refused> {
    match condition.regex()? {
        Some(regex) => Ok(Pattern::regex(&regex)),
        None => Ok(Pattern::literal(value)?),
    }
}

/// Without the double quotes that let a value have blanks.
fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.is_empty()).unwrap_or(value)
}

pub(super) fn named(fetch: &'static str, condition: &Condition) -> Result<Fetch, Refused> {
    let key = condition.key().unwrap_or_default().to_owned();
    let token = Token::try_from(key).map_err(|_| Refused::NotAToken)?;
    Ok(Fetch::named(fetch, &token))
}
