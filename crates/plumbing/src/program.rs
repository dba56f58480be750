//! Starting programs: with an empty environment, in a session of their own, and either bound to
//! the life of this process or free of it.
#![expect(unsafe_code, reason = "what a child does between fork and exec")]
#![expect(clippy::disallowed_methods, reason = "this is where children are started")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::process::{Identity, Process};

/// How much of what a program says is kept.
const OUTPUT: u64 = 64 * 1024;

/// Whether a child ends with this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It is killed when this process ends, however that happens.
    WithParent,
    /// It lives on.
    OutlivesParent,
}

/// A program to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file to run.
    pub path: PathBuf,
    /// What follows its name.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Whether it ends with this process.
    pub lifetime: Lifetime,
}

/// A program that was started, and what it says.
#[derive(Debug)]
pub struct Started {
    /// The process.
    pub process: Process,
    output: File,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether its exit status was 0.
    pub succeeded: bool,
    /// What it said, on both channels.
    pub said: String,
}

impl Started {
    /// What it has said so far.
    pub fn said(&mut self) -> String {
        said(&mut self.output)
    }
}

struct Order {
    program: Program,
    output: File,
    answer: oneshot::Sender<io::Result<std::process::Child>>,
}

/// A child that shall end with its parent ends with the *thread* that started it, so there is one
/// thread that starts all children and never ends.
static STARTER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for Order { program, output, answer } in orders {
            // Nobody may wait any more; a child that ends with its parent then ends with us.
            let _ = answer.send(start(&program, output));
        }
    });
    sender
});

fn start(program: &Program, output: File) -> io::Result<std::process::Child> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(&program.directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let lifetime = program.lifetime;
    // SAFETY: between fork and exec the closure makes two system calls and touches no memory that
    // another thread may hold a lock on.
    unsafe {
        command.pre_exec(move || {
            // A session of its own: ctrl-c in a terminal is not for it.
            setsid()?;
            match lifetime {
                Lifetime::WithParent => set_parent_process_death_signal(Some(Signal::KILL))?,
                Lifetime::OutlivesParent => {}
            }
            Ok(())
        });
    }
    command.spawn()
}

async fn order(program: Program) -> io::Result<(std::process::Child, File)> {
    let output = unnamed_file()?;
    let (answer, started) = oneshot::channel();
    let order = Order { program, output: output.try_clone()?, answer };
    STARTER.send(order).map_err(io::Error::other)?;
    Ok((started.await.map_err(io::Error::other)??, output))
}

/// A file in memory that nobody else can open.
fn unnamed_file() -> io::Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create("output", flags)?.into())
}

fn said(output: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = output.rewind().and_then(|()| output.take(OUTPUT).read_to_end(&mut bytes));
    read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

impl Program {
    /// Starts it, and does not wait for its end.
    ///
    /// # Errors
    ///
    /// What the system said: the file is missing, is no program, or there is no room for a process.
    pub async fn start(self) -> io::Result<Started> {
        let (mut child, output) = order(self).await?;
        let adopted = match Identity::of(child.id()) {
            Some(identity) => Process::adopt(identity)?,
            None => None,
        };
        if let Some(process) = adopted {
            return Ok(Started { process, output });
        }
        let (status, mut output) = (child.wait()?, output);
        Err(io::Error::other(format!("ended at once with {status}: {}", said(&mut output))))
    }

    /// Runs it to its end, and kills it when that takes longer than `deadline`.
    ///
    /// # Errors
    ///
    /// As [`Program::start`]; [`io::ErrorKind::TimedOut`] if it was killed.
    pub async fn run(self, deadline: Duration) -> io::Result<Ended> {
        let (mut child, mut output) = order(self).await?;
        if let Some(identity) = Identity::of(child.id())
            && let Some(process) = Process::adopt(identity)?
            && timeout(deadline, process.exited_unreaped()).await.is_err()
        {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        let status = child.wait()?;
        Ok(Ended { succeeded: status.success(), said: said(&mut output) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program {
            path: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".into(), script.into()],
            directory: PathBuf::from("/"),
            lifetime: Lifetime::WithParent,
        }
    }

    #[tokio::test]
    async fn a_program_runs_with_an_empty_environment_and_is_heard() {
        let script = "echo out; echo err >&2; cat /proc/$$/environ; exit 3";
        let ended = shell(script).run(Duration::from_secs(10)).await.unwrap();
        assert!(!ended.succeeded);
        assert!(ended.said.starts_with("out\nerr\n"), "{}", ended.said);
        assert!(!ended.said.contains("HOME="), "{}", ended.said);
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed() {
        let error = shell("exec sleep 60").run(Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_started_program_is_held_until_it_ends() {
        let started = shell("exec sleep 60").start().await.unwrap();
        assert!(started.process.is_running());
        started.process.kill();
        timeout(Duration::from_secs(10), started.process.ended()).await.unwrap();
        assert!(!started.process.is_running());
        assert!(Process::adopt(started.process.identity()).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_missing_program_is_an_error() {
        let missing = Program { path: PathBuf::from("/nonexistent"), ..shell("") };
        let error = missing.start().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
