//! Writes: all that wait share one transaction and one durable commit.
//!
//! Each operation runs under a savepoint of its own, so that one that is refused leaves nothing and
//! takes nobody with it. Nobody is answered before the commit. When the database itself fails, the
//! group is run again, then each operation by itself, so that whoever is the cause fails alone.

mod desk;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{Connect, Connection, Session};
use crate::{StoreConfig, StoreError};
use desk::Desk;

/// How many writes may wait; those beyond are told to try again.
const QUEUE: usize = 1024;

/// How many writes share a commit at most.
const GROUP: usize = 128;

/// How long a write waits, first for a place in the queue and then for its answer; and how long a
/// group is tried.
const PATIENCE: Duration = Duration::from_secs(10);

/// A write that waits.
trait Operation: Send {
    /// Runs it in the transaction, perhaps not for the first time.
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError>;
    /// Whether somebody still wants to know how it ends.
    fn is_awaited(&self) -> bool;
    /// Answers, after the commit, with what the last run gave; or with why there was no commit.
    fn answer(self: Box<Self>, trouble: Option<&StoreError>);
}

type Group = Vec<Box<dyn Operation>>;

struct Waiting<T, F> {
    work: F,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Operation for Waiting<T, F>
where
    T: Send,
    F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError> {
        let outcome = (self.work)(session);
        let told = outcome.as_ref().map(drop).map_err(Clone::clone);
        self.outcome = Some(outcome);
        told
    }

    fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    fn answer(self: Box<Self>, trouble: Option<&StoreError>) {
        let outcome = match (trouble, self.outcome) {
            (Some(trouble), _) => Err(trouble.clone()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(StoreError::Busy),
        };
        // Whoever asked may have gone; what was written stays.
        let _ = self.reply.send(outcome);
    }
}

/// The one place through which everything is written. Clones share it.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Operation>>,
    changed: watch::Sender<u64>,
}

impl Writer {
    /// Starts writing on `connection`; ends when the last clone is dropped and all that waits is
    /// written.
    pub(crate) fn start(
        config: StoreConfig,
        connect: Connect,
        connection: Box<dyn Connection>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let changed = watch::Sender::new(0);
        let scribe = Scribe {
            inline: config.inline,
            desk: Arc::new(Mutex::new(Desk::new(config, connect, connection))),
            changed: changed.clone(),
        };
        tokio::spawn(scribe.run(waiting));
        Self { queue, changed }
    }

    /// Moves whenever what shall be has changed.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Runs `work` and answers when it is durable. It may be run again, so it must only depend on
    /// the session.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let operation = Box::new(Waiting { work, outcome: None, reply });
        match timeout(PATIENCE, self.queue.send(operation)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(StoreError::Busy),
        }
        match timeout(PATIENCE, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }
}

struct Scribe {
    inline: bool,
    desk: Arc<Mutex<Desk>>,
    changed: watch::Sender<u64>,
}

impl Scribe {
    async fn run(self, mut waiting: mpsc::Receiver<Box<dyn Operation>>) {
        let mut group = Vec::new();
        while waiting.recv_many(&mut group, GROUP).await > 0 {
            let operations = std::mem::take(&mut group);
            let desk = Arc::clone(&self.desk);
            let work =
                move || desk.lock().unwrap_or_else(PoisonError::into_inner).take_in(operations);
            let desire_changed = if self.inline {
                work()
            } else {
                // A panic in one operation fails its group, and not the writer.
                tokio::task::spawn_blocking(work).await.unwrap_or(true)
            };
            if desire_changed {
                self.changed.send_modify(|count| *count += 1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
