//! What most tests of real networks play on: two networks with a router between them, three members
//! and a client, and a node.

use std::net::SocketAddr;

use evenkeel_model::NetworkId;
use serde_json::{Value, json};

use super::node::Plan;
use super::{Node, Place, Router, Segment, Snapshot, Switch};
use crate::api::text;
use crate::member::Backend;

/// The network of members and client: 2.2.2.0/24 and `fd02::/64`.
pub const NEAR: &str = "22222222-2222-4222-8222-222222222222";
/// Its subnets, which have a gateway.
pub const NEAR_SUBNET: &str = "22222222-2222-4222-8222-000000000004";
/// See [`NEAR_SUBNET`].
pub const NEAR_SUBNET_V6: &str = "22222222-2222-4222-8222-000000000006";
/// The network behind the router: 7.7.7.0/24 and `fd07::/64`.
pub const FAR: &str = "77777777-7777-4777-8777-777777777777";
/// Its subnets, which have a gateway.
pub const FAR_SUBNET: &str = "77777777-7777-4777-8777-000000000004";
/// See [`FAR_SUBNET`].
pub const FAR_SUBNET_V6: &str = "77777777-7777-4777-8777-000000000006";

/// A network that leads outside, 203.0.113.0/24; and one with the addresses of the near one, of
/// another tenant.
pub const OUTER: &str = "55555555-5555-4555-8555-555555555555";
/// See [`OUTER`].
pub const TWIN: &str = "44444444-4444-4444-8444-444444444444";
/// 2.2.2.0/24 once more.
pub const TWIN_SUBNET: &str = "44444444-4444-4444-8444-000000000004";

/// A subnet with room for many, 10.16.0.0/16, in a network with nobody else in it.
pub const WIDE_SUBNET: &str = "11111111-1111-4111-8111-000000000004";

/// The stage, set.
#[derive(Debug)]
pub struct Stage {
    /// What everything is plugged into.
    pub switch: Switch,
    /// The node.
    pub node: Node,
    /// The machine of the members, in the near network.
    pub servers: Place,
    /// One, two and three, on port 80.
    pub members: [Backend; 3],
    /// A machine in the near network, 2.2.2.50.
    pub client: Place,
    /// Its device.
    pub device: String,
}

impl Stage {
    /// Sets the stage around a switch.
    ///
    /// # Errors
    ///
    /// Something cannot be made; the message has what.
    pub async fn set(switch: Switch) -> anyhow::Result<Self> {
        Self::set_with(switch, &Plan::default()).await
    }

    /// The same, with a node that is set up as `plan` says.
    ///
    /// # Errors
    ///
    /// Something cannot be made; the message has what.
    pub async fn set_with(switch: Switch, plan: &Plan) -> anyhow::Result<Self> {
        let (near, far) = (segment(NEAR, 102)?, segment(FAR, 107)?);
        let router = Router::new("router").await?;
        router.join(&switch, &near, &["2.2.2.1/24", "fd02::1/64"]).await?;
        router.join(&switch, &far, &["7.7.7.1/24", "fd07::1/64"]).await?;
        let ways = ["2.2.2.1", "fd02::1"];
        let servers = Place::new("servers").await?;
        let own =
            ["2.2.2.4/24", "2.2.2.5/24", "2.2.2.6/24", "fd02::4/64", "fd02::5/64", "fd02::6/64"];
        switch.plug(&servers, &near, &own, &ways).await?;
        let client = Place::new("client").await?;
        let device = switch.plug(&client, &near, &["2.2.2.50/24", "fd02::50/64"], &ways).await?;
        let members = [
            servers.member("one", "2.2.2.4:80")?,
            servers.member("two", "2.2.2.5:80")?,
            servers.member("three", "2.2.2.6:80")?,
        ];
        let node = Node::start(&switch, plan).await?;
        let stage = Self { switch, node, servers, members, client, device };
        // Whatever a node makes once and keeps is made for the first.
        let first = text(&stage.load_balancer("first", NEAR_SUBNET, "2.2.2.19").await?, "id")?;
        stage.node.until_active(&first).await?;
        stage.delete(&first).await?;
        Ok(stage)
    }

    /// All three members.
    pub fn all(&self) -> [&Backend; 3] {
        self.members.each_ref()
    }

    /// A load balancer of this name and VIP address, with nothing in it.
    ///
    /// # Errors
    ///
    /// It was refused.
    pub async fn load_balancer(
        &self,
        name: &str,
        subnet: &str,
        address: &str,
    ) -> anyhow::Result<Value> {
        let body = json!({"loadbalancer": {
            "name": name, "vip_subnet_id": subnet, "vip_address": address,
        }});
        self.node.create("/loadbalancers", body).await
    }

    /// Deletes a load balancer with all that is in it, and waits until the API has forgotten it.
    ///
    /// # Errors
    ///
    /// It is refused, or not done in time.
    pub async fn delete(&self, load_balancer: &str) -> anyhow::Result<()> {
        let path = format!("/loadbalancers/{load_balancer}");
        self.node.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
        self.node.until_gone(&path).await
    }

    /// What is on the node now.
    ///
    /// # Errors
    ///
    /// It cannot be looked at.
    pub async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        Snapshot::take(&self.switch).await
    }
}

/// The socket of a VIP.
///
/// # Errors
///
/// The object has no VIP.
pub fn vip(load_balancer: &Value, port: u16) -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::new(text(load_balancer, "vip_address")?.parse()?, port))
}

/// The namespace of a load balancer.
///
/// # Errors
///
/// The object has no id.
pub fn namespace(load_balancer: &Value) -> anyhow::Result<String> {
    Ok(format!("qlbaas-{}", text(load_balancer, "id")?))
}

/// A network of the stage, as its switch knows it.
///
/// # Errors
///
/// The text is no id.
pub fn segment(network: &str, vlan: u16) -> anyhow::Result<Segment> {
    Ok(Segment { network: network.parse::<NetworkId>()?, vlan })
}

/// The networks of the stage, as the server is told them.
pub(super) const NETWORKS: &str = r#"
[[networks]]
id = "22222222-2222-4222-8222-222222222222"
name = "near"
project = "d0000000000000000000000000000001"
shared = true
mtu = 1450
vlan = 102
[[networks.subnets]]
id = "22222222-2222-4222-8222-000000000004"
name = "near"
cidr = "2.2.2.0/24"
gateway = "2.2.2.1"
host_routes = [{ destination = "9.9.9.0/24", next_hop = "2.2.2.9" }]
[[networks.subnets]]
id = "22222222-2222-4222-8222-000000000006"
name = "near-v6"
cidr = "fd02::/64"
gateway = "fd02::1"

[[networks]]
id = "77777777-7777-4777-8777-777777777777"
name = "far"
project = "d0000000000000000000000000000001"
shared = true
mtu = 1450
vlan = 107
[[networks.subnets]]
id = "77777777-7777-4777-8777-000000000004"
name = "far"
cidr = "7.7.7.0/24"
gateway = "7.7.7.1"
[[networks.subnets]]
id = "77777777-7777-4777-8777-000000000006"
name = "far-v6"
cidr = "fd07::/64"
gateway = "fd07::1"

[[networks]]
id = "55555555-5555-4555-8555-555555555555"
name = "outer"
project = "d0000000000000000000000000000001"
external = true
vlan = 105
[[networks.subnets]]
id = "55555555-5555-4555-8555-000000000004"
name = "outer"
cidr = "203.0.113.0/24"
gateway = "203.0.113.1"

[[networks]]
id = "44444444-4444-4444-8444-444444444444"
name = "twin"
project = "d0000000000000000000000000000001"
shared = true
vlan = 104
[[networks.subnets]]
id = "44444444-4444-4444-8444-000000000004"
name = "twin"
cidr = "2.2.2.0/24"
gateway = "2.2.2.1"

[[networks]]
id = "11111111-1111-4111-8111-111111111111"
name = "wide"
project = "d0000000000000000000000000000001"
shared = true
vlan = 101
[[networks.subnets]]
id = "11111111-1111-4111-8111-000000000004"
name = "wide"
cidr = "10.16.0.0/16"
gateway = "10.16.0.1"
"#;
