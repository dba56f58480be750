//! Flavors and availability zones: the same calls twice, with other names.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::decode::Body;
use evenkeel_api::list::{Shelf, page};
use evenkeel_api::{Fault, availability_zone, flavor};
use evenkeel_model::offering::{Offering, OfferingKind};
use evenkeel_model::text::Label;
use evenkeel_model::{OfferingId, Violation};
use evenkeel_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, created};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// What the API says about one kind of offering.
pub(crate) trait Offered: Send + Sync + 'static {
    /// Which kind.
    const KIND: OfferingKind;
    /// What its rules are called.
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
    fn view(offering: &Offering) -> Value;
    /// What is to be created.
    fn make(body: Self::Create, id: OfferingId) -> Result<Offering, Violation>;
    /// What it becomes.
    fn apply(update: &Self::Update, stored: &Offering) -> Result<Offering, Violation>;
}

/// Flavors.
pub(crate) struct Flavor;

/// Availability zones.
pub(crate) struct Zone;

macro_rules! offered {
    ($($name:ident: $module:ident, $kind:ident, $collection:literal, $shelf:expr;)+) => {$(
        impl Offered for $name {
            const KIND: OfferingKind = OfferingKind::$kind;
            const SUBJECT: Subject = Subject::$kind;
            const COLLECTION: &'static str = $collection;
            const SHELF: Shelf = $shelf;
            type Create = $module::Create;
            type Update = $module::Update;

            fn view(offering: &Offering) -> Value {
                $module::view(offering)
            }

            fn make(body: Self::Create, id: OfferingId) -> Result<Offering, Violation> {
                body.into_offering(id)
            }

            fn apply(update: &Self::Update, stored: &Offering) -> Result<Offering, Violation> {
                update.apply(stored)
            }
        }
    )+};
}

offered! {
    Flavor: flavor, Flavor, "flavors", flavor::SHELF;
    Zone: availability_zone, AvailabilityZone, "availability_zones", availability_zone::SHELF;
}

impl Call {
    /// A page of a list of what is offered: see [`Shelf`].
    pub(crate) fn short_list(
        &self,
        rules: &Shelf,
        collection: &str,
        views: Vec<Value>,
    ) -> Result<Response, Refusal> {
        let request = rules.parse(&self.query, self.deployment())?;
        let found = rules.page(&request, views)?;
        let keys: Vec<String> = found.iter().map(|it| rules.key_of(it)).collect();
        let links = request.links(&self.origin.collection(), keys.iter().map(String::as_str));
        let views = found.into_iter().map(|it| request.fields.select(it)).collect();
        Ok(Json(page(collection, views, links)).into_response())
    }

    /// The flavor or zone in a path: the one has an id there, the other its name.
    async fn offering<T: Offered>(&self, name: &str, verb: Verb) -> Result<Offering, Refusal> {
        self.allow_any(Action(T::SUBJECT, verb))?;
        let unknown = || Refusal::from(Fault::not_found(T::KIND.title(), name));
        let found = match T::KIND {
            OfferingKind::Flavor => {
                let id = name.parse().map_err(|_| unknown())?;
                self.store().offering(T::KIND, id).await
            }
            OfferingKind::AvailabilityZone => {
                let label = Label::try_from(name.to_owned()).map_err(|_| unknown())?;
                self.store().offering_named(T::KIND, label).await
            }
        };
        Ok(found?)
    }
}

/// Lists all.
pub(crate) async fn list<T: Offered>(call: Call) -> Result<Response, Refusal> {
    call.allow_any(Action(T::SUBJECT, Verb::GetAll))?;
    let all = call.store().offerings(T::KIND).await?;
    call.short_list(&T::SHELF, T::COLLECTION, all.iter().map(T::view).collect())
}

/// Creates one.
pub(crate) async fn create<T: Offered>(call: Call, bytes: Bytes) -> Result<Response, Refusal> {
    call.only(&[])?;
    call.allow_any(Action(T::SUBJECT, Verb::Post))?;
    let offering = T::make(call.body(&bytes)?, OfferingId::new(Uuid::new_v4()))?;
    call.store().create_offering(offering.clone()).await?;
    Ok(created(T::Create::ROOT, T::view(&offering)))
}

/// Shows one.
pub(crate) async fn show<T: Offered>(
    call: Call,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let offering = call.offering::<T>(&name, Verb::GetOne).await?;
    Ok(call.one(T::Create::ROOT, T::view(&offering)))
}

/// Changes one.
pub(crate) async fn update<T: Offered>(
    call: Call,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    call.only(&[])?;
    let offering = call.offering::<T>(&name, Verb::Put).await?;
    let update: T::Update = call.body(&bytes)?;
    let edit = move |stored: &Offering| T::apply(&update, stored);
    let changed = call.store().update_offering(T::KIND, offering.id, edit).await?;
    Ok(call.one(T::Create::ROOT, T::view(&changed)))
}

/// Deletes one.
pub(crate) async fn delete<T: Offered>(
    call: Call,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let offering = call.offering::<T>(&name, Verb::Delete).await?;
    match call.store().delete_offering(T::KIND, offering.id).await {
        // Somebody was faster; it is gone under the name that the caller knows.
        Err(StoreError::NoOffering { .. }) => Err(Fault::not_found(T::KIND.title(), name).into()),
        outcome => Ok(outcome.map(|()| StatusCode::NO_CONTENT)?),
    }
}
