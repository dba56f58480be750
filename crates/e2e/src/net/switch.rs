//! The switch that a node's VIPs and the lab's own machines are plugged into.

mod open_vswitch;

use std::sync::atomic::{AtomicUsize, Ordering};

pub use open_vswitch::OpenVswitch;

use super::command::run;
use super::{Place, Segment};

/// One of the two that evenkeel plugs into.
#[derive(Debug)]
pub enum Switch {
    /// One Linux bridge for each network.
    Bridge,
    /// An Open vSwitch with a database of its own, switching in userspace.
    OpenVswitch(Box<OpenVswitch>),
}

/// The next device of the lab.
static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Switch {
    /// A running Open vSwitch, with an empty bridge `br-int`.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn open_vswitch() -> anyhow::Result<Self> {
        Ok(Self::OpenVswitch(Box::new(OpenVswitch::start().await?)))
    }

    /// Plugs a machine of the lab into a network: a device with these addresses (and the lengths of
    /// their subnets' prefixes), and a default route through each gateway. Gives the device's name.
    ///
    /// # Errors
    ///
    /// It cannot be plugged.
    pub async fn plug(
        &self,
        place: &Place,
        segment: &Segment,
        addresses: &[&str],
        gateways: &[&str],
    ) -> anyhow::Result<String> {
        let device = format!("lab{}", NEXT.fetch_add(1, Ordering::Relaxed));
        match self {
            Self::Bridge => bridge(place, segment, &device).await?,
            Self::OpenVswitch(switch) => switch.plug(place, segment, &device).await?,
        }
        for address in addresses {
            let nodad = if address.contains(':') { "nodad" } else { "" };
            place.ip(&format!("addr add {address} dev {device} {nodad}")).await?;
        }
        place.ip(&format!("link set {device} up")).await?;
        for gateway in gateways {
            place.ip(&format!("route add default via {gateway}")).await?;
        }
        Ok(device)
    }
}

async fn bridge(place: &Place, segment: &Segment, device: &str) -> anyhow::Result<()> {
    let (bridge, place) = (segment.bridge(), place.name());
    if run(&format!("ip link show {bridge}")).await.is_err() {
        run(&format!("ip link add {bridge} type bridge")).await?;
        run(&format!("ip link set {bridge} up")).await?;
    }
    run(&format!("ip link add {device}-o type veth peer name {device} netns {place}")).await?;
    run(&format!("ip link set {device}-o master {bridge} up")).await.map(drop)
}
