//! L7 rules in JSON (contract 2.7).

use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::text::Tags;
use evenkeel_model::{L7PolicyId, L7Rule, L7RuleId, ProjectId, Record, Violation};
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{shown, texts};

body! {
    /// `POST /l7policies/{id}/rules`, and one within a single-call create.
    pub struct Create in "rule_", "rule" {
        /// What it looks at.
        kind as "type": RuleKind,
        /// How it compares.
        compare_type: Comparison,
        /// The name of the header, cookie or field.
        key: Option<String>,
        /// What it compares with.
        value: String,
        /// Whether the opposite must hold. Default false.
        invert: Option<bool>,
        /// Whether it is asked. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// For people and their tools.
        tags: Option<Tags>,
        /// Ignored: a rule belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
}

body! {
    /// `PUT /l7policies/{id}/rules/{id}`.
    #[derive(Default)]
    pub struct Update in "l7rule_", "rule" {
        /// What it looks at.
        kind as "type": Patch<RuleKind>,
        /// How it compares.
        compare_type: Patch<Comparison>,
        /// The name of the header, cookie or field.
        key: Patch<String>,
        /// What it compares with.
        value: Patch<String>,
        /// Whether the opposite must hold; null is false.
        invert: Patch<bool>,
        /// Whether it is asked; null is false.
        admin_state_up: Patch<bool>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// The rule that is asked for.
    ///
    /// # Errors
    ///
    /// What is outside the grammar of contract 3.9, its regular expressions included.
    pub fn into_l7_rule(
        self,
        id: L7RuleId,
        policy: L7PolicyId,
        _deployment: &Deployment,
    ) -> Result<L7Rule, Violation> {
        Ok(L7Rule {
            id,
            policy,
            admin_state_up: self.admin_state_up.or(true, false),
            condition: condition(self.kind, self.compare_type, self.key, self.value)?,
            invert: self.invert.unwrap_or(false),
            tags: self.tags.unwrap_or_default(),
        })
    }
}

/// What must hold. A regular expression is judged here: a client whose expression is mistyped, or
/// too expensive to be matched with what strangers send, is told at once.
fn condition(
    kind: RuleKind,
    comparison: Comparison,
    key: Option<String>,
    value: String,
) -> Result<Condition, Violation> {
    let condition = Condition::new(kind, comparison, key, value)?;
    condition.regex().map_err(|refused| {
        Violation::L7Rule(format!("Unable to parse regular expression: {refused}"))
    })?;
    Ok(condition)
}

/// Whether a rule of this kind looks at something that has a name.
const fn has_key(kind: RuleKind) -> bool {
    match kind {
        RuleKind::Header | RuleKind::Cookie | RuleKind::SslDnField => true,
        RuleKind::HostName
        | RuleKind::Path
        | RuleKind::FileType
        | RuleKind::SslConnHasCert
        | RuleKind::SslVerifyResult => false,
    }
}

impl Update {
    /// The rule as it shall be. Can be asked again of a rule that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// What is outside the grammar of contract 3.9, taken together.
    pub fn apply(&self, stored: &L7Rule, _deployment: &Deployment) -> Result<L7Rule, Violation> {
        let until_now = &stored.condition;
        let mut kind = until_now.kind();
        let mut comparison = until_now.comparison();
        let mut key = until_now.key().map(str::to_owned);
        let mut value = until_now.value().to_owned();
        self.kind.onto_unless_null(&mut kind);
        self.compare_type.onto_unless_null(&mut comparison);
        self.key.onto_option(&mut key);
        self.value.onto(&mut value, String::new());
        // A key that is stored but not used any more goes; one that is said is judged, except
        // where it may be said in vain.
        let in_vain = matches!(kind, RuleKind::HostName | RuleKind::Path | RuleKind::FileType);
        if !has_key(kind) && (in_vain || !self.key.is_value()) {
            key = None;
        }
        let mut rule = stored.clone();
        rule.condition = condition(kind, comparison, key, value)?;
        self.invert.onto(&mut rule.invert, false);
        self.admin_state_up.onto(&mut rule.admin_state_up, false);
        self.tags.onto_unless_null(&mut rule.tags);
        Ok(rule)
    }
}

/// A rule as clients see it.
pub fn view(record: &Record<L7Rule>) -> Value {
    let it = &record.value;
    let own = json!({
        "type": it.condition.kind().word(),
        "compare_type": it.condition.comparison().word(),
        "key": it.condition.key(),
        "value": it.condition.value(),
        "invert": it.invert,
        "admin_state_up": it.admin_state_up,
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
