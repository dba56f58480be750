//! The flavor and the availability zone that a load balancer names (contract 2.1.2, 3.12).

use evenkeel_api::decode::Patch;
use evenkeel_api::load_balancer::Create;
use evenkeel_api::{Fault, metadata};
use evenkeel_model::flavor::Allowance;
use evenkeel_model::offering::{Offering, OfferingKind, Profile};
use evenkeel_model::provider::{Capabilities, ProviderName};
use evenkeel_model::{NetworkId, Violation};
use evenkeel_store::StoreError;

use crate::http::call::Call;
use crate::http::fault::Refusal;

/// What a load balancer names, each with what it stands for.
pub(super) struct Offered {
    flavor: Option<(Offering, Profile)>,
    zone: Option<Profile>,
}

impl Offered {
    /// Looks up what is named: it is there, and enabled.
    pub(super) async fn of(call: &Call, body: &Create) -> Result<Self, Refusal> {
        let flavor = match &body.flavor_id {
            Patch::Absent => None,
            Patch::Null => return Err(Violation::rule(NO_FLAVOR).into()),
            Patch::Value(id) => {
                let found = call.store().offering(OfferingKind::Flavor, *id).await;
                Some(enabled(call, found, "flavor", NO_FLAVOR).await?)
            }
        };
        let zone = match &body.availability_zone {
            Patch::Absent => None,
            Patch::Null => return Err(Violation::rule(NO_ZONE).into()),
            Patch::Value(name) => {
                let kind = OfferingKind::AvailabilityZone;
                let found = call.store().offering_named(kind, name.clone()).await;
                Some(enabled(call, found, "availability_zone", NO_ZONE).await?.1)
            }
        };
        Ok(Self { flavor, zone })
    }

    /// The provider that was asked for, or that of the flavor. Of the two, neither may differ, not
    /// even by an alias.
    pub(super) fn provider(
        &self,
        named: Option<ProviderName>,
    ) -> Result<Option<ProviderName>, Refusal> {
        let Some((flavor, profile)) = &self.flavor else {
            return Ok(named);
        };
        match named {
            Some(name) if name != profile.provider => Err(Fault::bad_request(format!(
                "Flavor '{}' is not compatible with provider '{name}'",
                flavor.id
            ))
            .into()),
            Some(_) | None => Ok(Some(profile.provider.clone())),
        }
    }

    /// What the flavor lets the load balancer take, if the driver still accepts it.
    pub(super) fn allowance(
        &self,
        call: &Call,
        capabilities: &Capabilities,
    ) -> Result<Allowance, Fault> {
        match &self.flavor {
            Some((_, profile)) => metadata::flavor(profile, capabilities, call.deployment()),
            None => Ok(Allowance::default()),
        }
    }

    /// The only networks that the zone lets its VIP be on, if it says so and the driver still
    /// accepts it.
    pub(super) fn networks(&self, capabilities: &Capabilities) -> Result<Vec<NetworkId>, Fault> {
        match &self.zone {
            Some(profile) => metadata::availability_zone(profile, capabilities),
            None => Ok(Vec::new()),
        }
    }
}

const NO_FLAVOR: &str = "Invalid flavor_id.";
const NO_ZONE: &str = "Invalid availability zone.";

/// An offering that was found and can be had, with its profile.
async fn enabled(
    call: &Call,
    found: Result<Offering, StoreError>,
    option: &'static str,
    absent: &str,
) -> Result<(Offering, Profile), Refusal> {
    let offering = match found {
        Err(StoreError::NoOffering { .. }) => return Err(Violation::rule(absent).into()),
        found => found?,
    };
    if !offering.enabled {
        return Err(Violation::NotAllowedHere { option, value: offering.named() }.into());
    }
    let profile = call.store().profile(offering.kind, offering.profile).await?;
    Ok((offering, profile))
}
