//! L7 rules in their table.

use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::text::Tags;
use evenkeel_model::{L7Rule, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Session, Value, values};
use crate::stored::{Listed, Own, Sealed};

impl Listed for L7Rule {
    const LISTED: &'static [Column] = columns! {
        "type" Text;
        "compare_type" Text;
        "key" Text;
        "value" Text;
        "invert" Truth;
        "l7policy_id" Text = "r.l7_policy_id", alias;
        "rule_value" Text = "r.value", alias;
    };
}

impl Sealed for L7Rule {
    const TABLE: &'static str = "l7_rules";
    const OWN: &'static [&'static str] =
        &["l7_policy_id", "admin_state_up", "type", "compare_type", "key", "value", "invert"];

    fn values(&self) -> Vec<Value> {
        values![
            self.policy,
            self.admin_state_up,
            self.condition.kind().word(),
            self.condition.comparison().word(),
            self.condition.key(),
            self.condition.value(),
            self.invert,
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        let kind = row.word(at(2), RuleKind::from_word)?;
        let comparison = row.word(at(3), Comparison::from_word)?;
        let key = row.maybe_text(at(4)).map(str::to_owned);
        let condition = Condition::new(kind, comparison, key, row.text(at(5))?.to_owned());
        Ok(Self {
            id: own.id()?,
            policy: row.parse(at(0))?,
            admin_state_up: row.bool(at(1))?,
            condition: condition
                .map_err(|error| StoreError::corrupt("rule", &error.to_string()))?,
            invert: row.bool(at(6))?,
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(_: &mut Session<'_>, _: &mut [Record<Self>]) -> Result<(), StoreError> {
        Ok(())
    }
}
