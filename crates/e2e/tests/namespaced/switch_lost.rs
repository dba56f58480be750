//! Open vSwitch ends, starts again, and loses what it had; VIPs come back by themselves.

use anyhow::{bail, ensure};
use evenkeel_e2e::api::SETTLE;
use evenkeel_e2e::eventually;
use evenkeel_e2e::net::command::run;
use evenkeel_e2e::net::stage::{NEAR, segment};
use evenkeel_e2e::net::{Place, Snapshot, Stage, Switch, haproxies, lab};

use crate::served::Served;

/// Plugs a machine of the lab in again, whose device the switch has forgotten.
async fn plug_again(stage: &Stage, place: &Place, addresses: &[&str]) -> anyhow::Result<()> {
    let links = place.ip("-o link show").await?;
    let names = links.lines().filter_map(|line| line.split(": ").nth(1));
    for stale in names.filter(|name| name.starts_with("lab")) {
        place.ip(&format!("link del {stale}")).await?;
    }
    stage.switch.plug(place, &segment(NEAR, 102)?, addresses, &[]).await.map(drop)
}

/// Plugs both machines of the stage in again.
async fn machines_return(stage: &Stage) -> anyhow::Result<()> {
    let members = ["2.2.2.4/24", "2.2.2.5/24", "2.2.2.6/24"];
    plug_again(stage, &stage.servers, &members).await?;
    plug_again(stage, &stage.client, &["2.2.2.50/24"]).await
}

/// Deletes all of them, and waits until nothing is left but what the lab has plugged in again.
async fn clear(stage: &Stage, before: &Snapshot, served: &[&Served]) -> anyhow::Result<()> {
    for each in served {
        stage.delete(&each.id).await?;
    }
    eventually("nothing of ours is left", SETTLE, async || {
        let mut left = stage.snapshot().await?.since(before);
        left.retain(|it| !it.contains(" lab"));
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

#[test]
fn vips_come_back_when_open_vswitch_does() {
    lab(async || {
        let stage = Stage::set(Switch::open_vswitch().await?).await?;
        let before = stage.snapshot().await?;
        let served = Served::at(&stage, "2.2.2.20").await?;
        let Switch::OpenVswitch(switch) = &stage.switch else { bail!("it is Open vSwitch") };
        // Its port is lost.
        let tap = format!("tap{}", &served.port[..11]);
        run(&format!("ovs-vsctl del-port br-int {tap}")).await?;
        served.answers(&stage).await?;
        // What is asked for while nobody is there is made when somebody is.
        switch.stop().await?;
        let late = Served::asked(&stage, "2.2.2.21").await?;
        switch.resume().await?;
        machines_return(&stage).await?;
        late.answers(&stage).await?;
        served.answers(&stage).await?;
        clear(&stage, &before, &[&late, &served]).await
    });
}

/// The daemon takes all devices with it, those in namespaces too.
#[test]
fn vips_come_back_when_the_daemon_was_killed_during_changes() {
    lab(async || {
        let stage = Stage::set(Switch::open_vswitch().await?).await?;
        let before = stage.snapshot().await?;
        let served = Served::at(&stage, "2.2.2.20").await?;
        let leaving = Served::at(&stage, "2.2.2.21").await?;
        let Switch::OpenVswitch(switch) = &stage.switch else { bail!("it is Open vSwitch") };
        switch.stop_daemon().await?;
        let late = Served::asked(&stage, "2.2.2.22").await?;
        leave(&stage, &leaving).await?;
        switch.resume_daemon().await?;
        machines_return(&stage).await?;
        late.answers(&stage).await?;
        served.answers(&stage).await?;
        stage.node.until_gone(&format!("/loadbalancers/{}", leaving.id)).await?;
        clear(&stage, &before, &[&late, &served]).await
    });
}

/// Without the database nothing can be changed, and nothing that serves is touched. (Whether frames
/// pass meanwhile is the switch's affair: in userspace it stops, too.)
#[test]
fn changes_wait_for_the_database_of_the_switch_and_what_serves_is_left_alone() {
    lab(async || {
        let stage = Stage::set(Switch::open_vswitch().await?).await?;
        let before = stage.snapshot().await?;
        let served = Served::at(&stage, "2.2.2.20").await?;
        let serving = (haproxies()?, served.place()?.ip("-o -4 addr").await?);
        let leaving = Served::at(&stage, "2.2.2.21").await?;
        let Switch::OpenVswitch(switch) = &stage.switch else { bail!("it is Open vSwitch") };
        switch.stop_database().await?;
        let late = Served::asked(&stage, "2.2.2.22").await?;
        leave(&stage, &leaving).await?;
        eventually("the agent misses the database", SETTLE, async || {
            let log = stage.node.agent_log();
            let missed = |id: &str| {
                log.lines().any(|line| line.contains(id) && line.contains("Open vSwitch"))
            };
            ensure!(missed(&late.id) && missed(&served.id), "{log}");
            Ok(())
        })
        .await?;
        switch.resume_database().await?;
        late.answers(&stage).await?;
        stage.node.until_gone(&format!("/loadbalancers/{}", leaving.id)).await?;
        served.answers(&stage).await?;
        let mut now = (haproxies()?, served.place()?.ip("-o -4 addr").await?);
        now.0.retain(|pid| serving.0.contains(pid));
        ensure!(now == serving, "{now:?} instead of {serving:?}");
        clear(&stage, &before, &[&late, &served]).await
    });
}

/// Asks for the end of a load balancer, and does not wait for it.
async fn leave(stage: &Stage, leaving: &Served) -> anyhow::Result<()> {
    let path = format!("/loadbalancers/{}?cascade=true", leaving.id);
    stage.node.call("DELETE", &path, None).await?.expect(204).map(drop)
}
