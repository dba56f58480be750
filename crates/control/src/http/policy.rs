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
    #[cfg(test)]
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
    #[cfg(test)]
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
}

/// Groups of verbs with what guards them.
type Guarded = &'static [&'static [(Verb, Class)]];

/// What every list of a tenant's things is guarded by.
const LIST: [(Verb, Class); 2] =
    [(Verb::GetAll, Class::Read), (Verb::GetAllGlobal, Class::ReadGlobal)];

/// What single things of a tenant are guarded by.
const ITEM: [(Verb, Class); 4] = [
    (Verb::GetOne, Class::Read),
    (Verb::Post, Class::Write),
    (Verb::Put, Class::Write),
    (Verb::Delete, Class::Write),
];

/// What things of operators are guarded by.
const ADMIN: [(Verb, Class); 8] = [
    (Verb::GetAll, Class::Admin),
    (Verb::GetOne, Class::Admin),
    (Verb::GetStats, Class::Admin),
    (Verb::Post, Class::Admin),
    (Verb::Put, Class::Admin),
    (Verb::Delete, Class::Admin),
    (Verb::PutFailover, Class::Admin),
    (Verb::PutConfig, Class::Admin),
];

/// What things are guarded by that operators make and everybody may see.
const PUBLIC: [(Verb, Class); 5] = [
    (Verb::GetAll, Class::Read),
    (Verb::GetOne, Class::Read),
    (Verb::Post, Class::Admin),
    (Verb::Put, Class::Admin),
    (Verb::Delete, Class::Admin),
];

/// What guards each call unless the operator says otherwise. A call that is not in it does not
/// exist.
pub(crate) const RULES: &[(Subject, Guarded)] = &[
    (
        Subject::LoadBalancer,
        &[
            &LIST,
            &ITEM,
            &[
                (Verb::GetStats, Class::Read),
                (Verb::GetStatus, Class::Read),
                (Verb::PostVipSecurityGroups, Class::Write),
                (Verb::PutVipSecurityGroups, Class::Write),
                (Verb::PutFailover, Class::Admin),
            ],
        ],
    ),
    (Subject::Listener, &[&LIST, &ITEM, &[(Verb::GetStats, Class::Read)]]),
    (Subject::Pool, &[&LIST, &ITEM]),
    (Subject::Member, &[&[(Verb::GetAll, Class::ReadOrService)], &ITEM]),
    (Subject::HealthMonitor, &[&LIST, &ITEM]),
    (Subject::L7Policy, &[&LIST, &ITEM]),
    (Subject::L7Rule, &[&[(Verb::GetAll, Class::Read)], &ITEM]),
    (
        Subject::Quota,
        &[&[
            (Verb::GetAll, Class::ReadQuota),
            (Verb::GetAllGlobal, Class::ReadQuotaGlobal),
            (Verb::GetOne, Class::ReadQuota),
            (Verb::GetDefaults, Class::ReadQuota),
            (Verb::Put, Class::WriteQuota),
            (Verb::Delete, Class::WriteQuota),
        ]],
    ),
    (Subject::Provider, &[&[(Verb::GetAll, Class::Read)]]),
    (Subject::ProviderFlavor, &[&[(Verb::GetAll, Class::Admin)]]),
    (Subject::ProviderAvailabilityZone, &[&[(Verb::GetAll, Class::Admin)]]),
    (Subject::Flavor, &[&PUBLIC]),
    (Subject::FlavorProfile, &[&ADMIN]),
    (Subject::AvailabilityZone, &[&PUBLIC]),
    (Subject::AvailabilityZoneProfile, &[&ADMIN]),
    (Subject::Amphora, &[&ADMIN]),
    (Subject::Evenkeel, &[&ADMIN]),
];
