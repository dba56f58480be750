//! What somebody broke comes back by itself, and what nobody broke is left alone.

use anyhow::ensure;
use evenkeel_e2e::api::SETTLE;
use evenkeel_e2e::net::command::run;
use evenkeel_e2e::net::{Place, Stage, Switch, haproxies, lab};
use evenkeel_e2e::{eventually, lab as process};

use crate::scenario::gone;
use crate::served::Served;

/// Routes, addresses, settings: whatever the kernel says differs from what shall be.
async fn the_audit_brings_back(stage: &Stage, served: &Served) -> anyhow::Result<()> {
    let (place, device) = (served.place()?, served.device());
    let furniture = async || -> anyhow::Result<String> {
        let addresses = place.ip("-o addr show scope global").await?;
        let setting = place.run("sysctl -n net.ipv4.conf.all.promote_secondaries").await?;
        Ok(format!("{addresses}{}{setting}", place.ip("route show").await?))
    };
    let before = furniture().await?;
    let serving = haproxies()?;
    for broken in [
        "route del default".to_owned(),
        "route del 9.9.9.0/24".to_owned(),
        format!("addr flush dev {device} scope global"),
        format!("addr add 2.2.2.77/24 dev {device}"),
        format!("link set {device} down"),
        format!("link set {device} mtu 1300"),
    ] {
        place.ip(&broken).await?;
        eventually(&format!("`{broken}` is mended"), SETTLE, async || {
            let now = furniture().await?;
            let link = place.ip(&format!("-o link show {device}")).await?;
            ensure!(now == before, "{now}\ninstead of\n{before}");
            ensure!(link.contains("mtu 1450") && link.contains("LOWER_UP"), "{link}");
            Ok(())
        })
        .await?;
    }
    ensure!(haproxies()? == serving, "the repair touched the data path");
    served.answers(stage).await
}

/// As after a reboot: no namespace, no bridge, no process; only the files are there.
async fn a_reboot_is_survived(stage: &mut Stage, served: &Served) -> anyhow::Result<()> {
    stage.node.kill_agent().await?;
    haproxies()?.into_iter().for_each(process::kill);
    run(&format!("ip netns del {}", served.namespace)).await?;
    eventually("the namespace is gone", SETTLE, async || {
        ensure!(Place::named(&served.namespace).is_err() && haproxies()?.is_empty());
        Ok(())
    })
    .await?;
    stage.node.start_agent(&[])?;
    served.answers(stage).await
}

#[test]
fn what_was_broken_comes_back_on_bridges() {
    lab(async || {
        let mut stage = Stage::set(Switch::Bridge).await?;
        let before = stage.snapshot().await?;
        let served = Served::at(&stage, "2.2.2.20").await?;
        the_audit_brings_back(&stage, &served).await?;
        run(&format!("ip netns del {}", served.namespace)).await?;
        eventually("the lost namespace is back", SETTLE, async || {
            ensure!(served.place().is_ok() && haproxies()?.len() == 1, "{:?}", haproxies()?);
            stage.client.get(served.vip, "/").await?.expect(200).map(drop)
        })
        .await?;
        a_reboot_is_survived(&mut stage, &served).await?;
        stage.delete(&served.id).await?;
        gone(&stage, &before).await
    });
}

/// What an agent found in order it does not touch: the same processes, no change to the kernel.
#[test]
fn an_agent_that_starts_again_changes_nothing() {
    lab(async || {
        let mut stage = Stage::set(Switch::Bridge).await?;
        let mut served = Vec::new();
        for last in 20..24 {
            served.push(Served::at(&stage, &format!("2.2.2.{last}")).await?);
        }
        let before = (haproxies()?, stage.snapshot().await?);
        stage.node.kill_agent().await?;
        for each in &served {
            stage.client.get(each.vip, "/").await?.expect(200)?;
        }
        let logged = stage.node.agent_log().len();
        stage.node.start_agent(&[])?;
        let line = eventually("the agent is in sync", SETTLE, async || {
            // A request meanwhile fails the test.
            stage.client.get(served[0].vip, "/").await?.expect(200)?;
            let log = stage.node.agent_log();
            let line = log[logged..].lines().find(|line| line.contains("in sync"));
            line.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("{}", &log[logged..]))
        })
        .await?;
        ensure!(line.contains("netlink_writes=0"), "{line}");
        ensure!(line.contains("starts=0"), "{line}");
        ensure!((haproxies()?, stage.snapshot().await?) == before, "something is different");
        Ok(())
    });
}

/// A HAProxy that cannot be started, because an operator broke it: the agent says so of each load
/// balancer, and all serve by themselves when it is whole again.
#[test]
fn a_broken_haproxy_is_told_of_and_healed_on_bridges() {
    lab(async || {
        let stage = Stage::set(Switch::Bridge).await?;
        let served = Served::at(&stage, "2.2.2.20").await?;
        // No program at all, in this mount namespace only.
        run("mount --bind /dev/null /usr/sbin/haproxy").await?;
        haproxies()?.into_iter().for_each(process::kill);
        let late = Served::asked(&stage, "2.2.2.21").await?;
        eventually("the reason is told", SETTLE, async || {
            let log = stage.node.agent_log();
            let told = |id: &str| {
                let mut lines = log.lines().filter(|line| line.contains(id));
                lines.any(|line| line.contains("could not start HAProxy"))
            };
            ensure!(told(&late.id) && told(&served.id), "{log}");
            Ok(())
        })
        .await?;
        let path = format!("/loadbalancers/{}", served.id);
        stage.node.until(&path, "operating_status", "ERROR").await?;
        run("umount /usr/sbin/haproxy").await?;
        late.answers(&stage).await?;
        served.answers(&stage).await?;
        stage.node.until(&path, "operating_status", "ONLINE").await.map(drop)
    });
}
