//! From an action's word and four fields, of which it uses some, to what a policy does.

use evenkeel_model::l7_policy::{Action, ActionKind, RedirectCode};
use evenkeel_model::text::Url;
use evenkeel_model::{PoolId, Violation};

use super::Update;

/// The four fields that say where requests go.
#[derive(Default)]
pub(super) struct Redirect {
    pub(super) pool: Option<PoolId>,
    pub(super) url: Option<Url>,
    pub(super) prefix: Option<Url>,
    pub(super) code: Option<RedirectCode>,
}

impl Redirect {
    pub(super) fn of(action: &Action) -> Self {
        match action {
            Action::Reject => Self::default(),
            Action::RedirectToUrl { url, code } => {
                Self { url: Some(url.clone()), code: Some(*code), ..Self::default() }
            }
            Action::RedirectPrefix { prefix, code } => {
                Self { prefix: Some(prefix.clone()), code: Some(*code), ..Self::default() }
            }
            Action::RedirectToPool { pool } => Self { pool: Some(*pool), ..Self::default() },
        }
    }

    /// What the action of this word does with these fields; those that it does not use are dropped.
    pub(super) fn action(self, kind: ActionKind) -> Result<Action, Violation> {
        let code = self.code.unwrap_or(RedirectCode::Found);
        match kind {
            ActionKind::Reject => Ok(Action::Reject),
            ActionKind::RedirectToUrl => match self.url {
                Some(url) => Ok(Action::RedirectToUrl { url, code }),
                None => refuse("redirect_url must not be None"),
            },
            ActionKind::RedirectPrefix => match self.prefix {
                Some(prefix) => Ok(Action::RedirectPrefix { prefix, code }),
                None => refuse("redirect_prefix must not be None"),
            },
            ActionKind::RedirectToPool => match self.pool {
                Some(pool) => Ok(Action::RedirectToPool { pool }),
                None => refuse("redirect_pool_id or redirect_pool must not be None"),
            },
        }
    }
}

fn refuse<T>(text: &str) -> Result<T, Violation> {
    Err(Violation::PolicyArguments(text.to_owned()))
}

impl Update {
    pub(super) fn action_over(&self, stored: &Action) -> Result<Action, Violation> {
        let kind = match self.action.clone().value() {
            Some(kind) => kind,
            None => self.implied_kind()?.unwrap_or(stored.kind()),
        };
        let mut redirect = Redirect::of(stored);
        self.redirect_pool_id.onto_option(&mut redirect.pool);
        self.redirect_url.onto_option(&mut redirect.url);
        self.redirect_prefix.onto_option(&mut redirect.prefix);
        self.redirect_http_code.onto_option(&mut redirect.code);
        redirect.action(kind)
    }

    /// The action that a field of its own speaks for, if no action is named.
    fn implied_kind(&self) -> Result<Option<ActionKind>, Violation> {
        let pool = self.redirect_pool_id.is_value();
        let url = self.redirect_url.is_value();
        let prefix = self.redirect_prefix.is_value();
        if pool && (url || prefix) {
            return refuse(
                "Cannot specify redirect_pool_id and redirect_url or redirect_prefix at the same \
                 time",
            );
        }
        let implied = [
            (pool, ActionKind::RedirectToPool),
            (url, ActionKind::RedirectToUrl),
            (prefix, ActionKind::RedirectPrefix),
        ];
        Ok(implied.into_iter().find(|(is_said, _)| *is_said).map(|(_, kind)| kind))
    }
}
