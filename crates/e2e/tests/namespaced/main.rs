//! Real networks, in network, mount and process namespaces of each test's own. They need root.

mod client;
mod crashes;
mod enabled;
mod floating;
mod interruption;
mod repair;
mod scenario;
mod served;
mod strangers;
mod structure;
mod subnets;
mod switch_lost;
mod switches;
mod traffic;
