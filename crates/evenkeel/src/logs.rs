//! `evenkeel logs`: what the HAProxy of a load balancer has told, of itself, of members and of
//! requests.

mod event;
mod follow;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use uuid::Uuid;

use crate::haproxy::{Node, choose_among};
use follow::Tail;

/// Between two looks at a file that somebody else writes to.
const LOOK: Duration = Duration::from_millis(250);

/// What `evenkeel logs` can be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The id, the name, or the beginning of the id of a load balancer.
    #[arg(value_name = "LOAD BALANCER")]
    load_balancer: String,
    /// Go on with what is told from now on, until ctrl-c.
    #[arg(long, short)]
    follow: bool,
    /// How each line is printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Where the files are; otherwise where the agent has them.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "config", "set"])]
    directory: Option<PathBuf>,
    #[command(flatten)]
    node: Node,
}

const EXAMPLES: &str = "Examples:\n  \
    evenkeel logs web                   what its HAProxy has told\n  \
    evenkeel logs web --follow          and goes on to tell\n  \
    evenkeel logs web --output json     for programs, an object on each line";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// As they are in the file.
    Text,
    /// One object a line.
    Json,
}

/// Does what the arguments ask for.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let path = file(arguments)?;
    let mut tail = Tail::of(&path).with_context(|| nothing(&path))?;
    loop {
        for line in tail.lines()? {
            if !print(&line, arguments.output)? {
                return Ok(());
            }
        }
        if !arguments.follow {
            return Ok(());
        }
        runtime.block_on(async { tokio::time::sleep(LOOK).await });
    }
}

/// Whether anybody still reads.
fn print(line: &str, output: Output) -> anyhow::Result<bool> {
    let text = match output {
        Output::Text => line.to_owned(),
        Output::Json => event::object(line).to_string(),
    };
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        printed => Ok(printed.map(|()| true)?),
    }
}

/// The file of the load balancer that is meant. One that is gone from this node is found by its
/// whole id.
fn file(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    let Arguments { load_balancer, directory, node, .. } = arguments;
    let within = |state: Option<&Path>| match directory {
        Some(directory) => Ok(directory.clone()),
        None => node.logs(state),
    };
    if let Ok(id) = load_balancer.parse::<Uuid>()
        && !node.is_dev()
    {
        let path = within(None)?.join(format!("{id}.log"));
        if path.exists() || directory.is_some() {
            return Ok(path);
        }
    }
    let (id, state) = choose_among(node, load_balancer)?;
    Ok(within(Some(&state))?.join(format!("{id}.log")))
}

fn nothing(path: &Path) -> String {
    format!(
        "nothing was told yet, or not to {}; the agent's configuration says whether and where \
         HAProxy's lines are kept",
        path.display()
    )
}
