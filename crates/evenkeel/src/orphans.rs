//! `evenkeel orphans`: what is on this node and belongs to no load balancer that its agent holds.

mod found;
mod look;
mod ports;
mod remove;

use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::config::Place;
use crate::haproxy::{node::state_directories, say};
use crate::wanted::Wanted;
use found::{Found, Whose};

/// What `evenkeel orphans` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Remove what is ours, while no agent runs. What a stranger made is never removed.
    #[arg(long)]
    remove: bool,
    /// How what is found is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Lists orphans, and removes them if it is told to.
///
/// # Errors
///
/// Something cannot be looked at, or was not removed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(look(arguments))
}

async fn look(arguments: &Arguments) -> anyhow::Result<()> {
    let wanted = Wanted::read(&arguments.place)?;
    let _alone = arguments.remove.then(|| remove::alone(&wanted.state)).transpose()?;
    let mut all = orphans(&wanted).await?;
    let mut failed = BTreeMap::new();
    if arguments.remove {
        failed = removed(&all, &wanted).await;
        // A bridge is left over once its last port is gone.
        let more = orphans(&wanted).await?.into_iter().filter(|it| !all.contains(it));
        let more: Vec<Found> = more.collect();
        failed.extend(removed(&more, &wanted).await);
        all.extend(more);
    }
    print(&all, arguments, &failed)?;
    match failed.len() {
        0 => Ok(()),
        some => bail!("{some} could not be removed"),
    }
}

async fn orphans(wanted: &Wanted) -> anyhow::Result<Vec<Found>> {
    // What another agent of this node holds is no orphan, either.
    let (mut states, _) = state_directories()?;
    states.extend(wanted.state.exists().then(|| wanted.state.clone()));
    Ok(found::orphans(look::everything(wanted).await?, &look::held_by(&states)?))
}

/// Removes what is ours; what is still there, and why.
async fn removed(orphans: &[Found], wanted: &Wanted) -> BTreeMap<String, String> {
    let mut failed = BTreeMap::new();
    for orphan in orphans.iter().filter(|it| it.is_ours()) {
        if let Err(error) = remove::remove(&orphan.thing, wanted.database()).await {
            failed.insert(orphan.thing.name(), format!("{error:#}"));
        }
    }
    failed
}

fn print(
    orphans: &[Found],
    arguments: &Arguments,
    failed: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let fate = |it: &Found| match (it.whose, arguments.remove, failed.get(&it.thing.name())) {
        (Whose::Strangers, _, _) => "a stranger's, left alone".to_owned(),
        (_, false, _) if it.is_kept() => "kept for some days".to_owned(),
        (_, false, _) => "left over".to_owned(),
        (_, true, Some(why)) => format!("could not be removed: {why}"),
        (_, true, None) => "removed".to_owned(),
    };
    if arguments.output == Output::Json {
        let all: Vec<Value> = orphans.iter().map(|it| object(it, &fate(it))).collect();
        return say(&format!("{:#}", Value::Array(all)));
    }
    if orphans.is_empty() {
        return say("Nothing is left over on this node.");
    }
    let line = |it: &Found| format!("{:9}  {}  {}", it.thing.kind(), it.thing.name(), fate(it));
    let mut lines: Vec<String> = orphans.iter().map(line).collect();
    if !arguments.remove && orphans.iter().any(|it| it.is_ours() && !it.is_kept()) {
        lines.push(
            "A running agent removes what is left over; without one: evenkeel orphans --remove"
                .to_owned(),
        );
    }
    say(&lines.join("\n"))
}

fn object(orphan: &Found, fate: &str) -> Value {
    let load_balancer = match orphan.whose {
        Whose::LoadBalancer(id) => Some(id.to_string()),
        Whose::Nobodys | Whose::Strangers => None,
    };
    json!({
        "kind": orphan.thing.kind(),
        "name": orphan.thing.name(),
        "load_balancer": load_balancer,
        "ours": orphan.is_ours(),
        "fate": fate,
    })
}
