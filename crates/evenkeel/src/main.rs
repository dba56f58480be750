//! `evenkeel`: a load-balancer-as-a-service in one binary.
//!
//! Composes the rooms and holds no logic of its own.

mod agent;
mod client;
mod config;
mod dev;
mod doctor;
mod floating_address;
mod haproxy;
mod keys;
mod logs;
mod master;
mod network;
mod orphans;
mod password;
mod server;
mod service;
mod subnet;
mod template;
mod wanted;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use evenkeel_plumbing::process::leave_no_image;

/// A load-balancer-as-a-service that speaks the Octavia API.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane: the API, the database, and the sessions of agents.
    Server(server::Arguments),
    /// Run the agent of this node, which makes load balancers as the control plane says.
    Agent(agent::Arguments),
    /// Run everything in one process on this machine: no root, no OpenStack, not for production.
    Dev(dev::Arguments),
    /// Say what this node lacks to serve load balancers, and the cure.
    Doctor(doctor::Arguments),
    /// Take addresses of external networks, and let them stand for VIPs.
    FloatingAddress(floating_address::Arguments),
    /// Look at the HAProxies of this node, and ask them.
    Haproxy(haproxy::Arguments),
    /// Show what the HAProxy of a load balancer tells: of requests, of members and of itself.
    Logs(logs::Arguments),
    /// Show or change the master keys, which the secrets in the database are sealed with.
    Keys(keys::Arguments),
    /// List what is on this node and belongs to no load balancer that its agent holds.
    Orphans(orphans::Arguments),
    /// Make and change the networks that VIPs live in.
    Network(network::Arguments),
    /// Make and change the subnets of networks.
    Subnet(subnet::Arguments),
    /// Read a password from standard input, and print what the identity file keeps of it.
    Password,
    /// Print the OpenAPI document of the service.
    #[command(hide = true)]
    Openapi,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = leave_no_image() {
        complain(&error.into());
        return ExitCode::FAILURE;
    }
    let outcome = match arguments.command {
        Command::Server(arguments) => server::run(&arguments),
        Command::Agent(arguments) => agent::run(&arguments),
        Command::Dev(arguments) => dev::run(arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::FloatingAddress(arguments) => floating_address::run(arguments),
        Command::Haproxy(arguments) => haproxy::run(arguments),
        Command::Logs(arguments) => logs::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Orphans(arguments) => orphans::run(&arguments),
        Command::Network(arguments) => network::run(arguments),
        Command::Subnet(arguments) => subnet::run(arguments),
        Command::Password => password::run(),
        Command::Openapi => openapi(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn complain(error: &anyhow::Error) {
    eprintln!("evenkeel: {error:#}");
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn openapi() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&evenkeel_api::openapi::document())?);
    Ok(())
}
