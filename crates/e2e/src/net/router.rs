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

    /// A leg in a network, with the gateway's addresses and the lengths of the subnets' prefixes.
    ///
    /// # Errors
    ///
    /// It cannot be plugged.
    pub async fn join(
        &self,
        switch: &Switch,
        segment: &Segment,
        gateways: &[&str],
    ) -> anyhow::Result<()> {
        switch.plug(&self.0, segment, gateways, &[]).await.map(drop)
    }
}
