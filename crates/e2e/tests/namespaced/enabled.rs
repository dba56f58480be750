//! The namespace is there while somebody is to be listened to, and not a moment longer.

use anyhow::ensure;
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::eventually;
use evenkeel_e2e::graph::listener_with_pool;
use evenkeel_e2e::net::stage::{NEAR_SUBNET, namespace, vip};
use evenkeel_e2e::net::{Place, Snapshot, Stage, Switch, lab};
use serde_json::{Value, json};

use crate::scenario::gone;
use crate::traffic::{balanced, unreachable};

/// A load balancer on the stage, and what was there before it.
struct Scene {
    stage: Stage,
    before: Snapshot,
    id: String,
    load_balancer: Value,
}

impl Scene {
    async fn set(switch: Switch) -> anyhow::Result<Self> {
        let stage = Stage::set(switch).await?;
        let before = stage.snapshot().await?;
        let load_balancer = stage.load_balancer("web", NEAR_SUBNET, "2.2.2.20").await?;
        let id = text(&load_balancer, "id")?;
        Ok(Self { stage, before, id, load_balancer })
    }

    async fn listener(&self, port: u16) -> anyhow::Result<String> {
        let (listener, _) =
            listener_with_pool(&self.stage.node, &self.id, port, &self.stage.all()).await?;
        text(&listener, "id")
    }

    async fn enable(&self, listener: &str, up: bool) -> anyhow::Result<()> {
        let body = json!({"listener": {"admin_state_up": up}});
        let path = format!("/listeners/{listener}");
        self.stage.node.call("PUT", &path, Some(body)).await?.expect(200).map(drop)
    }

    async fn serves(&self, port: u16) -> anyhow::Result<()> {
        self.stage.node.until_active(&self.id).await?;
        let vip = vip(&self.load_balancer, port)?;
        balanced(&self.stage.client, vip, &["one", "two", "three"], SETTLE).await
    }

    /// ACTIVE, without namespace, port, process or rule.
    async fn rests(&self) -> anyhow::Result<()> {
        self.stage.node.until_active(&self.id).await?;
        let name = namespace(&self.load_balancer)?;
        eventually("nothing of it runs", SETTLE, async || {
            ensure!(Place::named(&name).is_err(), "{name} is there");
            let running = self.stage.snapshot().await?.running_since(&self.before);
            ensure!(running.is_empty(), "{running:?}");
            Ok(())
        })
        .await
    }
}

async fn it_comes_and_goes(switch: Switch) -> anyhow::Result<()> {
    let scene = Scene::set(switch).await?;
    let first = scene.listener(80).await?;
    scene.serves(80).await?;
    scene.enable(&first, false).await?;
    scene.rests().await?;
    scene.enable(&first, true).await?;
    scene.serves(80).await?;
    // One of two that is disabled takes nothing from the other.
    let second = scene.listener(100).await?;
    scene.serves(100).await?;
    scene.enable(&first, false).await?;
    scene.serves(100).await?;
    unreachable(&scene.stage.client, vip(&scene.load_balancer, 80)?).await?;
    // The only one left is disabled.
    let path = format!("/listeners/{second}");
    scene.stage.node.call("DELETE", &path, None).await?.expect(204)?;
    scene.stage.node.until_gone(&path).await?;
    scene.rests().await?;
    scene.enable(&first, true).await?;
    scene.serves(80).await?;
    scene.stage.delete(&scene.id).await?;
    gone(&scene.stage, &scene.before).await
}

#[test]
fn a_namespace_comes_and_goes_with_the_only_enabled_listener_on_bridges() {
    lab(async || it_comes_and_goes(Switch::Bridge).await);
}

#[test]
fn a_namespace_comes_and_goes_with_the_only_enabled_listener_on_open_vswitch() {
    lab(async || it_comes_and_goes(Switch::open_vswitch().await?).await);
}
