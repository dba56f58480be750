//! Which agent is meant: where it keeps what it holds, and what its HAProxies tell.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::agent;
use crate::config::Place;

/// Which agent is meant. Without a word, whatever runs on the node is found.
#[derive(Debug, Default, Args)]
pub(crate) struct Node {
    /// Look in this directory of `evenkeel dev --data`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "set"])]
    pub(super) data: Option<PathBuf>,
    #[command(flatten)]
    pub(super) place: Place,
}

impl Node {
    /// Where the agent keeps what it holds, if it is named.
    ///
    /// # Errors
    ///
    /// What it is told cannot be read.
    pub(super) fn named(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.data {
            Some(data) => Ok(Some(std::path::absolute(data)?.join("agent"))),
            None if self.place.is_said() => self.state().map(Some),
            None => Ok(None),
        }
    }

    /// The same by the usual file of this machine, if it has one.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn usual(&self) -> anyhow::Result<Option<PathBuf>> {
        if Path::new(agent::FILE).exists() { self.state().map(Some) } else { Ok(None) }
    }

    /// Where HAProxy's lines are kept, of the agent that keeps what it holds in `state`.
    ///
    /// # Errors
    ///
    /// What the agent is told cannot be read.
    pub(crate) fn logs(&self, state: Option<&Path>) -> anyhow::Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(std::path::absolute(data)?.join("logs"));
        }
        let beside = state.and_then(Path::parent).map(|data| data.join("logs"));
        match beside.filter(|it| it.is_dir() && !self.place.is_said()) {
            Some(beside) => Ok(beside),
            None => Ok(agent::configuration(&self.place)?.haproxy.logs),
        }
    }

    /// Whether the agent is an `evenkeel dev`, by the word of the operator.
    pub(crate) fn is_dev(&self) -> bool {
        self.data.is_some()
    }

    fn state(&self) -> anyhow::Result<PathBuf> {
        Ok(std::path::absolute(agent::configuration(&self.place)?.state)?)
    }
}
