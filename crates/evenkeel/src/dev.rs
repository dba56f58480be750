//! `evenkeel dev`: control plane, agent and façades in one process on one machine.
//!
//! The control plane and the agent exchange the messages that two processes would. No root, no
//! OpenStack, no file: VIPs are loopback addresses, and Keystone, Neutron and Barbican are stand-ins.

mod banner;
mod demo;
pub(crate) mod home;
mod members;
pub(crate) mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use banner::Banner;
use home::Home;
use world::World;

use crate::service::{self, Stop};

/// What `evenkeel dev` can be told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the variables that make the stock clients work: eval "$(evenkeel dev env)".
    Env {
        /// Where the API listens.
        #[arg(long, default_value_t = default_listen())]
        listen: SocketAddr,
    },
}

/// How the service runs.
#[derive(Debug, Args)]
struct Run {
    /// Where the API listens: a loopback address. Port 0 takes a free one.
    #[arg(long, default_value_t = default_listen())]
    listen: SocketAddr,
    /// Keep the data in this directory, and let the HAProxies serve on while evenkeel is away.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Bring up three small members and a load balancer in front of them.
    #[arg(long)]
    demo: bool,
    /// The addresses that VIPs are taken from: a part of 127.0.0.0/8.
    #[arg(long, value_name = "CIDR", default_value = "127.86.0.0/16")]
    vips: ipnet::Ipv4Net,
    /// The HAProxy to run.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/haproxy")]
    haproxy: PathBuf,
    /// A template of lines to add to every section of every haproxy.cfg; see docs/haproxy.md.
    #[arg(long, value_name = "FILE")]
    haproxy_template: Option<PathBuf>,
    /// Seconds after which a change that is not served shows ERROR.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pending_seconds: u32,
}

fn default_listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9876)
}

/// Does what the arguments ask for, and returns when it is done.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Some(Command::Env { listen }) => {
            say(&banner::environment(listen));
            Ok(())
        }
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(arguments.run))
        }
    }
}

#[expect(clippy::print_stdout, reason = "the banner is for the person who typed the command")]
fn say(text: &str) {
    println!("{text}");
}

async fn serve(run: Run) -> anyhow::Result<()> {
    check(&run)?;
    service::log("warn")?;
    let listener = tokio::net::TcpListener::bind(run.listen).await.with_context(|| {
        format!("could not listen on {}; end what listens there, or choose --listen", run.listen)
    })?;
    let api = listener.local_addr()?;
    let home = Home::open(run.data.as_deref())?;
    let world = World::start(&run, listener, &home).await?;
    let demo = if run.demo { Some(demo::start(api, &world.token).await?) } else { None };
    let program = std::env::args().next().unwrap_or_else(|| "evenkeel".to_owned());
    let banner = Banner {
        api,
        program: &program,
        token: &world.token,
        vips: run.vips,
        kept_in: run.data.as_deref(),
        demo: demo.as_ref().map(|demo| demo.vip),
        trouble: trouble(&run),
    };
    let stop = Stop::listen()?;
    say(&banner.text());
    stop.said().await;
    drop(demo);
    world.stop().await;
    home.close();
    Ok(())
}

/// Refuses what would open the door to strangers.
fn check(run: &Run) -> anyhow::Result<()> {
    if !run.listen.ip().is_loopback() {
        bail!(
            "{} is not a loopback address: evenkeel dev lets in everybody with any password; \
             choose one such as 127.0.0.1:9876",
            run.listen
        );
    }
    let loopback = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    if !loopback.contains(&run.vips) || run.vips.prefix_len() > 29 {
        bail!("--vips {}: choose a part of 127.0.0.0/8 with at least 8 addresses", run.vips);
    }
    Ok(())
}

fn trouble(run: &Run) -> Option<String> {
    (!run.haproxy.is_file()).then(|| {
        format!(
            "no VIP will answer, because {} is missing: apt-get install haproxy (it is noticed \
             by itself)",
            run.haproxy.display()
        )
    })
}

/// How long a change may take until it shows `ERROR`.
const fn pending(run: &Run) -> Duration {
    Duration::from_secs(run.pending_seconds as u64)
}
