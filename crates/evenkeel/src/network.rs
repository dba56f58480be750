//! `evenkeel network`: the networks of our own.

use anyhow::bail;
use clap::{Args, Subcommand};
use evenkeel_api::client::NETWORK;
use serde_json::Value;

use crate::client::{Access, Said};

const COLUMNS: [&str; 7] = ["id", "name", "vlan", "mtu", "shared", "external", "subnets"];

/// What `evenkeel network` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all networks.
    List,
    /// Show a network.
    Show {
        /// Its id or name.
        network: String,
    },
    /// Make a network.
    Create(Create),
    /// Change a network; what is attached to it follows.
    Set(Set),
    /// Delete networks that have no ports, with their subnets.
    Delete {
        /// Their ids or names.
        #[arg(required = true)]
        networks: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name.
    name: String,
    /// The project that owns it; by default that of whoever asks.
    #[arg(long)]
    project: Option<String>,
    /// Whether all projects may use it.
    #[arg(long)]
    shared: bool,
    /// Whether it leads outside, so that floating addresses are taken from it.
    #[arg(long)]
    external: bool,
    /// The largest packet, in bytes; by default 1500.
    #[arg(long)]
    mtu: Option<u32>,
    /// 1 to 4094, of no other network; by default the lowest that is free.
    #[arg(long)]
    vlan: Option<u32>,
    /// A project that may use it besides its owner; several times for several.
    #[arg(long, value_name = "PROJECT")]
    allow: Vec<String>,
}

#[derive(Debug, Args)]
struct Set {
    /// Its id or name.
    network: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Whether all projects may use it.
    #[arg(long, value_name = "true|false")]
    shared: Option<bool>,
    /// Whether it leads outside.
    #[arg(long, value_name = "true|false")]
    external: Option<bool>,
    /// The largest packet, in bytes.
    #[arg(long)]
    mtu: Option<u32>,
    /// 1 to 4094, of no other network.
    #[arg(long, conflicts_with = "no_vlan")]
    vlan: Option<u32>,
    /// Somebody else keeps it apart from other networks.
    #[arg(long)]
    no_vlan: bool,
    /// The projects that may use it besides its owner, instead of those that might.
    #[arg(long, value_name = "PROJECT", conflicts_with = "allow_nobody")]
    allow: Vec<String>,
    /// Nobody may use it besides its owner.
    #[arg(long)]
    allow_nobody: bool,
}

impl Create {
    fn said(self) -> Said {
        Said::default()
            .maybe("name", Some(self.name))
            .maybe("project_id", self.project)
            .maybe("shared", Some(self.shared))
            .maybe("external", Some(self.external))
            .maybe("mtu", self.mtu)
            .maybe("vlan", self.vlan)
            .maybe("allowed_projects", Some(self.allow))
    }
}

impl Set {
    fn said(&self) -> Said {
        let allow = (self.allow_nobody || !self.allow.is_empty()).then(|| self.allow.clone());
        let vlan = self.vlan.map(Value::from).or(self.no_vlan.then_some(Value::Null));
        Said::default()
            .maybe("name", self.name.clone())
            .maybe("shared", self.shared)
            .maybe("external", self.external)
            .maybe("mtu", self.mtu)
            .maybe("vlan", vlan)
            .maybe("allowed_projects", allow)
    }
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { access, command } = arguments;
    match command {
        Command::List => access.show_all(&access.connect()?.list(NETWORK)?, &COLUMNS),
        Command::Show { network } => access.show(&access.connect()?.find(NETWORK, &network)?),
        Command::Create(create) => {
            access.show(&access.connect()?.create(NETWORK, create.said().body())?)
        }
        Command::Set(set) => {
            let said = set.said();
            if said.body().is_empty() {
                bail!("nothing to change; see evenkeel network set --help");
            }
            let client = access.connect()?;
            let id = client.id(NETWORK, &set.network)?;
            access.show(&client.update(NETWORK, &id, said.body())?)
        }
        Command::Delete { networks } => access.delete(NETWORK, &networks),
    }
}
