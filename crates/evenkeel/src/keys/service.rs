//! Whose keys are meant: those of an `evenkeel server` or of an `evenkeel dev`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use evenkeel_store::Store;
use tokio::net::UnixStream;

use crate::config::Place;
use crate::dev::home::{self, Home};
use crate::dev::world;
use crate::server::{self, ServerConfig};

/// Whose keys are meant.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The directory that an `evenkeel dev` keeps its data in.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "set"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// A service that keeps its data.
#[derive(Debug)]
pub(super) enum Service {
    /// What `evenkeel dev` has in a directory.
    Dev(PathBuf),
    /// What `evenkeel server` is told, and how that is said on the command line.
    Server { config: Box<ServerConfig>, named: String },
}

impl Whose {
    /// The service that is meant.
    ///
    /// # Errors
    ///
    /// None is, or what it is told cannot be read; the message has the cure.
    pub(super) fn service(&self) -> anyhow::Result<Service> {
        self.service_or(Path::new(server::FILE))
    }

    fn service_or(&self, usual: &Path) -> anyhow::Result<Service> {
        if let Some(data) = &self.data {
            return Ok(Service::Dev(data.clone()));
        }
        if !self.place.is_said() && !usual.exists() {
            bail!(
                "there is no {}; name the file of evenkeel server with --config FILE, or the \
                 directory of evenkeel dev with --data DIR",
                usual.display()
            );
        }
        let config = Box::new(server::configuration(&self.place)?);
        Ok(Service::Server { config, named: self.place.said() })
    }
}

impl Service {
    /// Where its keys are.
    pub(super) fn master_keys(&self) -> PathBuf {
        match self {
            Self::Dev(data) => home::master_keys(data),
            Self::Server { config, .. } => config.master_keys.clone(),
        }
    }

    /// How it is named on the command line.
    pub(super) fn named(&self) -> String {
        match self {
            Self::Dev(data) => format!("--data {}", data.display()),
            Self::Server { named, .. } => named.clone(),
        }
    }

    /// Its database, unless the service runs.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or it cannot be seen whether the service runs.
    pub(super) async fn store_if_free(&self) -> anyhow::Result<Option<Store>> {
        match self {
            Self::Dev(data) => match Home::open_if_free(data)? {
                Some(home) => Ok(Some(world::open_store(&home).await?)),
                None => Ok(None),
            },
            Self::Server { config, .. } if runs(&config.agents.socket).await? => Ok(None),
            Self::Server { config, .. } => Ok(Some(server::open_store(config).await?)),
        }
    }
}

/// Whether a server listens for agents: it does so from its start to its end.
async fn runs(socket: &Path) -> anyhow::Result<bool> {
    let refused = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
    match UnixStream::connect(socket).await {
        Ok(_) => Ok(true),
        Err(error) if refused.contains(&error.kind()) => Ok(false),
        Err(error) => Err(error).with_context(|| {
            format!(
                "could not see at {} whether evenkeel server runs; type the command as its user, \
                 or as root",
                socket.display()
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_names_no_service_is_told_how() {
        let place = Place::default();
        let said = Whose { data: None, place }.service_or(Path::new("/nowhere"));
        let said = said.unwrap_err().to_string();
        assert!(said.contains("--config FILE") && said.contains("--data DIR"), "{said}");
    }

    #[tokio::test]
    async fn a_server_runs_while_its_socket_answers() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("agent.sock");
        assert!(!runs(&socket).await.unwrap());
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        assert!(runs(&socket).await.unwrap());
        drop(listener);
        assert!(!runs(&socket).await.unwrap());
    }
}
