//! Findings, for people and for programs.

use serde_json::{Value, json};

use super::finding::{Finding, State};

/// What is wrong comes with its cure on a line of its own, so that it can be copied.
pub(super) fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|it| it.about.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Finding { code, about, state, seen, cure } in findings {
        lines.push(format!("{code}  {:7}  {about:width$}  {seen}", state.word()));
        if !cure.is_empty() {
            lines.push(format!("{:7}{:7}  {:width$}  -> {cure}", "", "", ""));
        }
    }
    lines.join("\n")
}

pub(super) fn json(findings: &[Finding]) -> String {
    let object = |it: &Finding| -> Value {
        json!({
            "code": it.code,
            "about": it.about,
            "state": it.state.word(),
            "seen": it.seen,
            "cure": if it.state == State::Ok { None } else { Some(&it.cure) },
        })
    };
    format!("{:#}", Value::Array(findings.iter().map(object).collect()))
}
