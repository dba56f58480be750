//! Availability zones in JSON (contract 2.11). Clients name them by their name, and see no id.

use evenkeel_model::offering::{Offering, OfferingKind};
use evenkeel_model::text::Label;
use evenkeel_model::{OfferingId, ProfileId, Violation};
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

body! {
    /// `POST /availabilityzones`.
    pub struct Create in "availability_zone_", "availability_zone" {
        /// The only one with this name; stays so.
        name: Label,
        /// For people.
        description: Option<Label>,
        /// Whether load balancers can ask for it. Default true.
        enabled: Option<bool>,
        /// What it stands for; stays so.
        availability_zone_profile_id: ProfileId,
    }
}

body! {
    /// `PUT /availabilityzones/{name}`.
    #[derive(Default)]
    pub struct Update in "availability_zone_", "availability_zone" {
        /// For people.
        description: Patch<Label>,
        /// Whether load balancers can ask for it; never null.
        enabled: Patch<bool>,
    }
}

impl Create {
    /// The availability zone that is asked for.
    ///
    /// # Errors
    ///
    /// A name that no URL can hold.
    pub fn into_offering(self, id: OfferingId) -> Result<Offering, Violation> {
        // A URL that ends in one of these names something else.
        if matches!(self.name.as_str(), "" | "." | "..") {
            return Err(Violation::option(self.name.as_str(), "name"));
        }
        Ok(Offering {
            id,
            kind: OfferingKind::AvailabilityZone,
            name: self.name,
            description: self.description.unwrap_or_default(),
            enabled: self.enabled.unwrap_or(true),
            profile: self.availability_zone_profile_id,
        })
    }
}

impl Update {
    /// The zone as it shall be. Can be asked again of one that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// A null where there can be none.
    pub fn apply(&self, stored: &Offering) -> Result<Offering, Violation> {
        let mut zone = stored.clone();
        self.description.onto(&mut zone.description, Label::empty());
        self.enabled.onto_never_null(&mut zone.enabled, "enabled")?;
        Ok(zone)
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["name", "description", "enabled", "availability_zone_profile_id"],
    aliases: &[],
    key: "name",
    order: &["name"],
    has_projects: false,
};

/// An availability zone as clients see it.
pub fn view(zone: &Offering) -> Value {
    json!({
        "name": zone.name.as_str(),
        "description": zone.description.as_str(),
        "enabled": zone.enabled,
        "availability_zone_profile_id": zone.profile.to_string(),
    })
}
