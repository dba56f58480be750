//! The runtime socket of a HAProxy: one command on one connection, each with a deadline.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use evenkeel_model::Generation;
use evenkeel_vault::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::command::{Answer, Command, Order};
use crate::render::ADMIN_SOCKET;

/// How long an answer may take. HAProxy answers in under a millisecond, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a silent process is asked before it counts as one that hangs.
const ATTEMPTS: usize = 3;

/// The longest answer that is read: the statistics of some ten thousand servers.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The variable in which a process keeps the generation it serves (decided when it is written).
const GENERATION: &str = "proc.generation";

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Nobody answers, or not in time.
    #[error("HAProxy does not answer on its runtime socket")]
    Silent(#[source] io::Error),
    /// HAProxy answered something else than was expected.
    #[error("HAProxy refused `{command}`: {answer}")]
    Refused {
        /// What was asked.
        command: String,
        /// What it said.
        answer: String,
    },
}

/// The admin socket in the directory of a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Socket<'a> {
    directory: &'a Path,
}

impl<'a> Socket<'a> {
    pub(crate) const fn of(directory: &'a Path) -> Self {
        Self { directory }
    }

    /// Sends one line and reads all of the answer.
    async fn ask(self, line: &str) -> Result<String, SocketError> {
        self.ask_within(PATIENCE, line).await
    }

    /// The same with another deadline.
    pub(crate) async fn ask_within(
        self,
        patience: Duration,
        line: &str,
    ) -> Result<String, SocketError> {
        self.exchange(patience, line, None).await
    }

    /// The same with a file after the line, which ends with a blank one.
    async fn exchange(
        self,
        patience: Duration,
        line: &str,
        file: Option<&Path>,
    ) -> Result<String, SocketError> {
        let exchange = async {
            // The path of a socket may have 107 bytes; through an open directory it is short.
            let directory = File::open(self.directory)?;
            let path = format!("/proc/self/fd/{}/{ADMIN_SOCKET}", directory.as_raw_fd());
            let mut stream = UnixStream::connect(path).await?;
            stream.write_all(format!("{line}\n").as_bytes()).await?;
            if let Some(file) = file {
                let payload = Secret::new(tokio::fs::read(file).await?);
                stream.write_all(payload.expose()).await?;
                stream.write_all(b"\n").await?;
            }
            let mut answer = Vec::new();
            stream.take(LONGEST).read_to_end(&mut answer).await?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answered = timeout(patience, exchange).await;
        answered.unwrap_or(Err(io::ErrorKind::TimedOut.into())).map_err(SocketError::Silent)
    }

    /// The generation that the process says it serves; `None` if it was started without one.
    pub(crate) async fn generation(self) -> Result<Option<Generation>, SocketError> {
        let answer = self.ask(&format!("get var {GENERATION}")).await?;
        let number = answer.split_once("value=<").and_then(|(_, rest)| rest.split('>').next());
        Ok(number.and_then(|number| number.parse().ok()).map(Generation::new))
    }

    /// The same, with patience: a node may be too busy for a while, and whoever does not answer
    /// this is ended.
    pub(crate) async fn generation_at_last(self) -> Result<Option<Generation>, SocketError> {
        for _ in 1..ATTEMPTS {
            match self.generation().await {
                Err(SocketError::Silent(error)) if error.kind() == io::ErrorKind::TimedOut => {}
                outcome => return outcome,
            }
        }
        self.generation().await
    }

    /// Lets the process say from now on that it serves `generation`.
    pub(crate) async fn note(self, generation: Generation) -> Result<(), SocketError> {
        let line = format!("experimental-mode on; set var {GENERATION} int({generation})");
        self.order(&Order::silent(line)).await
    }

    /// The process id of whoever answers.
    pub(crate) async fn pid(self) -> Result<Option<u32>, SocketError> {
        let answer = self.ask("show info").await?;
        let line = answer.lines().find_map(|line| line.strip_prefix("Pid: "));
        Ok(line.and_then(|pid| pid.trim().parse().ok()))
    }

    /// The process id of whoever answers, and how many of its lines did not reach us.
    pub(crate) async fn dropped_logs(self) -> Option<(u32, u64)> {
        let answer = self.ask("show info").await.ok()?;
        let number = |name| answer.lines().find_map(|line| line.strip_prefix(name));
        let process = number("Pid: ")?.trim().parse().ok()?;
        Some((process, number("DroppedLogs: ")?.trim().parse().ok()?))
    }

    /// The statistics as HAProxy's CSV.
    pub(crate) async fn statistics(self) -> Result<String, SocketError> {
        self.ask("show stat").await
    }

    /// What is known of each server, in HAProxy's own format.
    pub(crate) async fn states(self) -> Result<String, SocketError> {
        self.ask("show servers state").await
    }

    /// Carries out a change.
    pub(crate) async fn carry_out(self, command: &Command) -> Result<(), SocketError> {
        for order in command.orders() {
            if let Err(error) = self.order(&order).await {
                for order in command.undo() {
                    // Of what was not begun there is nothing to take back.
                    let _ = self.order(&order).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn order(self, order: &Order) -> Result<(), SocketError> {
        let answer = self.exchange(PATIENCE, &order.line, order.payload.as_deref()).await?;
        let answer = answer.trim();
        let is_content = match &order.answer {
            Answer::Exactly(expected) => answer == expected,
            Answer::Ending(expected) => answer.ends_with(expected),
        };
        if is_content {
            Ok(())
        } else {
            Err(SocketError::Refused { command: order.line.clone(), answer: answer.to_owned() })
        }
    }
}
