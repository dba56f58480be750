//! Which class of rule guards which call: contract 5.3 as a table, and nothing that is not in it
//! is allowed.

use evenkeel_model::ResourceKind;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Load balancers.
    LoadBalancer,
    /// Listeners.
    Listener,
    /// Pools.
    Pool,
    /// Members.
    Member,
    /// Health monitors.
    HealthMonitor,
    /// L7 policies.
    L7Policy,
    /// L7 rules.
    L7Rule,
    /// Quotas.
    Quota,
    /// Providers.
    Provider,
    /// What flavors a provider knows.
    ProviderFlavor,
    /// What availability zones a provider knows.
    ProviderAvailabilityZone,
    /// Flavors.
    Flavor,
    /// Flavor profiles.
    FlavorProfile,
    /// Availability zones.
    AvailabilityZone,
    /// Availability zone profiles.
    AvailabilityZoneProfile,
    /// Amphorae: placements, in Octavia's words.
    Amphora,
    /// Nodes and placements, in our own words.
    Evenkeel,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Lists those of one project.
    GetAll,
    /// Lists those of all projects.
    GetAllGlobal,
    /// Shows one.
    GetOne,
    /// Shows defaults.
    GetDefaults,
    /// Shows counters.
    GetStats,
    /// Shows the status tree.
    GetStatus,
    /// Creates.
    Post,
    /// Creates with security groups of one's own.
    PostVipSecurityGroups,
    /// Changes.
    Put,
    /// Changes the security groups.
    PutVipSecurityGroups,
    /// Deletes.
    Delete,
    /// Places again.
    PutFailover,
    /// Configures again.
    PutConfig,
}

/// A class of rules (contract 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `load-balancer:read`.
    Read,
    /// The same, or a service asks.
    ReadOrService,
    /// `load-balancer:read-global`.
    ReadGlobal,
    /// `load-balancer:write`.
    Write,
    /// `load-balancer:read-quota`.
    ReadQuota,
    /// `load-balancer:read-quota-global`.
    ReadQuotaGlobal,
    /// `load-balancer:write-quota`.
    WriteQuota,
    /// `load-balancer:admin`.
    Admin,
}

/// A subject and a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(pub Subject, pub Verb);

impl Subject {
    pub(crate) const ALL: [Self; 17] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Pool,
        Self::Member,
        Self::HealthMonitor,
        Self::L7Policy,
        Self::L7Rule,
        Self::Quota,
        Self::Provider,
        Self::ProviderFlavor,
        Self::ProviderAvailabilityZone,
        Self::Flavor,
        Self::FlavorProfile,
        Self::AvailabilityZone,
        Self::AvailabilityZoneProfile,
        Self::Amphora,
        Self::Evenkeel,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "healthmonitor",
            Self::L7Policy => "l7policy",
            Self::L7Rule => "l7rule",
            Self::Quota => "quota",
            Self::Provider => "provider",
            Self::ProviderFlavor => "provider-flavor",
            Self::ProviderAvailabilityZone => "provider-availability-zone",
            Self::Flavor => "flavor",
            Self::FlavorProfile => "flavor-profile",
            Self::AvailabilityZone => "availability-zone",
            Self::AvailabilityZoneProfile => "availability-zone-profile",
            Self::Amphora => "amphora",
            Self::Evenkeel => "evenkeel",
        }
    }
}

impl From<ResourceKind> for Subject {
    fn from(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::LoadBalancer => Self::LoadBalancer,
            ResourceKind::Listener => Self::Listener,
            ResourceKind::Pool => Self::Pool,
            ResourceKind::Member => Self::Member,
            ResourceKind::HealthMonitor => Self::HealthMonitor,
            ResourceKind::L7Policy => Self::L7Policy,
            ResourceKind::L7Rule => Self::L7Rule,
        }
    }
}

impl Verb {
    pub(crate) const ALL: [Self; 13] = [
        Self::GetAll,
        Self::GetAllGlobal,
        Self::GetOne,
        Self::GetDefaults,
        Self::GetStats,
        Self::GetStatus,
        Self::Post,
        Self::PostVipSecurityGroups,
        Self::Put,
        Self::PutVipSecurityGroups,
        Self::Delete,
        Self::PutFailover,
        Self::PutConfig,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::GetAll => "get_all",
            Self::GetAllGlobal => "get_all-global",
            Self::GetOne => "get_one",
            Self::GetDefaults => "get_defaults",
            Self::GetStats => "get_stats",
            Self::GetStatus => "get_status",
            Self::Post => "post",
            Self::PostVipSecurityGroups => "post:vip_sg_ids",
            Self::Put => "put",
            Self::PutVipSecurityGroups => "put:vip_sg_ids",
            Self::Delete => "delete",
            Self::PutFailover => "put_failover",
            Self::PutConfig => "put_config",
        }
    }
}

impl Class {
    pub(crate) const ALL: [Self; 8] = [
        Self::Read,
        Self::ReadOrService,
        Self::ReadGlobal,
        Self::Write,
        Self::ReadQuota,
        Self::ReadQuotaGlobal,
        Self::WriteQuota,
        Self::Admin,
    ];

    /// Its name in a configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "load-balancer:read",
            Self::ReadOrService => "load-balancer:read-or-service",
            Self::ReadGlobal => "load-balancer:read-global",
            Self::Write => "load-balancer:write",
            Self::ReadQuota => "load-balancer:read-quota",
            Self::ReadQuotaGlobal => "load-balancer:read-quota-global",
            Self::WriteQuota => "load-balancer:write-quota",
            Self::Admin => "load-balancer:admin",
        }
    }
}

impl Action {
    /// Its name as oslo.policy writes it.
    pub fn name(self) -> String {
        format!("os_load-balancer_api:{}:{}", self.0.word(), self.1.word())
    }

    /// What guards it unless the operator says otherwise; `None` for what does not exist.
    pub(crate) const fn class(self) -> Option<Class> {
        let Self(subject, verb) = self;
        match subject {
            Subject::LoadBalancer => match verb {
                Verb::GetStats | Verb::GetStatus => Some(Class::Read),
                Verb::PostVipSecurityGroups | Verb::PutVipSecurityGroups => Some(Class::Write),
                Verb::PutFailover => Some(Class::Admin),
                _ => tenant(verb),
            },
            Subject::Listener => match verb {
                Verb::GetStats => Some(Class::Read),
                _ => tenant(verb),
            },
            Subject::Pool | Subject::HealthMonitor | Subject::L7Policy => tenant(verb),
            Subject::Member => match verb {
                Verb::GetAll => Some(Class::ReadOrService),
                Verb::GetAllGlobal => None,
                _ => tenant(verb),
            },
            Subject::L7Rule => match verb {
                Verb::GetAllGlobal => None,
                _ => tenant(verb),
            },
            Subject::Quota => quota(verb),
            Subject::Provider => match verb {
                Verb::GetAll => Some(Class::Read),
                _ => None,
            },
            Subject::Flavor | Subject::AvailabilityZone => match verb {
                Verb::GetAll | Verb::GetOne => Some(Class::Read),
                _ => admin(verb),
            },
            Subject::ProviderFlavor
            | Subject::ProviderAvailabilityZone
            | Subject::FlavorProfile
            | Subject::AvailabilityZoneProfile => admin(verb),
            Subject::Amphora | Subject::Evenkeel => match verb {
                Verb::GetStats | Verb::PutFailover | Verb::PutConfig => Some(Class::Admin),
                _ => admin(verb),
            },
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is denied")]
const fn tenant(verb: Verb) -> Option<Class> {
    match verb {
        Verb::GetAll | Verb::GetOne => Some(Class::Read),
        Verb::GetAllGlobal => Some(Class::ReadGlobal),
        Verb::Post | Verb::Put | Verb::Delete => Some(Class::Write),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is denied")]
const fn quota(verb: Verb) -> Option<Class> {
    match verb {
        Verb::GetAll | Verb::GetOne | Verb::GetDefaults => Some(Class::ReadQuota),
        Verb::GetAllGlobal => Some(Class::ReadQuotaGlobal),
        Verb::Put | Verb::Delete => Some(Class::WriteQuota),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is denied")]
const fn admin(verb: Verb) -> Option<Class> {
    match verb {
        Verb::GetAll | Verb::GetOne | Verb::Post | Verb::Put | Verb::Delete => Some(Class::Admin),
        _ => None,
    }
}
