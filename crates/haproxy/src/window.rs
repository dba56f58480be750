//! A look at the HAProxy of one site from outside, while its agent runs or does not: for operators.

mod line;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_model::Generation;
use evenkeel_plumbing::Process;

use crate::jail::Jail;
use crate::record::{FILE, Notes, Started};
use crate::render::{ADMIN_SOCKET, STATS_SOCKET};
use crate::socket::{Socket, SocketError};

pub use line::{Forbidden, Line, Rights};

/// How long HAProxy may take for an answer: longer than an agent would wait, as there are long ones.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be seen of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The process that serves, if one runs.
    pub process: Option<u32>,
    /// Earlier ones that finish what they have, oldest first.
    pub finishing: Vec<u32>,
    /// The generation that the process says it serves; `None` also if it does not answer.
    pub generation: Option<Generation>,
    /// Its configuration.
    pub configuration: PathBuf,
    /// The socket that takes all commands.
    pub admin_socket: PathBuf,
    /// The socket that only tells.
    pub stats_socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// What the driver noted cannot be read.
    #[error("cannot read {}", .directory.display())]
    Unreadable {
        /// The directory of the site.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answers on the socket.
    #[error(
        "HAProxy does not answer on {}: it has ended or hangs, and evenkeel replaces it while it \
         runs itself",
        .socket.display()
    )]
    Silent {
        /// Where it should.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// HAProxy answered that it will not.
    #[error("HAProxy refused: {0}")]
    Refused(String),
}

/// The window onto one site.
#[derive(Clone, Debug)]
pub struct Window {
    directory: PathBuf,
}

impl Window {
    /// Onto the site with this directory.
    pub fn onto(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// What is to be seen.
    ///
    /// # Errors
    ///
    /// [`WindowError::Unreadable`]: most likely the directory is another user's.
    pub async fn look(&self) -> Result<Seen, WindowError> {
        let unreadable =
            |source| WindowError::Unreadable { directory: self.directory.clone(), source };
        let processes = Notes::of(&self.directory).processes().await.map_err(unreadable)?;
        let jail = Jail::of(&self.directory, None);
        let alive = |started: Started| {
            let process = Process::adopt(started.into()).map_err(unreadable)?;
            let here = process.filter(|process| !process.is_elsewhere(jail.path()));
            Ok(here.map(|process| process.identity().pid))
        };
        let mut finishing = Vec::new();
        for started in processes.draining {
            finishing.extend(alive(started)?);
        }
        let process = processes.serving.map_or(Ok(None), alive)?;
        let generation = match process {
            Some(_) => Socket::of(&self.directory).generation().await.ok().flatten(),
            None => None,
        };
        Ok(Seen {
            process,
            finishing,
            generation,
            configuration: self.directory.join(FILE),
            admin_socket: self.directory.join(ADMIN_SOCKET),
            stats_socket: self.directory.join(STATS_SOCKET),
        })
    }

    /// What HAProxy answers to a line of commands.
    ///
    /// # Errors
    ///
    /// [`WindowError`]: it refuses one of them, or does not answer within ten seconds.
    pub async fn ask(&self, line: &Line) -> Result<String, WindowError> {
        let socket = Socket::of(&self.directory);
        let answered = socket.ask_within(PATIENCE, &line.as_sent()).await;
        let answer = answered.map_err(|error| match error {
            SocketError::Silent(source) => {
                WindowError::Silent { socket: self.directory.join(ADMIN_SOCKET), source }
            }
            SocketError::Refused { answer, .. } => WindowError::Refused(answer),
        })?;
        line::read(&answer).map_err(|said| WindowError::Refused(line.explained(said)))
    }
}
