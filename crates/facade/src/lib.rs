//! Small stand-ins of Keystone and Neutron, so that unmodified clients work on a laptop.
//!
//! The stock clients resolve names through the identity and the network service before they ask
//! for a load balancer. These façades answer just those questions, for three fixed projects and
//! the networks of our own store. They are for `evenkeel dev`: any password opens the door.

pub mod clock;
pub mod directory;
pub mod identity;
pub mod network;
pub mod refusal;

pub use directory::{Directory, Principal};
