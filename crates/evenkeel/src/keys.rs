//! `evenkeel keys`: the master keys of a service that keeps its data.

mod service;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use evenkeel_control::rotation;
use evenkeel_vault::{Keyring, MasterKeys};
use time::OffsetDateTime;
use tokio::time::Instant;

use service::{Service, Whose};

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
    Show(Whose),
    /// Make a new master key, seal everything with it, and forget the old one. The service may run.
    Rotate(Whose),
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Show(whose) => show(&whose.service()?),
        Command::Rotate(whose) => rotate(&whose.service()?),
    }
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}

fn show(service: &Service) -> anyhow::Result<()> {
    let path = service.master_keys();
    let keys = MasterKeys::read(&path)?;
    let changed = OffsetDateTime::from(std::fs::metadata(&path)?.modified()?).date();
    for (place, id) in keys.ids().iter().enumerate() {
        let role = if place == 0 { "seals" } else { "opens what it has sealed before" };
        say(&format!("{id}  {role}"));
    }
    say(&format!("{} was last changed on {changed}.", path.display()));
    if keys.ids().len() > 1 {
        say(&format!("A change is under way; to end it: evenkeel keys rotate {}", service.named()));
    }
    Ok(())
}

/// A change that was begun and broken off is ended rather than begun anew.
fn rotate(service: &Service) -> anyhow::Result<()> {
    let path = service.master_keys();
    let mut keys = MasterKeys::read(&path)?;
    if keys.ids().len() == 1 {
        keys = MasterKeys::rotate(&path)?;
    }
    let new = keys.ids()[0];
    say(&format!("Everything is being sealed with {new}."));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(finish(service, &path))?;
    say(&format!("Done: {new} is the only master key. Copy {} anew.", path.display()));
    Ok(())
}

/// Has the running service seal everything anew, which notices the new key by itself; or does so
/// here, if none runs.
async fn finish(service: &Service, path: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while MasterKeys::read(path)?.ids().len() > 1 {
        if let Some(store) = service.store_if_free().await? {
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
