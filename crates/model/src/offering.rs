//! What operators offer to tenants: flavors and availability zones, each with a profile that says
//! what it stands for.

use crate::provider::ProviderName;
use crate::text::{Label, ProfileData};
use crate::{OfferingId, ProfileId};

/// What can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferingKind {
    /// A flavor: how a load balancer is made. Tenants name it by its id.
    Flavor,
    /// An availability zone: where it is made. Tenants name it by its name.
    AvailabilityZone,
}

impl OfferingKind {
    /// Its name in messages: `Flavor <id> not found.`
    pub const fn title(self) -> &'static str {
        match self {
            Self::Flavor => "Flavor",
            Self::AvailabilityZone => "Availability Zone",
        }
    }

    /// The name of its profiles in messages.
    pub const fn profile_title(self) -> &'static str {
        match self {
            Self::Flavor => "Flavor Profile",
            Self::AvailabilityZone => "Availability Zone Profile",
        }
    }

    /// The field of an offering that names its profile.
    pub const fn profile_field(self) -> &'static str {
        match self {
            Self::Flavor => "flavor_profile_id",
            Self::AvailabilityZone => "availability_zone_profile_id",
        }
    }

    /// The field of a profile that holds its data.
    pub const fn data_field(self) -> &'static str {
        match self {
            Self::Flavor => "flavor_data",
            Self::AvailabilityZone => "availability_zone_data",
        }
    }
}

/// What a flavor or an availability zone stands for, to one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What offerings name it by.
    pub id: ProfileId,
    /// Whose profile it is.
    pub kind: OfferingKind,
    /// For operators; several may have the same.
    pub name: Label,
    /// Who is to understand it.
    pub provider: ProviderName,
    /// What it asks of the provider.
    pub data: ProfileData,
}

/// A flavor or an availability zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offering {
    /// What tenants name a flavor by; a zone has one too, which nobody sees.
    pub id: OfferingId,
    /// What it is.
    pub kind: OfferingKind,
    /// The only one of its kind with this name; a zone keeps its name for ever.
    pub name: Label,
    /// For people.
    pub description: Label,
    /// Disabled, no new load balancer can ask for it.
    pub enabled: bool,
    /// What it stands for.
    pub profile: ProfileId,
}

impl Offering {
    /// What tenants name it by.
    pub fn named(&self) -> String {
        match self.kind {
            OfferingKind::Flavor => self.id.to_string(),
            OfferingKind::AvailabilityZone => self.name.to_string(),
        }
    }
}
