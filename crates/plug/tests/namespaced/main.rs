//! The plugs against the real kernel, as root, in namespaces of the tests' own.
#![expect(clippy::unwrap_used, reason = "the lint's exemption for tests does not see their worlds")]

mod announced;
mod bridge;
mod broken;
mod ear;
mod floating;
mod lost;
mod ovs;
mod ovs_broken;
mod strangers;
mod switch;
mod taken;
mod world;
