//! All members of a pool at once (contract 2.4): the list is what shall be.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::text::Label;
use evenkeel_model::{Member, MemberId, PoolId, Violation};
use serde_json::Value;
use uuid::Uuid;

use super::Create;
use crate::decode::{Body, Field, Patch, Path};
use crate::{Deployment, Fault};

/// `PUT /pools/{id}/members`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The members that shall be.
    pub members: Vec<Create>,
}

/// What a batch does to the members of a pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Those that are new.
    pub create: Vec<Member>,
    /// Those that change, as they shall be.
    pub update: Vec<Member>,
    /// Those that go.
    pub delete: Vec<MemberId>,
}

impl Field for Batch {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        Vec::decode(value, path).map(|members| Self { members })
    }

    fn schema() -> Value {
        Vec::<Create>::schema()
    }
}

impl Body for Batch {
    const ARGUMENT: &'static str = "members_";
    const ROOT: &'static str = "members";
}

impl Change {
    /// Whether everything is already as it shall be.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

/// What makes two members of a pool the same: what was typed, not what it means.
fn identity(member: &Member) -> (String, u16) {
    (member.address.spelling().to_owned(), member.protocol_port.get())
}

impl Batch {
    /// What must be done so that a pool with the members `stored` has those of the list. With
    /// `additive_only`, those that are not in it stay.
    ///
    /// Two new members with one address and port come out as two, for the store to refuse.
    ///
    /// # Errors
    ///
    /// A member that is there twice, or that [`Create::into_member`] refuses.
    pub fn change(
        &self,
        pool: PoolId,
        stored: &[Member],
        additive_only: bool,
        deployment: &Deployment,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, Violation> {
        let known: BTreeMap<(String, u16), &Member> =
            stored.iter().map(|member| (identity(member), member)).collect();
        let mut change = Change::default();
        let mut named = BTreeSet::new();
        for wanted in &self.members {
            let key = (wanted.address.spelling().to_owned(), wanted.protocol_port.get());
            let Some(member) = known.get(&key) else {
                let id = MemberId::new(new_id());
                change.create.push(wanted.clone().into_member(id, pool, deployment)?);
                continue;
            };
            if !named.insert(member.id) {
                return Err(Violation::rule(
                    "Member must be updated only once in the same request.",
                ));
            }
            wanted.check(deployment)?;
            let shall = wanted.over(member);
            if shall != **member {
                change.update.push(shall);
            }
        }
        if !additive_only {
            let gone = stored.iter().filter(|member| !named.contains(&member.id));
            change.delete = gone.map(|member| member.id).collect();
        }
        Ok(change)
    }
}

impl Create {
    /// The stored member with what is said of it now. What nobody mentions falls back to its
    /// default, but name, tags and subnet stay.
    fn over(&self, stored: &Member) -> Member {
        let mut member = stored.clone();
        self.name.onto(&mut member.name, Label::empty());
        member.admin_state_up = self.admin_state_up.clone().or(true, false);
        member.weight = self.weight.unwrap_or_default();
        member.backup = self.backup.unwrap_or(false);
        if let Patch::Value(subnet) = self.subnet_id {
            member.subnet = Some(subnet);
        }
        member.monitor_address.clone_from(&self.monitor_address);
        member.monitor_port = self.monitor_port;
        if let Some(tags) = &self.tags {
            member.tags = tags.clone();
        }
        member
    }
}
