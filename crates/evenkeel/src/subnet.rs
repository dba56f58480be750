//! `evenkeel subnet`: the subnets of the networks of our own.

use anyhow::bail;
use clap::{Args, Subcommand};
use evenkeel_api::client::{NETWORK, SUBNET};
use serde_json::{Value, json};

use crate::client::{Access, Said};

const COLUMNS: [&str; 5] = ["id", "name", "network_id", "cidr", "gateway_ip"];

/// What `evenkeel subnet` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all subnets.
    List,
    /// Show a subnet.
    Show {
        /// Its id or name.
        subnet: String,
    },
    /// Make a subnet.
    Create(Create),
    /// Change a subnet; what has an address of it follows.
    Set(Set),
    /// Delete subnets that no port has an address of.
    Delete {
        /// Their ids or names.
        #[arg(required = true)]
        subnets: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name.
    name: String,
    /// The id or name of its network.
    #[arg(long)]
    network: String,
    /// Its addresses, such as 10.0.0.0/24.
    #[arg(long)]
    cidr: String,
    #[command(flatten)]
    ways: Ways,
}

#[derive(Debug, Args)]
struct Set {
    /// Its id or name.
    subnet: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    ways: Ways,
    /// Take the host routes away.
    #[arg(long, conflicts_with = "route")]
    no_route: bool,
    /// Hand out all addresses.
    #[arg(long, conflicts_with = "pool")]
    no_pool: bool,
}

#[derive(Debug, Args)]
struct Ways {
    /// The way out, or none; a new subnet has its first address otherwise.
    #[arg(long, value_name = "ADDRESS|none")]
    gateway: Option<String>,
    /// A way to others, such as 10.8.0.0/16=10.0.0.2; several times for several.
    #[arg(long, value_name = "CIDR=ADDRESS", value_parser = route)]
    route: Vec<Value>,
    /// Where addresses are handed out from, such as 10.0.0.100-10.0.0.200; several times for
    /// several.
    #[arg(long, value_name = "FIRST-LAST", value_parser = pool)]
    pool: Vec<Value>,
}

fn route(text: &str) -> Result<Value, String> {
    let (to, by) = text.split_once('=').ok_or("a route is CIDR=ADDRESS")?;
    Ok(json!({"destination": to, "nexthop": by}))
}

fn pool(text: &str) -> Result<Value, String> {
    let (first, last) = text.split_once('-').ok_or("a pool is FIRST-LAST")?;
    Ok(json!({"start": first, "end": last}))
}

impl Ways {
    fn said(&self, said: Said) -> Said {
        let gateway = self.gateway.as_deref();
        let gateway = gateway.map(|it| if it == "none" { Value::Null } else { Value::from(it) });
        let some = |all: &[Value]| (!all.is_empty()).then(|| all.to_vec());
        said.maybe("gateway_ip", gateway)
            .maybe("host_routes", some(&self.route))
            .maybe("allocation_pools", some(&self.pool))
    }
}

impl Set {
    fn said(&self) -> Said {
        let none = |none: bool| none.then(|| Value::Array(Vec::new()));
        let said = Said::default().maybe("name", self.name.clone());
        self.ways
            .said(said)
            .maybe("host_routes", none(self.no_route))
            .maybe("allocation_pools", none(self.no_pool))
    }
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { access, command } = arguments;
    match command {
        Command::List => access.show_all(&access.connect()?.list(SUBNET)?, &COLUMNS),
        Command::Show { subnet } => access.show(&access.connect()?.find(SUBNET, &subnet)?),
        Command::Create(create) => {
            let client = access.connect()?;
            let said = Said::default()
                .maybe("network_id", Some(client.id(NETWORK, &create.network)?))
                .maybe("name", Some(create.name))
                .maybe("cidr", Some(create.cidr));
            access.show(&client.create(SUBNET, create.ways.said(said).body())?)
        }
        Command::Set(set) => {
            let said = set.said();
            if said.body().is_empty() {
                bail!("nothing to change; see evenkeel subnet set --help");
            }
            let client = access.connect()?;
            let id = client.id(SUBNET, &set.subnet)?;
            access.show(&client.update(SUBNET, &id, said.body())?)
        }
        Command::Delete { subnets } => access.delete(SUBNET, &subnets),
    }
}
