//! A network as its switch knows it.

use evenkeel_model::NetworkId;

/// What keeps the traffic of one network apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The network; bridges are named after it.
    pub network: NetworkId,
    /// Its tag on a switch that all networks share.
    pub vlan: u16,
}

impl Segment {
    /// The bridge of the network, on nodes that have one for each.
    pub fn bridge(&self) -> String {
        format!("brq{}", &self.network.to_string()[..11])
    }
}
