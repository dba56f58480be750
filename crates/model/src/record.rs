//! A resource together with what the store knows of it.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use crate::id::NotAnId;
use crate::status::{OperatingStatus, ProvisioningStatus};
use crate::{
    HealthMonitor, HealthMonitorId, L7Policy, L7PolicyId, L7Rule, L7RuleId, Listener, ListenerId,
    LoadBalancer, LoadBalancerId, Member, MemberId, Pool, PoolId, ProjectId, ResourceKind,
    Timestamp,
};

/// One of the seven kinds of thing that a tenant creates.
pub trait Resource: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Its kind of id.
    type Id: Copy
        + Debug
        + Display
        + Eq
        + Ord
        + Hash
        + FromStr<Err = NotAnId>
        + Into<uuid::Uuid>
        + From<uuid::Uuid>
        + Send
        + Sync
        + 'static;
    /// The ids of other objects that the API shows with it.
    type Related: Clone + Debug + Default + PartialEq + Send + Sync + 'static;
    /// Its kind.
    const KIND: ResourceKind;

    /// Its id.
    fn id(&self) -> Self::Id;
}

/// A resource as the store holds it: what was asked for, and how far that has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<T: Resource> {
    /// What was asked for.
    pub value: T,
    /// The load balancer whose graph it is part of.
    pub load_balancer: LoadBalancerId,
    /// Who owns it: the owner of the load balancer.
    pub project: ProjectId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed, by its owner or by a new status.
    pub updated_at: Option<Timestamp>,
    /// How far the last change has come.
    pub provisioning_status: ProvisioningStatus,
    /// How traffic fares.
    pub operating_status: OperatingStatus,
    /// One sentence with the cure, if the last change was refused or is late.
    pub status_reason: Option<String>,
    /// The ids of other objects that the API shows with it.
    pub related: T::Related,
}

/// What the API shows with a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerRelated {
    /// Its listeners, oldest first.
    pub listeners: Vec<ListenerId>,
    /// Its pools, oldest first.
    pub pools: Vec<PoolId>,
}

/// What the API shows with a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerRelated {
    /// Its policies, by position.
    pub l7_policies: Vec<L7PolicyId>,
}

/// What the API shows with a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolRelated {
    /// The listeners that use it (contract 3.6), oldest first.
    pub listeners: Vec<ListenerId>,
    /// Its members, oldest first.
    pub members: Vec<MemberId>,
    /// Its monitor.
    pub health_monitor: Option<HealthMonitorId>,
}

/// What the API shows with an L7 policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L7PolicyRelated {
    /// Its rules, oldest first.
    pub rules: Vec<L7RuleId>,
}

macro_rules! resources {
    ($($resource:ident: $id:ty, $related:ty;)+) => {$(
        impl Resource for $resource {
            type Id = $id;
            type Related = $related;
            const KIND: ResourceKind = ResourceKind::$resource;

            fn id(&self) -> $id {
                self.id
            }
        }
    )+};
}

resources! {
    LoadBalancer: LoadBalancerId, LoadBalancerRelated;
    Listener: ListenerId, ListenerRelated;
    Pool: PoolId, PoolRelated;
    Member: MemberId, ();
    HealthMonitor: HealthMonitorId, ();
    L7Policy: L7PolicyId, L7PolicyRelated;
    L7Rule: L7RuleId, ();
}
