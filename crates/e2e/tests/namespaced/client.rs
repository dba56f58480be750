//! An operator with nothing but the stock `openstack` client, on a real network.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::net::node::Plan;
use evenkeel_e2e::net::stage::segment;
use evenkeel_e2e::net::{Node, Place, Segment, Snapshot, Switch, lab};
use evenkeel_e2e::{eventually, python};
use serde_json::Value;

use crate::traffic::balanced;

/// The node, and who works on it.
struct Operator(Node);

impl Operator {
    /// Runs a command.
    async fn does(&self, line: &str) -> anyhow::Result<String> {
        python::openstack(&self.0, line).await
    }

    /// What a command answers for programs.
    async fn asks(&self, line: &str) -> anyhow::Result<Value> {
        let printed = self.does(&format!("{line} -f json")).await?;
        serde_json::from_str(&printed).with_context(|| format!("{line}: {printed}"))
    }

    /// A network with its subnet, as the switch knows it.
    async fn network(&self, words: &str, vlan: u16, range: &str) -> anyhow::Result<Segment> {
        let tag = format!("--provider-network-type vlan --provider-segment {vlan}");
        let network = self.asks(&format!("network create {tag} {words}")).await?;
        let id = text(&network, "id")?;
        let subnet = format!("--network {id} --subnet-range {range}");
        self.does(&format!("subnet create {subnet} {}", text(&network, "name")?)).await?;
        segment(&id, vlan)
    }

    /// A load balancer with all that belongs to it. The client waits in steps of three seconds, so
    /// only for the first and the last.
    async fn load_balancer(&self) -> anyhow::Result<Value> {
        let kinds = [
            "listener create --name http --protocol HTTP --protocol-port 80 web",
            "pool create --name app --listener http --protocol HTTP --lb-algorithm ROUND_ROBIN",
            "member create --name one --address 10.7.0.4 --protocol-port 80 app",
            "member create --name two --address 10.7.0.5 --protocol-port 80 app",
            "healthmonitor create --type HTTP --delay 1 --timeout 1 --max-retries 1 --wait app",
        ];
        let made = self.asks("loadbalancer create --name web --vip-subnet-id web --wait").await?;
        ensure!(made["provisioning_status"] == "ACTIVE", "{made}");
        for kind in kinds {
            self.does(&format!("loadbalancer {kind}")).await?;
        }
        Ok(made)
    }

    /// Everything is known and seen to work.
    async fn sees_it_work(&self) -> anyhow::Result<()> {
        eventually("the status tree is ONLINE", SETTLE, async || {
            let tree: Value =
                serde_json::from_str(&self.does("loadbalancer status show web").await?)?;
            let pool = &tree["loadbalancer"]["listeners"][0]["pools"][0];
            let members = pool["members"].as_array().context("no members")?;
            let all = [&tree["loadbalancer"], pool].into_iter().chain(members);
            for part in all {
                ensure!(part["operating_status"] == "ONLINE", "{tree}");
                ensure!(part["provisioning_status"] == "ACTIVE", "{tree}");
            }
            ensure!(members.len() == 2, "{tree}");
            Ok(())
        })
        .await
    }
}

#[test]
fn the_stock_client_builds_and_clears_away_on_bridges() {
    lab(async || {
        let switch = Switch::Bridge;
        let plan = Plan { identity: true, ..Plan::default() };
        let operator = Operator(Node::start(&switch, &plan).await?);
        let inside = operator.network("web", 201, "10.7.0.0/24").await?;
        let outside = operator.network("--external outside", 202, "203.0.113.0/24").await?;
        let (servers, client, guest) =
            (Place::new("servers").await?, Place::new("client").await?, Place::new("guest").await?);
        switch.plug(&servers, &inside, &["10.7.0.4/24", "10.7.0.5/24"], &[]).await?;
        switch.plug(&client, &inside, &["10.7.0.50/24"], &[]).await?;
        switch.plug(&guest, &outside, &["203.0.113.50/24"], &[]).await?;
        let _members =
            (servers.member("one", "10.7.0.4:80")?, servers.member("two", "10.7.0.5:80")?);
        let before = Snapshot::take(&switch).await?;

        let made = operator.load_balancer().await?;
        let vip = SocketAddr::new(text(&made, "vip_address")?.parse()?, 80);
        balanced(&client, vip, &["one", "two"], SETTLE).await?;
        operator.sees_it_work().await?;
        let port = text(&made, "vip_port_id")?;
        let floating = operator.asks(&format!("floating ip create --port {port} outside")).await?;
        let floating = text(&floating, "floating_ip_address")?;
        balanced(&guest, SocketAddr::new(floating.parse()?, 80), &["one", "two"], SETTLE).await?;

        operator.does("loadbalancer delete --cascade --wait web").await?;
        let id = text(&made, "id")?;
        eventually("nothing of it is left", SETTLE, async || {
            let now = Snapshot::take(&switch).await?;
            let mut left = now.since(&before);
            // Directories that are made once and kept are not its own.
            left.retain(|it| !it.starts_with("file ") || it.contains(&id));
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await?;
        for kind in ["", "listener ", "pool "] {
            let left = operator.asks(&format!("loadbalancer {kind}list")).await?;
            ensure!(left == Value::Array(Vec::new()), "{kind}{left}");
        }
        operator.does(&format!("floating ip delete {floating}")).await?;
        operator.does("network delete web outside").await.map(drop)
    });
}
