//! Regular expressions whose price grows with the square of the text's length are matched with
//! short texts only. A longer one is refused: that nothing matches would be as wrong as that
//! something does, and a rule that is inverted would hold.

use evenkeel_model::L7Rule;
use evenkeel_model::l7_rule::RuleKind;

use super::l7::{dollar, named};
use crate::writer::{Line, Refused, Section};

/// Refuses requests with a text that is too long for an expression that it would be matched with.
pub(super) fn limit(rule: &L7Rule, section: &mut Section) -> Result<(), Refused> {
    let Some(longest) = rule.condition.regex()?.and_then(|regex| regex.longest()) else {
        return Ok(());
    };
    let (status, text) = match rule.condition.kind() {
        RuleKind::Path | RuleKind::FileType => ("414", Line::new("path")),
        RuleKind::HostName => ("431", Line::new("req.hdr(host)")),
        RuleKind::Header => ("431", Line::empty().word(named("req.hdr", &rule.condition)?)),
        RuleKind::Cookie if dollar(&rule.condition)?.is_some() => {
            ("431", Line::new("req.fhdr(cookie)"))
        }
        RuleKind::Cookie => ("431", Line::empty().word(named("req.cook", &rule.condition)?)),
        RuleKind::SslDnField => ("431", Line::empty().word(named("ssl_c_s_dn", &rule.condition)?)),
        // Neither has a text.
        RuleKind::SslConnHasCert | RuleKind::SslVerifyResult => return Ok(()),
    };
    let line = Line::new("http-request return status").words(status).words("if {");
    let line = line.followed_by(&text).words("-m len gt");
    section.add(line.word(longest).words("}"));
    Ok(())
}
