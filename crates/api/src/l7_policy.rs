//! L7 policies in JSON (contract 2.6, 3.9).

mod action;

use evenkeel_model::l7_policy::{ActionKind, RedirectCode};
use evenkeel_model::number::Position;
use evenkeel_model::text::{Label, Tags, Url};
use evenkeel_model::{L7Policy, L7PolicyId, ListenerId, PoolId, ProjectId, Record, Violation};
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{links, shown, texts};

use action::Redirect;

body! {
    /// What can be said of a policy in all ways to create one.
    pub struct Attributes {
        /// For people.
        name: Option<Label>,
        /// For people.
        description: Option<Label>,
        /// Whether it is asked. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// What it does.
        action: ActionKind,
        /// Where a client is sent to.
        redirect_url: Option<Url>,
        /// What is put before the path that a client is sent to.
        redirect_prefix: Option<Url>,
        /// With which status a client is sent elsewhere. Default 302.
        redirect_http_code: Option<RedirectCode>,
        /// Its place among the policies of its listener, from 1; the last, if it is not said.
        position: Option<Position>,
        /// For people and their tools.
        tags: Option<Tags>,
    }
}

body! {
    /// `POST /l7policies`.
    pub struct Create in "l7policy_", "l7policy" {
        /// Whose requests it looks at.
        listener_id: ListenerId,
        /// The pool that answers.
        redirect_pool_id: Option<PoolId>,
        /// Ignored: a policy belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
    with
    /// The rest.
    attributes: Attributes
}

body! {
    /// `PUT /l7policies/{id}`.
    #[derive(Default)]
    pub struct Update in "l7policy_", "l7policy" {
        /// For people.
        name: Patch<Label>,
        /// For people.
        description: Patch<Label>,
        /// Whether it is asked; null is false.
        admin_state_up: Patch<bool>,
        /// What it does; as its arguments say, if it is not said.
        action: Patch<ActionKind>,
        /// The pool that answers.
        redirect_pool_id: Patch<PoolId>,
        /// Where a client is sent to.
        redirect_url: Patch<Url>,
        /// What is put before the path that a client is sent to.
        redirect_prefix: Patch<Url>,
        /// With which status a client is sent elsewhere; null is 302.
        redirect_http_code: Patch<RedirectCode>,
        /// Its place among the policies of its listener, from 1; null leaves it.
        position: Patch<Position>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// The policy that is asked for. Its position is what was said, or the last there is: the
    /// store knows how many there are.
    ///
    /// # Errors
    ///
    /// An action without its argument.
    pub fn into_l7_policy(
        self,
        id: L7PolicyId,
        _deployment: &Deployment,
    ) -> Result<L7Policy, Violation> {
        self.attributes.into_l7_policy(id, self.listener_id, self.redirect_pool_id)
    }
}

impl Attributes {
    pub(crate) fn into_l7_policy(
        self,
        id: L7PolicyId,
        listener: ListenerId,
        pool: Option<PoolId>,
    ) -> Result<L7Policy, Violation> {
        let redirect = Redirect {
            pool,
            url: self.redirect_url,
            prefix: self.redirect_prefix,
            code: self.redirect_http_code,
        };
        Ok(L7Policy {
            id,
            listener,
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            admin_state_up: self.admin_state_up.or(true, false),
            action: redirect.action(self.action)?,
            position: self.position.unwrap_or_else(last),
            tags: self.tags.unwrap_or_default(),
        })
    }
}

/// Behind all that can be.
fn last() -> Position {
    Position::try_from(Position::MAX).expect("the greatest position is one")
}

impl Update {
    /// The policy as it shall be. Can be asked again of a policy that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// Nothing is said at all, or an action lacks its argument.
    pub fn apply(
        &self,
        stored: &L7Policy,
        _deployment: &Deployment,
    ) -> Result<L7Policy, Violation> {
        if *self == Self::default() {
            return Err(Violation::PolicyArguments("Invalid update options".to_owned()));
        }
        let mut policy = stored.clone();
        self.name.onto(&mut policy.name, Label::empty());
        self.description.onto(&mut policy.description, Label::empty());
        self.admin_state_up.onto(&mut policy.admin_state_up, false);
        policy.action = self.action_over(&stored.action)?;
        self.position.onto_unless_null(&mut policy.position);
        self.tags.onto_unless_null(&mut policy.tags);
        Ok(policy)
    }
}

/// A policy as clients see it.
pub fn view(record: &Record<L7Policy>) -> Value {
    let it = &record.value;
    let redirect = Redirect::of(&it.action);
    let own = json!({
        "name": it.name.as_str(),
        "description": it.description.as_str(),
        "admin_state_up": it.admin_state_up,
        "action": it.action.kind().word(),
        "listener_id": it.listener.to_string(),
        "redirect_pool_id": redirect.pool.map(|it| it.to_string()),
        "redirect_url": redirect.url.as_ref().map(Url::as_str),
        "redirect_prefix": redirect.prefix.as_ref().map(Url::as_str),
        "redirect_http_code": redirect.code.map(RedirectCode::get),
        "position": it.position.get(),
        "rules": links(&record.related.rules),
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
