//! A router between the networks of the lab.

use super::{Place, Segment, Switch};

/// A namespace that forwards between its legs, without rules or address translation.
#[derive(Clone, Debug)]
pub struct Router(Place);

impl Router {
    /// A router without legs.
    ///
    /// # Errors
    ///
    /// There is a namespace of this name.
    pub async fn new(name: &str) -> anyhow::Result<Self> {
        let place = Place::new(name).await?;
        place.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1").await?;
        Ok(Self(place))
    }

    /// A leg in a network, with the gateway's address and the length of the subnet's prefix.
    ///
    /// # Errors
    ///
    /// It cannot be plugged.
    pub async fn join(
        &self,
        switch: &Switch,
        segment: &Segment,
        gateway: &str,
    ) -> anyhow::Result<()> {
        switch.plug(&self.0, segment, gateway, None).await.map(drop)
    }
}
