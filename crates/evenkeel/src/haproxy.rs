//! `evenkeel haproxy`: the operators' window onto the HAProxies of this node.

mod choice;
pub(crate) mod node;
mod table;
mod told;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evenkeel_haproxy::window::{Line, Rights, Window};
use serde_json::json;

use choice::choose;
use node::Entry;
pub(crate) use told::Node;

/// What `evenkeel haproxy` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The id, the name, or the beginning of the id of a load balancer; all are listed without.
    #[arg(value_name = "LOAD BALANCER")]
    load_balancer: Option<String>,
    #[command(flatten)]
    node: Node,
    /// Send commands that change the running HAProxy, too: the agent does not know of them.
    #[arg(long)]
    force: bool,
    /// How what is found is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// A command for HAProxy's runtime socket.
    #[arg(last = true, value_name = "COMMAND", requires = "load_balancer")]
    command: Vec<String>,
}

const EXAMPLES: &str = "Examples:\n  \
    evenkeel haproxy                          what runs on this node\n  \
    evenkeel haproxy web                      where its files and processes are\n  \
    evenkeel haproxy web -- show stat         what HAProxy says\n  \
    evenkeel haproxy web -- \"show info; show sess\"\n  \
    evenkeel haproxy --force web -- shutdown sessions server POOL/MEMBER";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(answer(arguments))
}

/// The id of the load balancer that is meant, and where its agent keeps what it holds.
///
/// # Errors
///
/// None is, or several are; the message has the cure.
pub(crate) fn choose_among(node: &Node, wanted: &str) -> anyhow::Result<(String, PathBuf)> {
    let entries = node::entries(node)?;
    let entry = choose(&entries, wanted)?;
    Ok((entry.id(), entry.state_directory.clone()))
}

async fn answer(arguments: Arguments) -> anyhow::Result<()> {
    // First, so that a command that would not be sent anyhow is refused whatever runs.
    let rights = if arguments.force { Rights::Change } else { Rights::Ask };
    let command = &arguments.command;
    let line = (!command.is_empty()).then(|| Line::new(command, rights)).transpose()?;
    let entries = node::entries(&arguments.node)?;
    let Some(wanted) = &arguments.load_balancer else {
        return list(&entries, arguments.output).await;
    };
    let entry = choose(&entries, wanted)?;
    match line {
        None => show(entry, arguments.output).await,
        Some(line) => {
            let answer = Window::onto(entry.site()?).ask(&line).await?;
            say(answer.trim_end_matches('\n'))
        }
    }
}

async fn list(entries: &[Entry], output: Output) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for entry in entries {
        rows.push((entry, entry.look().await?));
    }
    match output {
        Output::Table => say(&table::of_all(&rows)),
        Output::Json => {
            let all = rows.iter().map(|(entry, seen)| table::object(entry, seen.as_ref()));
            say(&format!("{:#}", json!(all.collect::<Vec<_>>())))
        }
    }
}

async fn show(entry: &Entry, output: Output) -> anyhow::Result<()> {
    let seen = entry.look().await?;
    match output {
        Output::Table => say(&table::of_one(entry, seen.as_ref())),
        Output::Json => say(&format!("{:#}", table::object(entry, seen.as_ref()))),
    }
}

/// Prints a text. Whoever reads only its beginning, as `head` does, has had enough.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => Ok(said?),
    }
}
