//! What clients say: Octavia v2 bodies, faults, lists and views.
//!
//! A request's body is decoded into a `Create` or an `Update`, which turns into a value of the
//! model or refuses with the contract's words; a record of the store is shown by a `view`.
//! Nothing here speaks HTTP or touches a store.

pub mod amphora;
pub mod availability_zone;
pub mod availability_zone_profile;
#[cfg(feature = "client")]
pub mod client;
pub mod decode;
pub mod deployment;
pub mod fault;
pub mod flavor;
pub mod flavor_profile;
pub mod floating_address;
pub mod health_monitor;
pub mod l7_policy;
pub mod l7_rule;
pub mod list;
pub mod listener;
pub mod load_balancer;
pub mod member;
pub mod metadata;
pub mod network;
pub mod openapi;
pub mod pool;
pub mod provider;
pub mod quota;
pub mod route;
pub mod subnet;
pub mod view;
pub mod whole;

pub use deployment::Deployment;
pub use fault::Fault;
