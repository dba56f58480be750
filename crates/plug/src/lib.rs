//! Brings VIPs to this node: a namespace for each load balancer, with a device in it that is
//! plugged into a Linux bridge or into Open vSwitch.
//!
//! What is inside of a namespace (addresses, routes, settings, announcements) is the same for all;
//! how a device gets into it is a [`Wiring`].

mod announcer;
pub mod bridge;
mod eviction;
mod furnishing;
mod interior;
pub mod names;
pub mod namespaced;
pub mod ovs;
mod router;
mod trouble;
pub mod wiring;

pub use bridge::Bridge;
pub use namespaced::Namespaced;
pub use ovs::{OpenVswitch, OvsOptions, Tagging};
pub use wiring::Wiring;
