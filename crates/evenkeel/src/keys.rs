//! `evenkeel keys`: the master keys of a service that keeps its data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use evenkeel_control::rotation;
use evenkeel_vault::{Keyring, MasterKeys};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::dev::home::{self, Home};
use crate::dev::world;

/// How long a running service may take to seal everything anew.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(200);

/// What `evenkeel keys` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the names of the master keys, never the keys.
    Show(Place),
    /// Make a new master key, seal everything with it, and forget the old one. The service may run.
    Rotate(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// The directory that the service keeps its data in.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Show(place) => show(&place.data),
        Command::Rotate(place) => rotate(&place.data),
    }
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}

fn show(data: &Path) -> anyhow::Result<()> {
    let path = home::master_keys(data);
    let keys = MasterKeys::read(&path)?;
    let changed = OffsetDateTime::from(std::fs::metadata(&path)?.modified()?).date();
    for (place, id) in keys.ids().iter().enumerate() {
        let role = if place == 0 { "seals" } else { "opens what it has sealed before" };
        say(&format!("{id}  {role}"));
    }
    say(&format!("{} was last changed on {changed}.", path.display()));
    if keys.ids().len() > 1 {
        let data = data.display();
        say(&format!("A change is under way; to end it: evenkeel keys rotate --data {data}"));
    }
    Ok(())
}

/// A change that was begun and broken off is ended rather than begun anew.
fn rotate(data: &Path) -> anyhow::Result<()> {
    let path = home::master_keys(data);
    let mut keys = MasterKeys::read(&path)?;
    if keys.ids().len() == 1 {
        keys = MasterKeys::rotate(&path)?;
    }
    let new = keys.ids()[0];
    say(&format!("Everything is being sealed with {new}."));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(finish(data, &path))?;
    say(&format!("Done: {new} is the only master key. Copy {} anew.", path.display()));
    Ok(())
}

/// Has the running service seal everything anew, which notices the new key by itself; or does so
/// here, if none runs.
async fn finish(data: &Path, path: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while MasterKeys::read(path)?.ids().len() > 1 {
        if let Some(home) = Home::open_if_free(data)? {
            let store = world::open_store(&home).await?;
            let keyring = Keyring::open_or_make(path)?;
            rotation::finish(&store, &keyring).await.context("type the command again")?;
        } else if Instant::now() > deadline {
            bail!("the service that runs has not ended it; look at its log, it goes on by itself");
        } else {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}
