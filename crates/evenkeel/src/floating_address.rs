//! `evenkeel floating-address`: addresses of external networks that stand for VIPs.

use clap::{ArgGroup, Args, Subcommand};
use evenkeel_api::client::{FLOATING_ADDRESS, NETWORK, SUBNET};
use serde_json::Value;

use crate::client::{Access, Said};

const COLUMNS: [&str; 5] = ["id", "address", "network_id", "fixed_address", "port_id"];

/// What `evenkeel floating-address` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all floating addresses.
    List,
    /// Show a floating address.
    Show {
        /// The address, or its id.
        address: String,
    },
    /// Take an address of an external network.
    Create(Create),
    /// Let a floating address stand for another port, or for none.
    Set(Set),
    /// Give floating addresses back.
    Delete {
        /// The addresses, or their ids.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// The id or name of the external network.
    #[arg(long)]
    network: String,
    /// The id or name of the subnet that it is of; by default any.
    #[arg(long)]
    subnet: Option<String>,
    /// The address; by default any that is free.
    #[arg(long)]
    address: Option<String>,
    /// The project that owns it; by default that of the port, or of whoever asks.
    #[arg(long)]
    project: Option<String>,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// The id of the port that it stands for: a load balancer's `vip_port_id`.
    #[arg(long, value_name = "ID")]
    port: Option<String>,
    /// Which of the port's addresses; by default the first of its family.
    #[arg(long, value_name = "ADDRESS", requires = "port")]
    fixed_address: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("target").required(true).args(["port", "no_port"])))]
struct Set {
    /// The address, or its id.
    address: String,
    /// The id of the port that it shall stand for: a load balancer's `vip_port_id`.
    #[arg(long, value_name = "ID")]
    port: Option<String>,
    /// Let it stand for nothing.
    #[arg(long)]
    no_port: bool,
    /// Which of the port's addresses; by default the first of its family.
    #[arg(long, value_name = "ADDRESS", requires = "port")]
    fixed_address: Option<String>,
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { access, command } = arguments;
    match command {
        Command::List => access.show_all(&access.connect()?.list(FLOATING_ADDRESS)?, &COLUMNS),
        Command::Show { address } => {
            access.show(&access.connect()?.find(FLOATING_ADDRESS, &address)?)
        }
        Command::Create(create) => make(&access, create),
        Command::Set(set) => {
            let client = access.connect()?;
            let id = client.id(FLOATING_ADDRESS, &set.address)?;
            let said = Said::default()
                .maybe("port_id", Some(set.port.map_or(Value::Null, Value::from)))
                .maybe("fixed_address", set.fixed_address);
            access.show(&client.update(FLOATING_ADDRESS, &id, said.body())?)
        }
        Command::Delete { addresses } => access.delete(FLOATING_ADDRESS, &addresses),
    }
}

fn make(access: &Access, create: Create) -> anyhow::Result<()> {
    let client = access.connect()?;
    let subnet = create.subnet.map(|subnet| client.id(SUBNET, &subnet)).transpose()?;
    let said = Said::default()
        .maybe("network_id", Some(client.id(NETWORK, &create.network)?))
        .maybe("subnet_id", subnet)
        .maybe("address", create.address)
        .maybe("project_id", create.project)
        .maybe("description", create.description)
        .maybe("port_id", create.port)
        .maybe("fixed_address", create.fixed_address);
    access.show(&client.create(FLOATING_ADDRESS, said.body())?)
}
