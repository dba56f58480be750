//! Flavors in JSON (contract 2.10).

use evenkeel_model::offering::{Offering, OfferingKind};
use evenkeel_model::text::Label;
use evenkeel_model::{OfferingId, ProfileId, Violation};
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

body! {
    /// `POST /flavors`.
    pub struct Create in "flavor_", "flavor" {
        /// The only one with this name.
        name: Label,
        /// For people.
        description: Option<Label>,
        /// Whether load balancers can ask for it. Default true.
        enabled: Option<bool>,
        /// What it stands for; stays so.
        flavor_profile_id: ProfileId,
    }
}

body! {
    /// `PUT /flavors/{id}`.
    #[derive(Default)]
    pub struct Update in "flavor_", "flavor" {
        /// The only one with this name; never null.
        name: Patch<Label>,
        /// For people.
        description: Patch<Label>,
        /// Whether load balancers can ask for it; never null.
        enabled: Patch<bool>,
    }
}

impl Create {
    /// The flavor that is asked for.
    ///
    /// # Errors
    ///
    /// None: whether there is such a profile is for the store to say.
    pub fn into_offering(self, id: OfferingId) -> Result<Offering, Violation> {
        Ok(Offering {
            id,
            kind: OfferingKind::Flavor,
            name: self.name,
            description: self.description.unwrap_or_default(),
            enabled: self.enabled.unwrap_or(true),
            profile: self.flavor_profile_id,
        })
    }
}

impl Update {
    /// The flavor as it shall be. Can be asked again of one that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// A null where there can be none.
    pub fn apply(&self, stored: &Offering) -> Result<Offering, Violation> {
        let mut flavor = stored.clone();
        self.name.onto_never_null(&mut flavor.name, "name")?;
        self.description.onto(&mut flavor.description, Label::empty());
        self.enabled.onto_never_null(&mut flavor.enabled, "enabled")?;
        Ok(flavor)
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["id", "name", "description", "enabled", "flavor_profile_id"],
    aliases: &[],
    key: "id",
    order: &["id"],
    has_projects: false,
};

/// A flavor as clients see it.
pub fn view(flavor: &Offering) -> Value {
    json!({
        "id": flavor.id.to_string(),
        "name": flavor.name.as_str(),
        "description": flavor.description.as_str(),
        "enabled": flavor.enabled,
        "flavor_profile_id": flavor.profile.to_string(),
    })
}
