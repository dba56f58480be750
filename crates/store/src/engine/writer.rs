//! Writes: all that wait share one transaction and one durable commit.
//!
//! Each operation runs under a savepoint of its own, so that one that is refused leaves nothing and
//! takes nobody with it. Nobody is answered before the commit. When the database itself fails, the
//! whole group is run again, and if that does not help, all are told so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_model::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{Connect, Connection, Session};
use crate::{StoreConfig, StoreError};

/// How many writes may wait; those beyond are told to try again.
const QUEUE: usize = 1024;

/// How many writes share a commit at most.
const GROUP: usize = 128;

/// How long a write waits for a place in the queue, and then for its answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Before any row was stamped.
const BEGINNING: Timestamp = Timestamp::from_micros(0);

/// How often a group is run before all in it are told that it failed.
const ATTEMPTS: u32 = 6;

/// A write that waits.
trait Operation: Send {
    /// Runs it in the transaction, perhaps not for the first time.
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError>;
    /// Answers, after the commit, with what the last run gave; or with why there was no commit.
    fn answer(self: Box<Self>, trouble: Option<&StoreError>);
}

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
    /// Starts writing on `connection`; ends when the last clone is dropped.
    pub(crate) fn start(
        config: StoreConfig,
        connect: Connect,
        connection: Box<dyn Connection>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let changed = watch::Sender::new(0);
        let scribe = Scribe {
            inline: config.inline,
            desk: Arc::new(Mutex::new(Desk {
                config,
                connect,
                connection: Some(connection),
                last: BEGINNING,
            })),
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
        if timeout(PATIENCE, self.queue.send(operation)).await.is_err() {
            return Err(StoreError::Busy);
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
                move || desk.lock().unwrap_or_else(PoisonError::into_inner).write(operations);
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

/// The connection that writes.
struct Desk {
    config: StoreConfig,
    connect: Connect,
    connection: Option<Box<dyn Connection>>,
    /// The last moment that a row was stamped with: no two are the same, even if the clock stands
    /// still or goes back, so that age is an order.
    last: Timestamp,
}

impl Desk {
    /// Writes a group, and answers all of it. True if what shall be has changed.
    fn write(&mut self, mut group: Vec<Box<dyn Operation>>) -> bool {
        let mut outcome = Err(StoreError::Busy);
        for attempt in 0..ATTEMPTS {
            outcome = self.attempt(&mut group);
            match &outcome {
                Err(StoreError::Busy) => self.pause(attempt),
                Ok(_) | Err(_) => break,
            }
        }
        if let Err(trouble) = &outcome {
            tracing::warn!(error = trouble as &dyn std::error::Error, "nothing written");
        }
        for operation in group {
            operation.answer(outcome.as_ref().err());
        }
        outcome.unwrap_or(false)
    }

    /// Lets others of a conflict go first, a little longer each time. This thread is the writer's
    /// own, and in a simulation there are no conflicts.
    fn pause(&self, attempt: u32) {
        if !self.config.inline {
            let pause = Duration::from_millis(5 << attempt);
            std::thread::park_timeout(pause);
        }
    }

    fn attempt(&mut self, group: &mut [Box<dyn Operation>]) -> Result<bool, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => (self.connect)()?,
        };
        let outcome = transact(connection.as_mut(), &self.config, group, &mut self.last);
        if outcome.is_err() {
            // Of a failed transaction nothing is left, and nothing must be.
            let rolled_back = connection.batch("ROLLBACK");
            if rolled_back.is_err() && !connection.is_alive() {
                return outcome;
            }
        }
        self.connection = Some(connection);
        outcome
    }
}

fn transact(
    connection: &mut dyn Connection,
    config: &StoreConfig,
    group: &mut [Box<dyn Operation>],
    last: &mut Timestamp,
) -> Result<bool, StoreError> {
    let begin = connection.begin();
    connection.batch(begin)?;
    let mut desire_changed = false;
    for operation in group {
        connection.batch("SAVEPOINT operation")?;
        let mut session = Session::after(connection, config, *last);
        let outcome = operation.run(&mut session);
        let changed = session.desire_changed;
        *last = session.now;
        match outcome {
            Ok(()) => {
                connection.batch("RELEASE SAVEPOINT operation")?;
                desire_changed |= changed;
            }
            Err(trouble) if trouble.is_trouble() => return Err(trouble),
            Err(_) => {
                connection.batch("ROLLBACK TO SAVEPOINT operation; RELEASE SAVEPOINT operation")?;
            }
        }
    }
    connection.batch("COMMIT")?;
    Ok(desire_changed)
}
