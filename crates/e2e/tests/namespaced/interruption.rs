//! An agent that is killed inside any step of building up or of taking down: the next one goes on.

use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_agent::failpoint::Point;
use evenkeel_e2e::net::{Snapshot, Stage, Switch, lab};

use crate::scenario::gone;
use crate::served::Served;

/// How long a change takes at most to come to its end, or to the point where the agent is killed.
const WHILE: Duration = Duration::from_secs(20);

/// More changes than a load balancer takes.
const MANY: usize = 60;

/// One life, with an agent that breaks off while it builds up. Says whether it did.
async fn broken_while_building(
    stage: &mut Stage,
    before: &Snapshot,
    failpoint: (&str, &str),
) -> anyhow::Result<bool> {
    restart(stage, &[failpoint]).await?;
    let served = Served::asked(stage, "2.2.2.20").await?;
    let broken = ended_or(stage, async |stage| served.answers(stage).await).await?;
    if !broken {
        stage.node.kill_agent().await?;
    }
    stage.node.start_agent(&[])?;
    served.answers(stage).await?;
    stage.delete(&served.id).await?;
    gone(stage, before).await?;
    Ok(broken)
}

/// One life, with an agent that breaks off while it takes down. Says whether it did.
async fn broken_while_taking_down(
    stage: &mut Stage,
    before: &Snapshot,
    failpoint: (&str, &str),
) -> anyhow::Result<bool> {
    let served = Served::at(stage, "2.2.2.20").await?;
    restart(stage, &[failpoint]).await?;
    let path = format!("/loadbalancers/{}", served.id);
    stage.node.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
    let broken = ended_or(stage, async |stage| {
        stage.node.until_gone(&path).await?;
        gone(stage, before).await
    })
    .await?;
    if broken {
        stage.node.start_agent(&[])?;
        stage.node.until_gone(&path).await?;
    }
    gone(stage, before).await?;
    Ok(broken)
}

async fn restart(stage: &mut Stage, environment: &[(&str, &str)]) -> anyhow::Result<()> {
    stage.node.kill_agent().await?;
    stage.node.start_agent(environment)
}

/// Whether the agent ended before `done` was.
async fn ended_or(
    stage: &mut Stage,
    done: impl AsyncFn(&Stage) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    // In turns: both look at the stage.
    let deadline = tokio::time::Instant::now() + WHILE;
    loop {
        if stage.node.agent_ends(Duration::from_millis(20)).await {
            return Ok(true);
        }
        let look = tokio::time::timeout(Duration::from_millis(500), done(stage)).await;
        if matches!(look, Ok(Ok(()))) {
            return Ok(false);
        }
        ensure!(tokio::time::Instant::now() < deadline, "neither broken nor done: {look:?}");
    }
}

/// Every change to kernel and switch, one after the other, until one is beyond the last.
async fn a_kill_before_any_change_is_mended(switch: Switch) -> anyhow::Result<()> {
    let mut stage = Stage::set(switch).await?;
    let before = stage.snapshot().await?;
    let mut steps = (0, 0);
    for number in 1..MANY {
        let plan = format!("abort:{number}");
        let plan = ("EVENKEEL_CHANGE_FAILPOINT", plan.as_str());
        let broken = broken_while_building(&mut stage, &before, plan).await;
        if !broken.with_context(|| format!("building, change {number}"))? {
            break;
        }
        steps.0 = number;
    }
    for number in 1..MANY {
        let plan = format!("abort:{number}");
        let plan = ("EVENKEEL_CHANGE_FAILPOINT", plan.as_str());
        let broken = broken_while_taking_down(&mut stage, &before, plan).await;
        if !broken.with_context(|| format!("taking down, change {number}"))? {
            break;
        }
        steps.1 = number;
    }
    ensure!(steps.0 >= 8 && steps.1 >= 2, "only {steps:?} changes were seen");
    Ok(())
}

#[test]
fn a_kill_before_any_change_to_the_kernel_is_mended() {
    lab(async || a_kill_before_any_change_is_mended(Switch::Bridge).await);
}

#[test]
fn a_kill_before_any_change_to_the_switch_is_mended() {
    lab(async || a_kill_before_any_change_is_mended(Switch::open_vswitch().await?).await);
}

/// Every named point of the agent.
#[test]
fn a_kill_at_any_point_of_the_agent_is_mended() {
    lab(async || {
        let mut stage = Stage::set(Switch::Bridge).await?;
        let before = stage.snapshot().await?;
        let leaving = Point::ALL.iter().position(|point| *point == Point::Leaving);
        let (building, down) = Point::ALL.split_at(leaving.context("there is a removal")?);
        for point in building {
            let plan = ("EVENKEEL_FAILPOINT", point.name());
            let broken = broken_while_building(&mut stage, &before, plan).await;
            ensure!(broken.with_context(|| point.name())?, "{point:?} was not reached");
        }
        for point in down {
            let plan = ("EVENKEEL_FAILPOINT", point.name());
            let broken = broken_while_taking_down(&mut stage, &before, plan).await;
            ensure!(broken.with_context(|| point.name())?, "{point:?} was not reached");
        }
        Ok(())
    });
}
