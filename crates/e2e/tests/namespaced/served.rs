//! A load balancer that serves, for tests that then do something to it.

use std::net::SocketAddr;

use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::graph::listener_with_pool;
use evenkeel_e2e::net::stage::{NEAR_SUBNET, namespace, vip};
use evenkeel_e2e::net::{Place, Stage};

use crate::traffic::balanced;

/// One listener on port 80, two members.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) id: String,
    /// The id of the VIP's port.
    pub(crate) port: String,
    pub(crate) vip: SocketAddr,
    /// The name of its namespace.
    pub(crate) namespace: String,
}

impl Served {
    /// Made, and seen to answer.
    pub(crate) async fn at(stage: &Stage, address: &str) -> anyhow::Result<Self> {
        let served = Self::asked(stage, address).await?;
        served.answers(stage).await?;
        Ok(served)
    }

    /// Asked for, and nothing more.
    pub(crate) async fn asked(stage: &Stage, address: &str) -> anyhow::Result<Self> {
        let served = Self::empty(stage, address).await?;
        served.listen(stage).await?;
        Ok(served)
    }

    /// Asked for without its listener.
    pub(crate) async fn empty(stage: &Stage, address: &str) -> anyhow::Result<Self> {
        let load_balancer = stage.load_balancer("web", NEAR_SUBNET, address).await?;
        Ok(Self {
            id: text(&load_balancer, "id")?,
            port: text(&load_balancer, "vip_port_id")?,
            vip: vip(&load_balancer, 80)?,
            namespace: namespace(&load_balancer)?,
        })
    }

    /// Asks for its listener, with both members.
    pub(crate) async fn listen(&self, stage: &Stage) -> anyhow::Result<()> {
        let [one, two, _] = stage.all();
        listener_with_pool(&stage.node, &self.id, 80, &[one, two]).await.map(drop)
    }

    /// Waits until it is ACTIVE and both members answer.
    pub(crate) async fn answers(&self, stage: &Stage) -> anyhow::Result<()> {
        stage.node.until_active(&self.id).await?;
        balanced(&stage.client, self.vip, &["one", "two"], SETTLE).await
    }

    /// The inside of its namespace.
    pub(crate) fn place(&self) -> anyhow::Result<Place> {
        Place::named(&self.namespace)
    }

    /// The device in its namespace, on a node with bridges.
    pub(crate) fn device(&self) -> String {
        format!("ns-{}", &self.port[..11])
    }
}
