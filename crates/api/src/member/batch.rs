//! All members of a pool at once (contract 2.4): the list is what shall be.

use evenkeel_model::Member;
use evenkeel_model::text::Label;
use serde_json::Value;

use super::Create;
use crate::Fault;
use crate::decode::{Body, Field, Patch, Path};

/// `PUT /pools/{id}/members`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The members that shall be. One with the address, as it was typed, and the port of a stored
    /// member is that member, and is laid [`over`](Create::over) it; any other is new.
    pub members: Vec<Create>,
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

impl Create {
    /// A stored member with what is said of it in a batch. What nobody mentions falls back to its
    /// default, but name, tags and subnet stay.
    #[must_use]
    pub fn over(&self, stored: &Member) -> Member {
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
