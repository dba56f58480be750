//! Linux, for those above who know nothing of it: processes and how they end, files that are
//! whole, network namespaces, devices and packets. The only crate that may hold unsafe code.

pub mod change;
pub mod confinement;
pub mod echo;
pub mod file;
#[cfg(feature = "isolation")]
pub mod isolation;
pub mod namespace;
pub mod netlink;
pub mod nft;
pub mod offload;
pub mod ovsdb;
pub mod packet;
pub mod probe;
pub mod process;
pub mod program;
pub mod running;
mod starter;
pub mod sysctl;
mod watched;

pub use change::changes;
pub use confinement::Confinement;
pub use namespace::{Named, Namespace, Namespaces};
pub use netlink::Netlink;
pub use ovsdb::{Ovsdb, OvsdbError};
pub use packet::Speaker;
pub use process::{Identity, Process};
pub use program::{Lifetime, Program};
pub use starter::starts;
