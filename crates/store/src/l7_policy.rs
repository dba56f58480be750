//! L7 policies in their table: flat there, as in the API, and not so in the model.

use evenkeel_model::l7_policy::{Action, ActionKind, RedirectCode};
use evenkeel_model::record::L7PolicyRelated;
use evenkeel_model::text::{Tags, Url};
use evenkeel_model::{L7Policy, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Row, Session, Value, values};
use crate::related::attach;
use crate::stored::{Listed, Own, Sealed};

impl Listed for L7Policy {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "description" Text;
        "action" Text;
        "listener_id" Text;
        "redirect_pool_id" Text;
        "redirect_url" Text;
        "redirect_prefix" Text;
        "redirect_http_code" Number;
        "position" Number;
    };
}

impl Sealed for L7Policy {
    const TABLE: &'static str = "l7_policies";
    const OWN: &'static [&'static str] = &[
        "listener_id",
        "name",
        "description",
        "admin_state_up",
        "action",
        "redirect_pool_id",
        "redirect_url",
        "redirect_prefix",
        "redirect_http_code",
        "position",
    ];

    fn values(&self) -> Vec<Value> {
        let (url, prefix, code) = redirect(&self.action);
        values![
            self.listener,
            self.name.as_str(),
            self.description.as_str(),
            self.admin_state_up,
            self.action.kind().word(),
            self.action.pool(),
            url.map(Url::as_str),
            prefix.map(Url::as_str),
            code.map(|code| i64::from(code.get())),
            i64::from(self.position),
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        Ok(Self {
            id: own.id()?,
            listener: row.parse(at(0))?,
            name: row.made(at(1))?,
            description: row.made(at(2))?,
            admin_state_up: row.bool(at(3))?,
            action: action(row)?,
            position: row.bounded(at(9))?,
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(session: &mut Session<'_>, records: &mut [Record<Self>]) -> Result<(), StoreError> {
        attach(
            session,
            records,
            "SELECT l7_policy_id, id FROM l7_rules WHERE l7_policy_id IN ({}) \
             ORDER BY created_at, id",
            |related: &mut L7PolicyRelated, id| related.rules.push(id),
        )
    }
}

fn redirect(action: &Action) -> (Option<&Url>, Option<&Url>, Option<RedirectCode>) {
    match action {
        Action::Reject | Action::RedirectToPool { .. } => (None, None, None),
        Action::RedirectToUrl { url, code } => (Some(url), None, Some(*code)),
        Action::RedirectPrefix { prefix, code } => (None, Some(prefix), Some(*code)),
    }
}

fn action(row: &Row) -> Result<Action, StoreError> {
    let at = Own::at;
    let code = || {
        let number = row.int(at(8))?;
        let code = u16::try_from(number).ok().and_then(|code| RedirectCode::try_from(code).ok());
        code.ok_or_else(|| StoreError::corrupt("redirect", &number.to_string()))
    };
    Ok(match row.word(at(4), ActionKind::from_word)? {
        ActionKind::Reject => Action::Reject,
        ActionKind::RedirectToUrl => Action::RedirectToUrl { url: row.made(at(6))?, code: code()? },
        ActionKind::RedirectPrefix => {
            Action::RedirectPrefix { prefix: row.made(at(7))?, code: code()? }
        }
        ActionKind::RedirectToPool => Action::RedirectToPool { pool: row.parse(at(5))? },
    })
}
