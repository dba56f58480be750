//! Flavor profiles in JSON (contract 2.10).

use evenkeel_model::offering::{OfferingKind, Profile};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, ProfileData};
use evenkeel_model::{ProfileId, Violation};
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

body! {
    /// `POST /flavorprofiles`.
    pub struct Create in "flavor_profile_", "flavorprofile" {
        /// For people; several may have the same.
        name: Label,
        /// Who is to understand it.
        provider_name: ProviderName,
        /// What it asks for: a JSON object, written as a text.
        flavor_data: ProfileData,
    }
}

body! {
    /// `PUT /flavorprofiles/{id}`. Nothing in it can be null.
    #[derive(Default)]
    pub struct Update in "flavor_profile_", "flavorprofile" {
        /// For people; several may have the same.
        name: Patch<Label>,
        /// Who is to understand it.
        provider_name: Patch<ProviderName>,
        /// What it asks for: a JSON object, written as a text.
        flavor_data: Patch<ProfileData>,
    }
}

impl Create {
    /// The profile that is asked for.
    pub fn into_profile(self, id: ProfileId) -> Profile {
        Profile {
            id,
            kind: OfferingKind::Flavor,
            name: self.name,
            provider: self.provider_name,
            data: self.flavor_data,
        }
    }
}

impl Update {
    /// The profile as it shall be. Can be asked again of one that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// A null where there can be none.
    pub fn apply(&self, stored: &Profile) -> Result<Profile, Violation> {
        let mut profile = stored.clone();
        self.name.onto_never_null(&mut profile.name, "name")?;
        self.provider_name.onto_never_null(&mut profile.provider, "provider_name")?;
        self.flavor_data.onto_never_null(&mut profile.data, "flavor_data")?;
        Ok(profile)
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["id", "name", "provider_name", "flavor_data"],
    aliases: &[],
    key: "id",
    order: &["id"],
    has_projects: false,
};

/// A profile as clients see it.
pub fn view(profile: &Profile) -> Value {
    json!({
        "id": profile.id.to_string(),
        "name": profile.name.as_str(),
        "provider_name": profile.provider.as_str(),
        "flavor_data": profile.data.as_str(),
    })
}
