//! Anything may happen, in any order, as a seed has it. In the end all is well.
//!
//! `EVENKEEL_SEED=<n>` takes one seed; `EVENKEEL_THOROUGH=1` takes many.

use std::time::Duration;

use anyhow::Context as _;
use evenkeel_driver::fake::{Answer, Call};
use evenkeel_e2e::world::World;
use evenkeel_model::LoadBalancerId;
use tokio::runtime::Builder;

use super::PATIENCE;

/// Seeds that are taken by default, and thoroughly.
const SEEDS: u64 = 6;
const MANY_SEEDS: u64 = 500;

/// What happens in one run, and the most load balancers that are wanted at once.
const EVENTS: usize = 60;
const MOST: usize = 12;

#[test]
fn whatever_happens_all_is_well_in_the_end() {
    for seed in seeds() {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let run = runtime.unwrap().block_on(run(seed));
        run.with_context(|| format!("EVENKEEL_SEED={seed} shows it again")).unwrap();
    }
}

fn seeds() -> Vec<u64> {
    let said = |name| std::env::var(name).ok();
    match said("EVENKEEL_SEED").and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None if said("EVENKEEL_THOROUGH").is_some_and(|it| it == "1") => (0..MANY_SEEDS).collect(),
        None => (0..SEEDS).collect(),
    }
}

async fn run(seed: u64) -> anyhow::Result<()> {
    let mut world = World::new(4, seed).await?;
    for number in 0..EVENTS {
        happen(&mut world).await.with_context(|| format!("event {number}"))?;
        let millis = world.dice.below(6000);
        world.pass(Duration::from_millis(millis)).await?;
    }
    mend(&mut world).await?;
    world.eventually_settles(PATIENCE).await?;
    let wanted: Vec<_> = world.wanted.iter().copied().collect();
    for id in wanted {
        world.delete(id).await?;
    }
    world.eventually_settles(PATIENCE).await
}

/// One thing happens.
async fn happen(world: &mut World) -> anyhow::Result<()> {
    let wanted: Vec<LoadBalancerId> = world.wanted.iter().copied().collect();
    let chosen = world.dice.one_of(&wanted).copied();
    let at = usize::try_from(world.dice.below(4))?;
    match (world.dice.below(18), chosen) {
        (0..5, _) | (_, None) if wanted.len() < MOST => _ = world.create().await?,
        (5 | 6, Some(id)) => world.delete(id).await?,
        (7 | 8, Some(id)) => world.change(id).await?,
        (9, Some(id)) => world.control.store().failover(id).await?,
        (10, Some(id)) => world.nodes[at].driver.crash(id),
        (11, Some(id)) => misbehave(world, at, id),
        (12, _) => world.nodes[at].kill().await,
        (13 | 14, _) => world.nodes[at].start().await?,
        (15, _) if world.nodes[at].cable.is_cut() => world.nodes[at].cable.mend(),
        (15, _) => world.nodes[at].cable.cut(),
        (16, _) => {
            let point = 1 + world.dice.below(8);
            world.nodes[at].trap.set(point);
        }
        _ => {
            let loss = world.dice.below(200);
            world.nodes[at].cable.lose(loss);
        }
    }
    Ok(())
}

/// From now on, one node has its way with one load balancer.
fn misbehave(world: &mut World, at: usize, id: LoadBalancerId) {
    let calls = [Call::Apply, Call::Observe, Call::Remove];
    let answers = [Answer::Work, Answer::Fail, Answer::Hang];
    let call = world.dice.one_of(&calls).copied().unwrap();
    let answer = world.dice.one_of(&answers).copied().unwrap();
    world.nodes[at].driver.answer(id, call, answer);
}

/// All that was broken works again.
async fn mend(world: &mut World) -> anyhow::Result<()> {
    for node in &mut world.nodes {
        node.cable.lose(0);
        node.cable.mend();
        node.driver.heal();
        node.start().await?;
    }
    Ok(())
}
