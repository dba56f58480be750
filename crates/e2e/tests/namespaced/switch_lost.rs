//! Open vSwitch ends, starts again, and loses what it had; VIPs come back by themselves.

use anyhow::{bail, ensure};
use evenkeel_e2e::api::SETTLE;
use evenkeel_e2e::eventually;
use evenkeel_e2e::net::command::run;
use evenkeel_e2e::net::stage::{NEAR, segment};
use evenkeel_e2e::net::{Place, Stage, Switch, lab};

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
        let members = ["2.2.2.4/24", "2.2.2.5/24", "2.2.2.6/24"];
        plug_again(&stage, &stage.servers, &members).await?;
        plug_again(&stage, &stage.client, &["2.2.2.50/24"]).await?;
        late.answers(&stage).await?;
        served.answers(&stage).await?;
        stage.delete(&late.id).await?;
        stage.delete(&served.id).await?;
        eventually("nothing of ours is left", SETTLE, async || {
            let mut left = stage.snapshot().await?.since(&before);
            // What the lab itself has plugged in again.
            left.retain(|it| !it.contains(" lab"));
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    });
}
