//! The chores of the workspace: everything that people and CI run, in one place.

mod bench;
mod dev;
mod openapi;
mod setup;
mod shell;
mod test;
mod tidy;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// The chores of evenkeel.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Install what running needs, build, and run `evenkeel dev`.
    #[command(disable_help_flag = true)]
    Dev {
        /// The arguments of `evenkeel dev`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Install what the tests need, and check all there is to check.
    Test {
        /// Take more seeds, more repetitions and longer sessions.
        #[arg(long)]
        thorough: bool,
    },
    /// Check the rules of the house.
    Tidy,
    /// Write `docs/openapi.json`.
    Openapi {
        /// Only compare it with what the types say.
        #[arg(long)]
        check: bool,
    },
    /// Measure what is asked to be fast.
    #[command(disable_help_flag = true)]
    Bench {
        /// The arguments of the benchmarks: their names.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test { thorough } => test::run(thorough),
        Chore::Dev { arguments } => dev::run(&arguments).map(|()| ExitCode::SUCCESS),
        Chore::Tidy => tidy::run().map(|()| ExitCode::SUCCESS),
        Chore::Openapi { check } => openapi::run(check).map(|()| ExitCode::SUCCESS),
        Chore::Bench { arguments } => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        shell::say(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `evenkeel dev` is given.
    fn passed_on(words: &[&str]) -> Vec<OsString> {
        let line = ["cargo xtask", "dev"].iter().chain(words);
        match Chore::try_parse_from(line) {
            Ok(Chore::Dev { arguments }) => arguments,
            other => panic!("not a dev: {other:?}"),
        }
    }

    #[test]
    fn dev_passes_everything_on() {
        assert_eq!(passed_on(&["--demo", "--data", "a"]), ["--demo", "--data", "a"]);
        assert_eq!(passed_on(&["--", "--demo"]), ["--demo"]);
        assert_eq!(passed_on(&["env", "--listen", "b"]), ["env", "--listen", "b"]);
        assert_eq!(passed_on(&["--help"]), ["--help"]);
    }
}
