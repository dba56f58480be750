//! Identifiers: one type per kind of thing, so that a pool's id cannot be passed where a member's
//! is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Epoch;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this value. The caller brings the randomness.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value itself, for places that keep ids of many kinds.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        // A log line shows the id and nothing around it.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                canonical(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )+};
}

ids! {
    /// A load balancer; its namespace and its state directory are named after it.
    LoadBalancerId;
    /// A floating address: one of an outer network that stands for a VIP.
    FloatingId;
    /// A listener: one protocol and port of a load balancer's VIP.
    ListenerId;
    /// A pool of members that share a balancing algorithm and a health monitor.
    PoolId;
    /// A member: one address and port behind a pool.
    MemberId;
    /// A health monitor of a pool.
    HealthMonitorId;
    /// An L7 policy of a listener.
    L7PolicyId;
    /// An L7 rule of a policy.
    L7RuleId;
    /// An agent: the daemon that holds load balancers on one node.
    AgentId;
    /// A network that VIPs and members live in.
    NetworkId;
    /// A subnet of a network.
    SubnetId;
    /// A port: one attachment to a network, with a MAC and addresses.
    PortId;
    /// One content of a certificate, of authorities or of revocations: never two contents.
    MaterialId;
    /// A flavor or an availability zone.
    OfferingId;
    /// What a flavor or an availability zone stands for.
    ProfileId;
    /// A placement: one stay of a load balancer on a node.
    PlacementId;
    /// A series of counters that began at 0 and only rise.
    SeriesId;
}

impl PlacementId {
    /// The id of the placement with this number: the load balancer's own with the number in its
    /// first 48 bits. It is never the load balancer's, because the first number is 1.
    pub fn of(load_balancer: LoadBalancerId, epoch: Epoch) -> Self {
        Self(Uuid::from_u128(load_balancer.0.as_u128() ^ (u128::from(epoch.get()) << 80)))
    }

    /// The number of the placement of this load balancer that has this id, if one could have it.
    pub fn epoch_of(self, load_balancer: LoadBalancerId) -> Option<Epoch> {
        let difference = self.0.as_u128() ^ load_balancer.0.as_u128();
        let epoch = Epoch::new(u64::try_from(difference >> 80).ok()?);
        (epoch > Epoch::default() && Self::of(load_balancer, epoch) == self).then_some(epoch)
    }
}

/// The text is not a lower-case, dashed UUID, which is the only spelling of an id in a path
/// (contract 1.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a lower-case, dashed UUID")]
pub struct NotAnId(String);

fn canonical(text: &str) -> Result<Uuid, NotAnId> {
    Uuid::try_parse(text)
        .ok()
        .filter(|uuid| uuid.hyphenated().to_string() == text)
        .ok_or_else(|| NotAnId(text.to_owned()))
}

/// A project: whoever owns an object. Any text of 1 to 36 characters, as Keystone chooses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(String);

impl ProjectId {
    /// The longest id in characters (contract 2.0).
    pub const MAX: usize = 36;

    /// The project of this name, if its length is allowed.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (1..=Self::MAX).contains(&text.chars().count()).then_some(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The kinds of resource that a tenant can create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A load balancer.
    LoadBalancer,
    /// A listener.
    Listener,
    /// A pool.
    Pool,
    /// A member.
    Member,
    /// A health monitor.
    HealthMonitor,
    /// An L7 policy.
    L7Policy,
    /// An L7 rule.
    L7Rule,
}

impl ResourceKind {
    /// The name in messages of the API: `Load Balancer <id> not found.` (contract 1.9).
    pub const fn title(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load Balancer",
            Self::Listener => "Listener",
            Self::Pool => "Pool",
            Self::Member => "Member",
            Self::HealthMonitor => "Health Monitor",
            Self::L7Policy => "L7 Policy",
            Self::L7Rule => "L7 Rule",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        let canonical = "6f0c5f5e-2c5c-4a3e-9d83-0a4a3b9e2f10";
        assert_eq!(canonical.parse::<PoolId>().unwrap().to_string(), canonical);
        for text in [
            "6F0C5F5E-2C5C-4A3E-9D83-0A4A3B9E2F10",
            "6f0c5f5e2c5c4a3e9d830a4a3b9e2f10",
            "{6f0c5f5e-2c5c-4a3e-9d83-0a4a3b9e2f10}",
            "web",
            "",
        ] {
            assert!(text.parse::<PoolId>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_stay_of_a_load_balancer_has_an_id() {
        let id: LoadBalancerId = "6f0c5f5e-2c5c-4a3e-9d83-0a4a3b9e2f10".parse().unwrap();
        let stay = |epoch| PlacementId::of(id, Epoch::new(epoch));
        assert_eq!(stay(1).to_string(), "6f0c5f5e-2c5d-4a3e-9d83-0a4a3b9e2f10");
        assert_ne!(stay(1), stay(2));
        assert_eq!(stay(2), stay(2));
        assert_eq!(stay(7).epoch_of(id), Some(Epoch::new(7)));
        let other: LoadBalancerId = "6f0c5f5e-2c5c-4a3e-9d83-0a4a3b9e2f11".parse().unwrap();
        assert_eq!(stay(7).epoch_of(other), None);
        assert_eq!(PlacementId(id.0).epoch_of(id), None);
    }

    #[test]
    fn a_project_id_has_1_to_36_characters() {
        assert!(ProjectId::new("").is_none());
        assert!(ProjectId::new("ö".repeat(36)).is_some());
        assert!(ProjectId::new("p".repeat(37)).is_none());
    }
}
