//! The vocabulary of evenkeel: what a load balancer is.
//!
//! A *load balancer* is a graph: *listeners* on a VIP, *L7 policies* with their *rules*, *pools* of
//! *members*, and a *health monitor* for a pool. This crate says what each of them can be, and
//! nothing here reads a clock, a file or a random number: ids and times are brought by the caller.
//!
//! A value of these types is valid by itself. Rules between objects (a port that is taken, a pool
//! of another load balancer) are pure functions here, asked by the store within its transaction.

pub mod address;
pub mod attachment;
pub mod flavor;
pub mod generation;
pub mod graph;
pub mod health_monitor;
pub mod id;
pub mod l7_policy;
pub mod l7_rule;
pub mod listener;
pub mod load_balancer;
pub mod member;
pub mod network;
pub mod number;
pub mod observed;
pub mod offering;
pub mod pool;
pub mod protocol;
pub mod provider;
pub mod quota;
pub mod record;
pub mod regex;
pub mod roll_up;
pub mod status;
pub mod text;
pub mod timestamp;
pub mod tls;
pub mod violation;

pub use attachment::{Attachment, FloatingAddress, Route};
pub use generation::{Epoch, Generation};
pub use graph::LoadBalancerGraph;
pub use health_monitor::HealthMonitor;
pub use id::{
    AgentId, FloatingId, HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId,
    MaterialId, MemberId, NetworkId, OfferingId, PlacementId, PoolId, PortId, ProfileId, ProjectId,
    ResourceKind, SeriesId, SubnetId,
};
pub use l7_policy::L7Policy;
pub use l7_rule::L7Rule;
pub use listener::Listener;
pub use load_balancer::LoadBalancer;
pub use member::Member;
pub use pool::Pool;
pub use record::{Record, Resource};
pub use timestamp::Timestamp;
pub use violation::Violation;
