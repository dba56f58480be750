//! Flavor profiles and availability zone profiles: the same calls twice, with other names.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use evenkeel_api::decode::Body;
use evenkeel_api::list::Shelf;
use evenkeel_api::{Fault, availability_zone_profile, flavor_profile, metadata};
use evenkeel_model::offering::{OfferingKind, Profile};
use evenkeel_model::{ProfileId, Violation};
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// What the API says about the profiles of one kind.
pub(crate) trait Profiled: Send + Sync + 'static {
    /// Whose profiles they are.
    const KIND: OfferingKind;
    /// What their rules are called.
    const SUBJECT: Subject;
    /// What many of them stand under.
    const COLLECTION: &'static str;
    /// What can be asked of their list.
    const SHELF: Shelf;
    /// The body of a creation.
    type Create: Body + Send;
    /// The body of a change.
    type Update: Body + Send + Sync + 'static;

    /// As clients see it.
    fn view(profile: &Profile) -> Value;
    /// What is to be created.
    fn make(body: Self::Create, id: ProfileId) -> Profile;
    /// What it becomes.
    fn apply(update: &Self::Update, stored: &Profile) -> Result<Profile, Violation>;
}

/// Profiles of flavors.
pub(crate) struct FlavorProfile;

/// Profiles of availability zones.
pub(crate) struct ZoneProfile;

macro_rules! profiled {
    ($($name:ident: $module:ident, $kind:ident, $subject:ident, $collection:literal;)+) => {$(
        impl Profiled for $name {
            const KIND: OfferingKind = OfferingKind::$kind;
            const SUBJECT: Subject = Subject::$subject;
            const COLLECTION: &'static str = $collection;
            const SHELF: Shelf = $module::SHELF;
            type Create = $module::Create;
            type Update = $module::Update;

            fn view(profile: &Profile) -> Value {
                $module::view(profile)
            }

            fn make(body: Self::Create, id: ProfileId) -> Profile {
                body.into_profile(id)
            }

            fn apply(update: &Self::Update, stored: &Profile) -> Result<Profile, Violation> {
                update.apply(stored)
            }
        }
    )+};
}

profiled! {
    FlavorProfile: flavor_profile, Flavor, FlavorProfile, "flavorprofiles";
    ZoneProfile: availability_zone_profile, AvailabilityZone, AvailabilityZoneProfile,
        "availability_zone_profiles";
}

impl Call {
    /// The profile in a path.
    async fn profile<T: Profiled>(&self, id: &str, verb: Verb) -> Result<Profile, Refusal> {
        self.allow_any(Action(T::SUBJECT, verb))?;
        let unknown = |_| Fault::not_found(T::KIND.profile_title(), id);
        Ok(self.store().profile(T::KIND, id.parse().map_err(unknown)?).await?)
    }

    /// Whether the provider of a profile is there, and understands it.
    fn understood(&self, profile: &Profile) -> Result<(), Refusal> {
        let entry = self.control.config().provider(&profile.provider);
        let entry = entry.ok_or_else(|| Fault::provider_not_enabled(&profile.provider))?;
        match profile.kind {
            OfferingKind::Flavor => {
                metadata::flavor(profile, &entry.capabilities, self.deployment())?;
            }
            OfferingKind::AvailabilityZone => {
                metadata::availability_zone(profile, &entry.capabilities)?;
            }
        }
        Ok(())
    }
}

/// Lists all.
pub(crate) async fn list<T: Profiled>(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(T::SUBJECT, Verb::GetAll))?;
    let all = call.store().profiles(T::KIND).await?;
    call.short_list(&T::SHELF, T::COLLECTION, all.iter().map(T::view).collect())
}

/// Creates one.
pub(crate) async fn create<T: Profiled>(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(T::SUBJECT, Verb::Post))?;
    let profile = T::make(call.body(&bytes)?, ProfileId::new(Uuid::new_v4()));
    call.understood(&profile)?;
    call.store().create_profile(profile.clone()).await?;
    Ok(created(T::Create::ROOT, T::view(&profile)))
}

/// Shows one.
pub(crate) async fn show<T: Profiled>(
    call: Call,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let profile = call.profile::<T>(&id, Verb::GetOne).await?;
    Ok(call.one(T::Create::ROOT, T::view(&profile)))
}

/// Changes one. With another provider, that one is asked about what stays.
pub(crate) async fn update<T: Profiled>(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    let stored = call.profile::<T>(&id, Verb::Put).await?;
    let update: T::Update = call.body(&bytes)?;
    let wanted = T::apply(&update, &stored)?;
    // One that is only renamed may be of a provider that is not here any more.
    if wanted.provider != stored.provider || wanted.data != stored.data {
        call.understood(&wanted)?;
    }
    let edit = move |stored: &Profile| T::apply(&update, stored);
    let changed = call.store().update_profile(T::KIND, stored.id, edit).await?;
    Ok(call.one(T::Create::ROOT, T::view(&changed)))
}

/// Deletes one.
pub(crate) async fn delete<T: Profiled>(
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let stored = call.profile::<T>(&id, Verb::Delete).await?;
    call.store().delete_profile(T::KIND, stored.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
