//! Flavors and availability zones: there are none, and it is said so.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use evenkeel_api::Fault;
use serde_json::json;

use super::call::Call;
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// What the API calls one of these kinds.
struct Kind {
    subject: Subject,
    title: &'static str,
    collection: &'static str,
    links: &'static str,
}

const FLAVOR: Kind = Kind {
    subject: Subject::Flavor,
    title: "Flavor",
    collection: "flavors",
    links: "flavors_links",
};

const FLAVOR_PROFILE: Kind = Kind {
    subject: Subject::FlavorProfile,
    title: "Flavor Profile",
    collection: "flavorprofiles",
    links: "flavorprofile_links",
};

const ZONE: Kind = Kind {
    subject: Subject::AvailabilityZone,
    title: "Availability Zone",
    collection: "availability_zones",
    links: "availability_zones_links",
};

const ZONE_PROFILE: Kind = Kind {
    subject: Subject::AvailabilityZoneProfile,
    title: "Availability Zone Profile",
    collection: "availability_zone_profiles",
    links: "availability_zone_profile_links",
};

impl Kind {
    fn list(&self, call: &Call) -> Result<Response, Refusal> {
        call.allow_any(Action(self.subject, Verb::GetAll))?;
        Ok(Json(json!({self.collection: [], self.links: []})).into_response())
    }

    fn show(&self, call: &Call, id: &str) -> Refusal {
        match call.allow_any(Action(self.subject, Verb::GetOne)) {
            Ok(()) => Fault::not_found(self.title, id).into(),
            Err(refusal) => refusal,
        }
    }
}

/// `GET /v2/lbaas/flavors`.
pub(crate) async fn flavors(call: Call) -> Result<Response, Refusal> {
    FLAVOR.list(&call)
}

/// `GET /v2/lbaas/flavors/{id}`.
pub(crate) async fn flavor(call: Call, Path(id): Path<String>) -> Refusal {
    FLAVOR.show(&call, &id)
}

/// `GET /v2/lbaas/flavorprofiles`.
pub(crate) async fn flavor_profiles(call: Call) -> Result<Response, Refusal> {
    FLAVOR_PROFILE.list(&call)
}

/// `GET /v2/lbaas/flavorprofiles/{id}`.
pub(crate) async fn flavor_profile(call: Call, Path(id): Path<String>) -> Refusal {
    FLAVOR_PROFILE.show(&call, &id)
}

/// `GET /v2/lbaas/availabilityzones`.
pub(crate) async fn zones(call: Call) -> Result<Response, Refusal> {
    ZONE.list(&call)
}

/// `GET /v2/lbaas/availabilityzones/{name}`.
pub(crate) async fn zone(call: Call, Path(name): Path<String>) -> Refusal {
    ZONE.show(&call, &name)
}

/// `GET /v2/lbaas/availabilityzoneprofiles`.
pub(crate) async fn zone_profiles(call: Call) -> Result<Response, Refusal> {
    ZONE_PROFILE.list(&call)
}

/// `GET /v2/lbaas/availabilityzoneprofiles/{id}`.
pub(crate) async fn zone_profile(call: Call, Path(id): Path<String>) -> Refusal {
    ZONE_PROFILE.show(&call, &id)
}
