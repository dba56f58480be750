//! What `evenkeel server` can be told; `etc/server.toml` has every key with its default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use evenkeel_control::Config;
use evenkeel_store::Backend;
use serde::{Deserialize, Serialize};

use super::network::NetworkEntry;

/// What the control plane is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// What is logged, as `--log` says it.
    pub(crate) log: String,
    /// What the secrets in the database are sealed with; made with the first database.
    pub(crate) master_keys: PathBuf,
    /// Who may use the API; only its owner may read it.
    pub(crate) identity: PathBuf,
    pub(crate) database: Database,
    pub(crate) agents: Agents,
    pub(crate) api: Config,
    /// Networks that are there from the start; others are made over the API.
    pub(crate) networks: Vec<NetworkEntry>,
}

/// Where things are remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// A file of this machine; made if it is not there. Not used with a `url`.
    pub(crate) path: PathBuf,
    /// A PostgreSQL.
    pub(crate) url: Option<String>,
}

/// How agents connect.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Agents {
    /// The Unix socket.
    pub(crate) socket: PathBuf,
    /// Who may connect besides root and the user that the server runs as.
    pub(crate) uids: BTreeSet<u32>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            master_keys: "/var/lib/evenkeel/master.key".into(),
            identity: "/etc/evenkeel/identity.toml".into(),
            database: Database::default(),
            agents: Agents::default(),
            api: Config::default(),
            networks: Vec::new(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { path: "/var/lib/evenkeel/evenkeel.db".into(), url: None }
    }
}

impl Default for Agents {
    fn default() -> Self {
        Self { socket: "/run/evenkeel/agent.sock".into(), uids: BTreeSet::new() }
    }
}

impl Database {
    pub(crate) fn backend(&self) -> Backend {
        match &self.url {
            Some(url) => Backend::Postgres { url: url.clone() },
            None => Backend::Sqlite { path: self.path.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::assert_spelt_out;

    use super::*;

    #[test]
    fn the_file_spells_out_every_default() {
        assert_spelt_out::<ServerConfig>(include_str!("../../../../etc/server.toml"));
    }
}
