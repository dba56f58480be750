//! `evenkeel doctor`: what a node needs, what it lacks, and the cure.

mod facts;
mod finding;
mod gather;
mod judge;
mod print;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::config::Place;
use crate::wanted::Wanted;
use finding::State;

/// What `evenkeel doctor` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Looks at the node and says what it lacks.
///
/// # Errors
///
/// Something is missing without which the node cannot serve.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let wanted = Wanted::read(&arguments.place)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let facts = runtime.block_on(gather::facts(&wanted));
    let findings = judge::findings(&facts);
    match arguments.output {
        Output::Table => crate::haproxy::say(&print::table(&findings))?,
        Output::Json => crate::haproxy::say(&print::json(&findings))?,
    }
    match findings.iter().filter(|it| it.state == State::Missing).count() {
        0 => Ok(()),
        1 => bail!("one thing is missing"),
        many => bail!("{many} things are missing"),
    }
}
