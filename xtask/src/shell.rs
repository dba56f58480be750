//! Running other programs, and speaking to the terminal.
//!
//! Progress goes to the standard error, so that what a command prints for others to read, such as
//! the exports of `cargo xtask dev env`, has the standard output for itself.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore runs programs, takes the time and speaks to a person; the product does neither here"
)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is a folder of the workspace")
}

/// One plain line about what is going on.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// One line of what the chore was asked for.
pub(crate) fn answer(line: &str) {
    println!("{line}");
}

/// Where a program is, if the search path has it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    // Debian keeps servers where a plain user does not look.
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A program to run, with its arguments.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    shown: String,
}

impl Run {
    /// A program, in the root of the workspace and with no input.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Self { command, shown }
    }

    /// The cargo that runs this chore.
    pub(crate) fn cargo(subcommand: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let run = Self::new(cargo).arg(subcommand);
        Self { shown: format!("cargo {subcommand}"), ..run }
    }

    /// A binary of ours that was built before, in `debug` or `release`.
    pub(crate) fn built(profile: &str, name: &str) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Self::new(root().join(target).join(profile).join(name))
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// Adds several arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets it ask the person at the terminal.
    pub(crate) fn interactive(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Runs it to its end, with its output on our standard error.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let status = self
            .command
            .stdout(std::io::stderr())
            .status()
            .with_context(|| format!("cannot run `{}`", self.shown))?;
        if status.success() { Ok(()) } else { bail!("`{}` failed ({status})", self.shown) }
    }

    /// Runs it to its end, and gives what it wrote to its standard output.
    pub(crate) fn read(mut self) -> anyhow::Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run `{}`", self.shown))?;
        if !output.status.success() {
            bail!("`{}` failed ({})", self.shown, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` did not print text", self.shown))
    }

    /// Runs it to its end, and shows what it printed only if it fails.
    ///
    /// It prints into a file, because a service that an installation starts would hold a pipe open.
    pub(crate) fn run_hushed(mut self) -> anyhow::Result<()> {
        let place = root().join("target/set-up.log");
        fs::create_dir_all(root().join("target"))?;
        let log = File::create(&place)?;
        let status = self
            .command
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .with_context(|| format!("cannot run `{}`", self.shown))?;
        if status.success() {
            return Ok(());
        }
        say(&String::from_utf8_lossy(&fs::read(&place)?));
        bail!("`{}` failed ({status})", self.shown)
    }

    /// Runs it to its end without a sound, and says whether it ended well.
    pub(crate) fn quietly(mut self) -> bool {
        let silent = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    /// Runs it to its end, shows every line of both its outputs, and gives them too, whether it
    /// succeeds or not.
    pub(crate) fn watch(mut self) -> anyhow::Result<Watched> {
        let (lines, output) = std::io::pipe()?;
        let mut child = self
            .command
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot run `{}`", self.shown))?;
        // The command holds our copies of the writing end; without them the pipe ends with the child.
        drop(self.command);
        let mut text = String::new();
        for line in BufReader::new(lines).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            writeln!(std::io::stderr(), "{line}")?;
            text.push_str(&line);
            text.push('\n');
        }
        let succeeded = child.wait()?.success();
        Ok(Watched { succeeded, text })
    }

    /// Becomes the program, in the folder from which the chore was called.
    pub(crate) fn become_it(mut self) -> anyhow::Error {
        if let Ok(here) = std::env::current_dir() {
            self.command.current_dir(here);
        }
        let error = self.command.stdin(Stdio::inherit()).exec();
        anyhow::Error::new(error).context(format!("cannot run `{}`", self.shown))
    }
}

/// What a watched program did.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Whether it ended well.
    pub(crate) succeeded: bool,
    /// All that it printed.
    pub(crate) text: String,
}

/// Does something, and says how long it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
