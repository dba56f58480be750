//! The processes of one site: started, adopted, handed over, ended.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use evenkeel_driver::{DriverError, Site};
use evenkeel_model::{Generation, LoadBalancerId};
use evenkeel_plumbing::process::found_in;
use evenkeel_plumbing::program::Started as Child;
use evenkeel_plumbing::{Confinement, Namespace, Process, Program};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::HaproxyOptions;
use crate::complaint::refusal;
use crate::jail::Jail;
use crate::record::{FILE_FROM_JAIL, Notes, Processes, Started, off_runtime};
use crate::render::ADMIN_SOCKET_FROM_JAIL;
use crate::socket::Socket;

/// How long a new process may take until it answers.
const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(2);

/// What every process that serves is started with, so that it is found among all others.
const SERVE: [&str; 3] = ["-db", "-f", FILE_FROM_JAIL];

/// How long a process may take to end when it was told to.
pub(crate) const END: Duration = Duration::from_secs(5);

/// How many earlier processes may finish what they have beside the one that serves.
const MOST_DRAINING: usize = 2;

/// How long a reload waits for one of them to finish, if there would be one more; and how often it
/// looks.
const FINISH: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

/// The processes of one site.
#[derive(Debug)]
pub(crate) struct Instance<'a> {
    options: &'a HaproxyOptions,
    directory: &'a Path,
    secrets: &'a Path,
    namespace: Option<&'a Path>,
    user: Option<u32>,
    id: LoadBalancerId,
    notes: Notes,
    jail: Jail,
}

impl<'a> Instance<'a> {
    pub(crate) fn at(site: &'a Site, options: &'a HaproxyOptions) -> Self {
        let Site { load_balancer, directory, secrets, namespace, user, .. } = site;
        Self {
            options,
            directory,
            secrets,
            namespace: namespace.as_deref(),
            user: *user,
            id: *load_balancer,
            notes: Notes::of(directory),
            jail: Jail::of(directory, *user),
        }
    }

    pub(crate) const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Whether there is anything of this driver's.
    pub(crate) fn is_there(&self) -> bool {
        self.notes.are_there() || self.jail.is_there()
    }

    /// Removes everything of this driver's.
    pub(crate) async fn clear(&self) -> io::Result<()> {
        self.options.group.as_ref().map_or(Ok(()), |group| group.remove(self.id))?;
        self.jail.remove().await?;
        self.notes.clear().await
    }

    pub(crate) const fn socket(&self) -> Socket<'a> {
        Socket::of(self.directory)
    }

    /// The process that serves, ours or one of an earlier life.
    pub(crate) async fn serving(&self) -> io::Result<Option<Process>> {
        let serving = self.notes.processes().await?.serving;
        serving.map_or(Ok(None), |started| self.held(started))
    }

    /// Whether a process serves in another network than that of the site: nobody reaches it there.
    /// The namespace may have been made anew, under the same name.
    pub(crate) fn is_outside(&self, process: &Process) -> io::Result<bool> {
        let Some(path) = self.namespace else { return Ok(false) };
        match Namespace::at(path) {
            Ok(namespace) => process.is_outside(&namespace),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a start was broken off, and what it left is not settled.
    pub(crate) async fn is_starting(&self) -> io::Result<bool> {
        Ok(self.notes.processes().await?.starting)
    }

    /// Exactly this process, if it is still there. A number that was noted before the node was
    /// booted may be anybody's now, who then works elsewhere.
    fn held(&self, started: Started) -> io::Result<Option<Process>> {
        let process = Process::adopt(started.into())?;
        Ok(process.filter(|process| !process.is_elsewhere(self.jail.path())))
    }

    /// Mends what a start has left that was broken off before it was noted whom it started.
    /// Whoever answers serves; others have not begun to.
    pub(crate) async fn settle(&self) -> io::Result<()> {
        let mut processes = self.notes.processes().await?;
        if !processes.starting {
            return Ok(());
        }
        let jail = self.jail.path().to_owned();
        let found = off_runtime(move || found_in(&jail, &SERVE)).await?;
        let answering = self.socket().pid().await.ok().flatten();
        let strays = found.into_iter().filter(|it| !processes.contain((*it).into()));
        for stray in strays.collect::<Vec<_>>() {
            if answering == Some(stray.pid) {
                processes.hand_over_to(stray.into());
            } else if let Some(process) = self.held(stray.into())? {
                process.end(END).await?;
            }
        }
        processes.starting = false;
        self.notes.note_processes(&processes).await
    }

    /// Starts a process with the file of the site, which takes over from the one that serves, if
    /// there is one; returns when the new one says that it serves `generation`.
    pub(crate) async fn start(&self, generation: Generation) -> Result<(), DriverError> {
        let earlier = self.notes.processes().await.map_err(disk)?;
        self.jail.prepare().await.map_err(disk)?;
        let program = self.successor(&earlier).map_err(disk)?;
        // Noted first, so that whatever happens the next life knows that there may be one more.
        let starting = Processes { starting: true, ..earlier.clone() };
        self.notes.note_processes(&starting).await.map_err(disk)?;
        let outcome = match program.start().await {
            Ok(child) => self.see_off(child, earlier.clone(), generation).await,
            Err(source) => Err(self.unstartable(source)),
        };
        if outcome.is_err() {
            self.notes.note_processes(&earlier).await.map_err(disk)?;
        }
        outcome
    }

    /// What is to be started: it takes the sockets of the one that serves, and lets all that came
    /// before finish.
    fn successor(&self, earlier: &Processes) -> io::Result<Program> {
        let mut program = self.program(&SERVE)?;
        let serving = earlier.serving.map_or(Ok(None), |started| self.held(started))?;
        if serving.is_some() {
            program.arguments.extend(["-x", ADMIN_SOCKET_FROM_JAIL].map(OsString::from));
        }
        // The earlier ones too: one may not have been told yet when a start was broken off.
        let mut finishing = Vec::new();
        for started in &earlier.draining {
            finishing.extend(self.held(*started)?);
        }
        finishing.extend(serving);
        if !finishing.is_empty() {
            program.arguments.push("-sf".into());
        }
        let numbers = finishing.iter().map(|process| process.identity().pid.to_string().into());
        program.arguments.extend(numbers);
        Ok(program)
    }

    /// Notes a process that was started, and waits until it serves; ends it if it does not.
    async fn see_off(
        &self,
        mut child: Child,
        mut processes: Processes,
        generation: Generation,
    ) -> Result<(), DriverError> {
        processes.hand_over_to(child.process.identity().into());
        let noted = self.notes.note_processes(&processes).await.map_err(disk);
        let outcome = match noted {
            Ok(()) => {
                child.keep();
                self.until_served(&child, generation).await
            }
            Err(error) => Err(error),
        };
        if outcome.is_ok() {
            if let Err(error) = self.thin_out(processes).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "earlier processes not ended");
            }
        } else if child.process.end(END).await.is_err() {
            tracing::warn!(pid = child.process.identity().pid, "a failed process does not end");
        }
        outcome
    }

    async fn until_served(&self, child: &Child, generation: Generation) -> Result<(), DriverError> {
        let pid = child.process.identity().pid;
        let deadline = Instant::now() + START;
        let mut polls = interval(POLL);
        // Asking takes processor time from the start that is waited for.
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < deadline {
            tokio::select! {
                () = child.process.ended() => return Err(refusal(&child.said(), self.secrets)),
                _ = polls.tick() => {}
            }
            let answers = matches!(self.socket().pid().await, Ok(Some(it)) if it == pid);
            if answers
                && matches!(self.socket().generation().await, Ok(Some(it)) if it == generation)
            {
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

    /// Waits until one process more is not one too many, but not for long: then the oldest is ended
    /// when the next one serves.
    pub(crate) async fn wait_for_room(&self) -> io::Result<()> {
        let deadline = Instant::now() + FINISH;
        let mut looks = interval(LOOK);
        while Instant::now() < deadline {
            looks.tick().await;
            let alive = self.draining(&self.notes.processes().await?)?;
            if alive.len() < MOST_DRAINING {
                break;
            }
        }
        Ok(())
    }

    /// Forgets the processes that have finished, and ends the oldest beyond those that may.
    async fn thin_out(&self, mut processes: Processes) -> io::Result<()> {
        let alive = self.draining(&processes)?;
        let too_many = alive.len().saturating_sub(MOST_DRAINING);
        // They stay noted until they have ended, so that their remains are taken.
        for (_, process) in &alive[..too_many] {
            process.kill();
        }
        processes.draining = alive.into_iter().map(|(started, _)| started).collect();
        self.notes.note_processes(&processes).await
    }

    /// Those of the earlier processes that have not finished yet, oldest first.
    fn draining(&self, processes: &Processes) -> io::Result<Vec<(Started, Process)>> {
        let mut alive = Vec::new();
        for started in &processes.draining {
            alive.extend(self.held(*started)?.map(|process| (*started, process)));
        }
        Ok(alive)
    }

    /// Ends all processes of the site at once, and returns when they have.
    pub(crate) async fn end(&self) -> io::Result<()> {
        self.settle().await?;
        let processes = self.notes.processes().await?;
        let mut alive = Vec::new();
        for started in processes.draining.into_iter().chain(processes.serving) {
            if let Some(process) = self.held(started)? {
                process.terminate();
                alive.push(process);
            }
        }
        let deadline = Instant::now() + END;
        for process in alive {
            if timeout_at(deadline, process.ended()).await.is_err() {
                process.end(END).await?;
            }
        }
        Ok(())
    }

    fn program(&self, arguments: &[&str]) -> io::Result<Program> {
        let namespace = self.namespace.map(Namespace::at).transpose()?;
        let group = self.options.group.as_ref().map(|group| group.ensure(self.id)).transpose()?;
        Ok(Program {
            path: self.options.binary.clone(),
            arguments: arguments.iter().map(OsString::from).collect(),
            directory: self.jail.path().to_owned(),
            lifetime: self.options.lifetime,
            confinement: Confinement { namespace, group, bounded: self.user.is_some() },
        })
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
