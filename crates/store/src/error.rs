//! Why the store refused, or could not do, what it was asked.

use std::net::IpAddr;
use std::sync::Arc;

use evenkeel_model::l7_rule::MAX_REGEXES;
use evenkeel_model::number::PortNumber;
use evenkeel_model::offering::OfferingKind;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::text::Label;
use evenkeel_model::{
    L7PolicyId, ListenerId, LoadBalancerId, PoolId, ProjectId, ResourceKind, SubnetId, Violation,
};
use uuid::Uuid;

/// Why the store refused, or could not do, what it was asked. The texts are the contract's (1.9).
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("{kind} {id} not found.")]
    NotFound {
        /// What was looked for.
        kind: ResourceKind,
        /// Under which id.
        id: Uuid,
    },
    /// A network object of ours is not there.
    #[error("{kind} {id} could not be found.")]
    NoNetworkObject {
        /// `Network`, `Subnet` or `Port`.
        kind: &'static str,
        /// Under which id.
        id: Uuid,
    },
    /// A network object of ours that others use.
    #[error("{kind} {id} is in use: {by}.")]
    NetworkObjectInUse {
        /// `Network` or `Subnet`.
        kind: &'static str,
        /// Under which id.
        id: Uuid,
        /// By what, and what to do first.
        by: &'static str,
    },
    /// The address that a floating address shall stand for has one.
    #[error("{address} has the floating address {by} already; release that first.")]
    FloatingTaken {
        /// The inner address.
        address: IpAddr,
        /// The id of the other floating address.
        by: String,
    },
    /// There is no such flavor, availability zone or profile.
    #[error("{what} {name} not found.")]
    NoOffering {
        /// `Flavor`, `Flavor Profile`, …
        what: &'static str,
        /// Its id; of an availability zone, its name.
        name: String,
    },
    /// A flavor, an availability zone or a profile that others name.
    #[error("{what} {name} is in use and cannot be modified.")]
    OfferingInUse {
        /// `Flavor`, `Flavor profile`, …
        what: &'static str,
        /// Its id; of an availability zone, its name.
        name: String,
    },
    /// Another flavor, or another availability zone, has the name.
    #[error("A {} of {name} already exists.", kind.title().to_lowercase())]
    OfferingTaken {
        /// Which of the two.
        kind: OfferingKind,
        /// The name.
        name: Label,
    },
    /// The project has no quota of its own.
    #[error("Quotas {0} not found.")]
    NoQuota(ProjectId),
    /// The graph would contradict itself.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// Another listener has the port.
    #[error(
        "Another Listener on this Load Balancer is already using protocol {protocol} and \
         protocol_port {port}"
    )]
    PortTaken {
        /// What the other listener speaks.
        protocol: ListenerProtocol,
        /// The port.
        port: PortNumber,
    },
    /// Another member has the address and port.
    #[error("Another member on this pool is already using ip {address} on protocol_port {port}")]
    MemberTaken {
        /// As it was spelt.
        address: String,
        /// The port.
        port: PortNumber,
    },
    /// The pool has its monitor.
    #[error("This pool already has a health monitor")]
    MonitorTaken,
    /// The listener has its default pool.
    #[error("This listener already has a default pool")]
    HasDefaultPool,
    /// A policy sends requests to the pool.
    #[error("Pool {pool} is in use by L7 policy {policy}")]
    PoolInUse {
        /// The pool.
        pool: PoolId,
        /// One of the policies.
        policy: L7PolicyId,
    },
    /// The policy has as many rules as it can have.
    #[error("Too many rules on L7 policy {0}")]
    TooManyRules(L7PolicyId),
    /// The listener has as many rules with a regular expression as it can have.
    #[error("Too many rules with regular expressions on Listener {0}: at most {MAX_REGEXES}")]
    TooManyRegexes(ListenerId),
    /// The object, or what it is part of, cannot be changed now.
    #[error("{what} {id} is immutable and cannot be updated.")]
    Immutable {
        /// `Load Balancer`, `Pool`, `L7Policy`, …
        what: &'static str,
        /// Which.
        id: Uuid,
    },
    /// The load balancer itself cannot be changed now.
    #[error("Invalid state {state} of loadbalancer resource {id}")]
    InvalidState {
        /// What it is in.
        state: ProvisioningStatus,
        /// Which.
        id: LoadBalancerId,
    },
    /// The project has as many as it may have.
    #[error("Quota has been met for resources: {0}")]
    QuotaMet(ResourceKind),
    /// Somebody has the address.
    #[error(
        "The VIP IP address is already in use: IP address {address} is already allocated in \
         subnet {subnet}"
    )]
    AddressInUse {
        /// The address.
        address: IpAddr,
        /// Its subnet.
        subnet: SubnetId,
    },
    /// The load balancer is not empty, and nobody said that all of it shall go.
    #[error("Validation failure: Cannot delete Load Balancer {0} - it has children")]
    HasChildren(LoadBalancerId),
    /// A list was to be narrowed by something that is no column, or twice by the same.
    #[error("One or more arguments are either duplicate or invalid")]
    UnknownFilter(String),
    /// A list was to be sorted by something that is no column.
    #[error("Supplied sort key '{0}' is not valid.")]
    UnknownSortKey(String),
    /// A page was to begin behind something that is not in the list.
    #[error("Supplied pagination marker '{0}' is not valid.")]
    UnknownMarker(String),
    /// An object with this id is there already.
    #[error("Already an entity with that specified id.")]
    Duplicate,
    /// The database is overloaded or away; it may be tried again.
    #[error("The database does not answer now. Please try again.")]
    Busy,
    /// The disk of the database is full.
    #[error("The disk of the database is full. Nothing was changed; please try again later.")]
    Full,
    /// The database failed in a way that trying again does not help.
    #[error("failed to {attempt}")]
    Database {
        /// What was attempted.
        attempt: String,
        /// What the database said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// There is no such object.
    pub(crate) fn not_found<T: evenkeel_model::Resource>(id: T::Id) -> Self {
        Self::NotFound { kind: T::KIND, id: id.into() }
    }

    /// There is no such offering, nor profile.
    pub(crate) fn no_offering(what: &'static str, name: &impl ToString) -> Self {
        Self::NoOffering { what, name: name.to_string() }
    }

    /// What a value in the database cannot be.
    pub(crate) fn corrupt(what: &str, found: &str) -> Self {
        Self::database("read a row", format!("{found:?} is no {what}"))
    }

    /// Why an attempt failed, in words.
    pub(crate) fn database(attempt: &str, why: String) -> Self {
        let source = Box::<dyn std::error::Error + Send + Sync>::from(why);
        Self::Database { attempt: attempt.to_owned(), source: Arc::from(source) }
    }

    /// Whether the database, and not the request, is the cause: then nothing of the transaction
    /// holds.
    pub(crate) const fn is_trouble(&self) -> bool {
        matches!(self, Self::Busy | Self::Full | Self::Database { .. })
    }
}
