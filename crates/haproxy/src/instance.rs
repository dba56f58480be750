//! The processes of one site: started, adopted, handed over, ended.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use evenkeel_driver::{DriverError, Site};
use evenkeel_model::Generation;
use evenkeel_plumbing::program::Started as Child;
use evenkeel_plumbing::{Process, Program};
use tokio::time::{Instant, interval, timeout};

use crate::HaproxyOptions;
use crate::complaint::refusal;
use crate::record::{CANDIDATE, FILE, Notes, Processes, Started};
use crate::render::ADMIN_SOCKET;
use crate::socket::Socket;

/// How long HAProxy may take to check a file, and a new process until it answers.
const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(2);

/// How long a process may take to end when it was told to.
const END: Duration = Duration::from_secs(5);

/// How many earlier processes may finish what they have beside the one that serves.
const MOST_DRAINING: usize = 2;

/// The processes of one site.
#[derive(Debug)]
pub(crate) struct Instance<'a> {
    options: &'a HaproxyOptions,
    directory: &'a Path,
    notes: Notes,
}

impl<'a> Instance<'a> {
    pub(crate) fn at(site: &'a Site, options: &'a HaproxyOptions) -> Self {
        Self { options, directory: &site.directory, notes: Notes::of(&site.directory) }
    }

    pub(crate) const fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(crate) const fn socket(&self) -> Socket<'a> {
        Socket::of(self.directory)
    }

    /// The process that serves, ours or one of an earlier life.
    pub(crate) async fn serving(&self) -> io::Result<Option<Process>> {
        match self.notes.processes().await?.serving {
            Some(started) => Process::adopt(started.into()),
            None => Ok(None),
        }
    }

    /// Asks HAProxy whether it would take the candidate.
    pub(crate) async fn check(&self) -> Result<(), DriverError> {
        let program = self.program(&["-c", "-f", CANDIDATE]);
        let ended = program.run(START).await.map_err(|source| self.unstartable(source))?;
        if ended.succeeded { Ok(()) } else { Err(refusal(&ended.said)) }
    }

    /// Starts a process with the file of the site, which takes over from the one that serves, if
    /// there is one; returns when the new one says that it serves `generation`.
    pub(crate) async fn start(&self, generation: Generation) -> Result<(), DriverError> {
        let mut processes = self.notes.processes().await.map_err(disk)?;
        let before = self.serving().await.map_err(disk)?;
        let finishing: Vec<OsString> =
            before.iter().map(|process| process.identity().pid.to_string().into()).collect();
        let mut program = self.program(&["-db", "-f", FILE]);
        if before.is_some() {
            program.arguments.extend(["-x", ADMIN_SOCKET, "-sf"].map(OsString::from));
            program.arguments.extend(finishing);
        }
        let mut child = program.start().await.map_err(|source| self.unstartable(source))?;
        // Noted before it serves: whatever happens now, the next life finds both.
        let started = Started::from(child.process.identity());
        processes.draining.extend(processes.serving.replace(started));
        self.notes.note_processes(&processes).await.map_err(disk)?;
        match self.until_served(&mut child, generation).await {
            Ok(()) => {
                self.thin_out(processes).await;
                Ok(())
            }
            Err(error) => {
                child.process.kill();
                // Killed, it ends at once, and nobody else would take its remains.
                let _ = timeout(END, child.process.ended()).await;
                processes.serving = processes.draining.pop();
                self.notes.note_processes(&processes).await.map_err(disk)?;
                Err(error)
            }
        }
    }

    async fn until_served(
        &self,
        child: &mut Child,
        generation: Generation,
    ) -> Result<(), DriverError> {
        let pid = child.process.identity().pid;
        let deadline = Instant::now() + START;
        let mut polls = interval(POLL);
        while Instant::now() < deadline {
            tokio::select! {
                () = child.process.ended() => return Err(refusal(&child.said())),
                _ = polls.tick() => {}
            }
            let answers = matches!(self.socket().pid().await, Ok(Some(it)) if it == pid);
            let served = self.socket().generation().await;
            if answers && matches!(served, Ok(Some(it)) if it == generation) {
                return Ok(());
            }
        }
        Err(DriverError::Unavailable {
            attempt: "HAProxy did not begin to serve in time".to_owned(),
            cure: "the node may be overloaded; it is tried again".to_owned(),
            source: None,
        })
    }

    /// Takes the remains of earlier processes that have finished.
    ///
    /// It writes nothing: an observation may be broken off, and what it wrote too late would undo
    /// what a start has noted since.
    pub(crate) async fn bury_finished(&self) -> io::Result<()> {
        let earlier = self.notes.processes().await?.draining;
        earlier.into_iter().try_for_each(|it| Process::adopt(it.into()).map(drop))
    }

    /// Ends the oldest processes beyond those that may finish what they have.
    async fn thin_out(&self, mut processes: Processes) {
        let mut alive = Vec::new();
        for started in processes.draining {
            if let Ok(Some(process)) = Process::adopt(started.into()) {
                alive.push((started, process));
            }
        }
        let too_many = alive.len().saturating_sub(MOST_DRAINING);
        // They stay noted until they have ended, so that their remains are taken.
        for (_, process) in &alive[..too_many] {
            process.kill();
        }
        processes.draining = alive.into_iter().map(|(started, _)| started).collect();
        if let Err(error) = self.notes.note_processes(&processes).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "processes not noted");
        }
    }

    /// Ends all processes of the site at once, and returns when they have.
    pub(crate) async fn end(&self) -> io::Result<()> {
        let processes = self.notes.processes().await?;
        let mut alive = Vec::new();
        for started in processes.draining.into_iter().chain(processes.serving) {
            if let Some(process) = Process::adopt(started.into())? {
                process.terminate();
                alive.push(process);
            }
        }
        for process in alive {
            if timeout(END, process.ended()).await.is_err() {
                process.kill();
                timeout(END, process.ended()).await.map_err(io::Error::from)?;
            }
        }
        Ok(())
    }

    fn program(&self, arguments: &[&str]) -> Program {
        Program {
            path: self.options.binary.clone(),
            arguments: arguments.iter().map(OsString::from).collect(),
            directory: self.directory.to_owned(),
            lifetime: self.options.lifetime,
        }
    }

    fn unstartable(&self, source: io::Error) -> DriverError {
        let name = self.options.binary.display();
        let kind = source.kind();
        let (attempt, cure) = if kind == io::ErrorKind::NotFound {
            (
                "could not start HAProxy, which is not installed",
                "the operator installs it on the node: apt-get install haproxy",
            )
        } else if kind == io::ErrorKind::PermissionDenied {
            (
                "could not start HAProxy, which may not be run",
                "the operator makes it executable for the agent",
            )
        } else if kind == io::ErrorKind::TimedOut {
            (
                "HAProxy did not check its configuration in time",
                "the node may be overloaded; it is tried again",
            )
        } else {
            (
                "could not start HAProxy",
                "the operator looks at the agent's log and at `haproxy -vv`",
            )
        };
        tracing::warn!(binary = %name, error = &source as &dyn std::error::Error, "not started");
        DriverError::Unavailable {
            attempt: attempt.to_owned(),
            cure: cure.to_owned(),
            source: Some(source),
        }
    }
}

/// A file of the site could not be read or written.
pub(crate) fn disk(source: io::Error) -> DriverError {
    let is_full =
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let cure = if is_full {
        "the disk of the node is full; the operator makes room, and it goes on by itself"
    } else {
        "the operator looks at the agent's log and at the disk of the node"
    };
    DriverError::Unavailable {
        attempt: "could not write what HAProxy needs".to_owned(),
        cure: cure.to_owned(),
        source: Some(source),
    }
}
