//! What others made under our names, or with our addresses, is refused and left alone.

use anyhow::{Context, ensure};
use evenkeel_e2e::api::{SETTLE, text};
use evenkeel_e2e::eventually;
use evenkeel_e2e::graph::listener_with_pool;
use evenkeel_e2e::net::command::run;
use evenkeel_e2e::net::stage::{NEAR_SUBNET, namespace};
use evenkeel_e2e::net::{Place, Stage, Switch, haproxies, lab};

use crate::served::Served;

/// A load balancer whose port and namespace are known, and who has no listener yet.
async fn empty(stage: &Stage, address: &str) -> anyhow::Result<serde_json::Value> {
    let load_balancer = stage.load_balancer("web", NEAR_SUBNET, address).await?;
    stage.node.until_active(&text(&load_balancer, "id")?).await?;
    Ok(load_balancer)
}

async fn listen(stage: &Stage, id: &str) -> anyhow::Result<()> {
    let [one, two, _] = stage.all();
    listener_with_pool(&stage.node, id, 80, &[one, two]).await.map(drop)
}

/// Waits until the agent has said that it refuses a stranger's thing of this name.
async fn refused(stage: &Stage, name: &str) -> anyhow::Result<()> {
    eventually(&format!("the agent refuses {name}"), SETTLE, async || {
        let log = stage.node.agent_log();
        ensure!(log.lines().any(|line| line.contains(name) && line.contains("WARN")), "{log}");
        Ok(())
    })
    .await
}

#[test]
fn a_strangers_namespace_and_device_are_refused_and_left_alone() {
    lab(async || {
        let stage = Stage::set(Switch::Bridge).await?;
        let load_balancer = empty(&stage, "2.2.2.20").await?;
        let (id, name) = (text(&load_balancer, "id")?, namespace(&load_balancer)?);
        let theirs = Place::new(&name).await?;
        theirs.ip("addr add 127.9.9.9/8 dev lo").await?;
        listen(&stage, &id).await?;
        refused(&stage, &name).await?;
        ensure!(theirs.ip("addr show lo").await?.contains("127.9.9.9"), "it was touched");
        ensure!(Place::named(&name).is_ok() && haproxies()?.is_empty());
        run(&format!("ip netns del {name}")).await?;
        stage.node.until_active(&id).await?;

        let load_balancer = empty(&stage, "2.2.2.21").await?;
        let id = text(&load_balancer, "id")?;
        let tap = format!("tap{}", &text(&load_balancer, "vip_port_id")?[..11]);
        run(&format!("ip link add {tap} type veth peer name theirs")).await?;
        let seen = run(&format!("ip -o link show {tap}")).await?;
        listen(&stage, &id).await?;
        refused(&stage, &tap).await?;
        ensure!(run(&format!("ip -o link show {tap}")).await? == seen, "it was touched");
        run(&format!("ip link del {tap}")).await?;
        stage.node.until_active(&id).await.map(drop)
    });
}

#[test]
fn an_address_that_somebody_has_is_not_taken() {
    lab(async || {
        let stage = Stage::set(Switch::Bridge).await?;
        stage.servers.ip("addr add 2.2.2.20/32 dev lo").await?;
        let theirs = stage.servers.member("theirs", "2.2.2.20:80")?;
        let served = Served::asked(&stage, "2.2.2.20").await?;
        refused(&stage, "2.2.2.20").await?;
        let answer = stage.client.get(theirs.socket(), "/").await;
        let answer = answer.with_context(|| stage.node.agent_log())?.expect(200)?;
        ensure!(answer.body == "theirs", "{answer:?}");
        stage.servers.ip("addr del 2.2.2.20/32 dev lo").await?;
        served.answers(&stage).await
    });
}
