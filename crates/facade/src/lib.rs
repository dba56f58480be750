//! Small stand-ins of Keystone, Neutron and Barbican, so that unmodified clients work on a laptop.
//!
//! The stock clients resolve names through the identity and the network service before they ask
//! for a load balancer, and keep certificates in the key manager. These façades answer just those
//! questions, for a few users and projects and the networks and secrets of our own store. In
//! `evenkeel dev` any password opens the door; `evenkeel server` says who there is.

pub mod clock;
pub mod directory;
mod front_door;
pub mod identity;
pub mod key_manager;
pub mod network;
mod query;
pub mod refusal;

pub use directory::{Directory, Principal};
pub use front_door::{BadPublicUrl, FrontDoor, PublicUrl};
pub use key_manager::KeyManager;
