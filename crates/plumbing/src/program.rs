//! Programs that are started: with an empty environment, in a session of their own, without core
//! dumps, and either bound to the life of this process or free of it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use tokio::time::timeout;

use crate::confinement::Confinement;
use crate::process::Process;
use crate::starter;

/// How much of what a program says is kept, from its beginning.
const OUTPUT: u16 = 32 * 1024;

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
    /// Whether it ends with this process. A program that becomes another user lives on all the
    /// same.
    pub lifetime: Lifetime,
    /// Where it is put, and what it can never get.
    pub confinement: Confinement,
}

/// A program that was started, and what it says. Killed when it is dropped, until it is kept: who
/// stops half way, as by a deadline, leaves no process that nobody knows of.
#[derive(Debug)]
pub struct Started {
    /// The process.
    pub process: Process,
    output: File,
    kept: bool,
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
    pub fn said(&self) -> String {
        said(&self.output)
    }

    /// Lets it run on when this is dropped: somebody else knows of it now.
    pub const fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.kept {
            starter::end_and_bury(&self.process);
        }
    }
}

/// A file in memory that nobody else can open, and that does not grow: a program that runs for
/// months says more than anybody wants to keep. What is beyond fails to be written.
fn unnamed_file() -> io::Result<File> {
    let file = memfd_create("output", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, OUTPUT.into())?;
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK)?;
    Ok(file.into())
}

/// What was written so far. Read at its place, since who writes shares the file's offset.
fn said(output: &File) -> String {
    let mut bytes = vec![0; OUTPUT.into()];
    let length = output.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(length);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

impl Program {
    /// Starts it, and does not wait for its end, which may already have come.
    ///
    /// # Errors
    ///
    /// What the system said: the file is missing, is no program, or there is no room for a process.
    pub async fn start(self) -> io::Result<Started> {
        let output = unnamed_file()?;
        let process = starter::start(self, output.try_clone()?).await?;
        Ok(Started { process, output, kept: false })
    }

    /// Runs it to its end, and kills it when that takes longer than `deadline`.
    ///
    /// # Errors
    ///
    /// As [`Program::start`]; [`io::ErrorKind::TimedOut`] if it was killed.
    pub async fn run(self, deadline: Duration) -> io::Result<Ended> {
        let mut started = self.start().await?;
        let status = timeout(deadline, started.process.exit_status()).await?;
        started.keep();
        Ok(Ended { succeeded: status == Some(0), said: started.said() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::found_in;

    fn shell(script: &str) -> Program {
        Program {
            path: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".into(), script.into()],
            directory: PathBuf::from("/"),
            lifetime: Lifetime::WithParent,
            confinement: Confinement::default(),
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
    async fn a_program_leaves_no_image_of_its_memory() {
        let ended = shell("ulimit -Sc; ulimit -Hc").run(Duration::from_secs(10)).await.unwrap();
        assert_eq!(ended.said, "0\n0\n");
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
        started.process.end(Duration::from_secs(10)).await.unwrap();
        assert!(!started.process.is_running());
        assert!(Process::adopt(started.process.identity()).unwrap().is_none());
    }

    #[tokio::test]
    async fn nobody_is_left_whom_nobody_kept() {
        let mut kept = shell("exec sleep 60").start().await.unwrap();
        let dropped = shell("exec sleep 60").start().await.unwrap();
        let [one, two] =
            [&kept, &dropped].map(|it| Process::adopt(it.process.identity()).unwrap().unwrap());
        kept.keep();
        drop((kept, dropped));
        until_buried(two.identity().pid).await;
        assert!(one.is_running());
        one.end(Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn a_run_that_is_broken_off_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let mut program = shell("");
        program.path = PathBuf::from("/bin/sleep");
        program.arguments = ["60", "2"].map(OsString::from).to_vec();
        program.directory = place.path().to_owned();
        let run = program.run(Duration::from_mins(1));
        let _ = timeout(Duration::from_millis(200), run).await;
        while let Some(left) = found_in(place.path(), &["60"]).unwrap().pop() {
            until_buried(left.pid).await;
        }
    }

    /// Waits until not even remains of a process are there.
    async fn until_buried(pid: u32) {
        let gone = async {
            let mut rounds = tokio::time::interval(Duration::from_millis(5));
            while std::path::Path::new(&format!("/proc/{pid}")).exists() {
                rounds.tick().await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.unwrap();
    }

    #[tokio::test]
    async fn of_a_program_that_never_stops_talking_the_beginning_is_kept() {
        let script = "trap '' PIPE; echo first; while echo again; do :; done 2>/dev/null; exit 0";
        let ended = shell(script).run(Duration::from_secs(10)).await.unwrap();
        assert!(ended.succeeded && ended.said.starts_with("first\nagain\n"));
        assert!(ended.said.len() <= OUTPUT.into(), "{}", ended.said.len());
    }

    #[tokio::test]
    async fn a_program_is_found_by_where_and_how_it_was_started() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut program = shell("");
        program.path = PathBuf::from("/bin/sleep");
        program.arguments = ["60", "1"].map(OsString::from).to_vec();
        program.directory = place.path().to_owned();
        let started = program.start().await.unwrap();
        let found =
            |directory, arguments: &[&str]| crate::process::found_in(directory, arguments).unwrap();
        assert_eq!(found(place.path(), &["60", "1"]), [started.process.identity()]);
        assert_eq!(found(place.path(), &["60", "2"]), []);
        assert_eq!(found(elsewhere.path(), &["60", "1"]), []);
        assert!(!started.process.is_elsewhere(place.path()));
        assert!(started.process.is_elsewhere(elsewhere.path()));
        started.process.end(Duration::from_secs(10)).await.unwrap();
        assert!(!started.process.is_elsewhere(elsewhere.path()), "it works nowhere");
    }

    #[tokio::test]
    async fn a_missing_program_is_an_error() {
        let missing = Program { path: PathBuf::from("/nonexistent"), ..shell("") };
        let error = missing.start().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
