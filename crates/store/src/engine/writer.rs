//! Writes: all that wait share one transaction and one durable commit.
//!
//! Each operation runs under a savepoint of its own, so that one that is refused leaves nothing and
//! takes nobody with it. Nobody is answered before the commit. When the database itself fails, the
//! group is run again, then each operation by itself, so that whoever is the cause fails alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::{Connect, Connection, Session, Transaction};
use crate::{StoreConfig, StoreError};

/// How many writes may wait; those beyond are told to try again.
const QUEUE: usize = 1024;

/// How many writes share a commit at most.
const GROUP: usize = 128;

/// How long a write waits, first for a place in the queue and then for its answer; and how long a
/// group is tried.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a group is run before each of it is run by itself.
const TOGETHER: u32 = 3;

/// How often an operation is run by itself before it is told that it failed.
const ALONE: u32 = 30;

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

/// Why a group was not written.
enum Failure {
    /// Nothing of it is there.
    Refused(StoreError),
    /// The connection was lost while it was made durable: all of it is there, or nothing. To run it
    /// again would tell a client that its new object existed already.
    Unknown,
}

impl From<StoreError> for Failure {
    fn from(trouble: StoreError) -> Self {
        Self::Refused(trouble)
    }
}

/// The connection that writes.
struct Desk {
    transaction: Transaction,
    inline: bool,
    connect: Connect,
    connection: Option<Box<dyn Connection>>,
}

impl Desk {
    fn new(config: StoreConfig, connect: Connect, connection: Box<dyn Connection>) -> Self {
        let inline = config.inline;
        let transaction = Transaction::new(config);
        Self { transaction, inline, connect, connection: Some(connection) }
    }

    /// Writes a group, and answers all of it. True if what shall be has changed.
    fn take_in(&mut self, mut group: Group) -> bool {
        // Whoever is gone was told that it failed, and nothing must come of it now.
        group.retain(|operation| operation.is_awaited());
        if group.is_empty() {
            return false;
        }
        let deadline = Instant::now() + PATIENCE;
        let times = if group.len() == 1 { ALONE } else { TOGETHER };
        match self.write(group, times, deadline) {
            Ok(changed) => changed,
            Err(group) => group
                .into_iter()
                .filter(|operation| operation.is_awaited())
                .map(|operation| self.write(vec![operation], ALONE, deadline))
                .fold(false, |before, outcome| before | outcome.is_ok_and(|changed| changed)),
        }
    }

    /// Writes a group and answers it; gives it back if each of it may do better by itself.
    fn write(&mut self, mut group: Group, times: u32, deadline: Instant) -> Result<bool, Group> {
        let outcome = self.try_for(&mut group, times, deadline);
        let trouble = match outcome {
            Ok(changed) => {
                answer(group, None);
                return Ok(changed);
            }
            Err(Failure::Unknown) => StoreError::Busy,
            Err(Failure::Refused(trouble)) => {
                let is_reachable = self.connection.is_some();
                let is_full = matches!(trouble, StoreError::Full);
                if group.len() > 1 && is_reachable && !is_full {
                    return Err(group);
                }
                trouble
            }
        };
        tracing::warn!(error = &trouble as &dyn std::error::Error, "nothing written");
        answer(group, Some(&trouble));
        Ok(false)
    }

    fn try_for(
        &mut self,
        group: &mut Group,
        times: u32,
        deadline: Instant,
    ) -> Result<bool, Failure> {
        for attempt in 1..=times {
            match self.attempt(group) {
                Err(Failure::Refused(StoreError::Busy)) if Instant::now() < deadline => {
                    self.pause(attempt);
                }
                outcome => return outcome,
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Lets others of a conflict go first, a little longer each time. This thread is the writer's
    /// own, and in a simulation there are no conflicts.
    fn pause(&self, attempt: u32) {
        if !self.inline {
            std::thread::park_timeout(Duration::from_millis(2 << attempt.min(6)));
        }
    }

    fn attempt(&mut self, group: &mut Group) -> Result<bool, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => (self.connect)()?,
        };
        let outcome = transact(connection.as_mut(), &mut self.transaction, group);
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

fn answer(group: Group, trouble: Option<&StoreError>) {
    for operation in group {
        operation.answer(trouble);
    }
}

fn transact(
    connection: &mut dyn Connection,
    transaction: &mut Transaction,
    group: &mut Group,
) -> Result<bool, Failure> {
    let begin = connection.begin();
    connection.batch(begin)?;
    let mut desire_changed = false;
    for operation in group {
        connection.batch("SAVEPOINT operation")?;
        let mut session = transaction.session(connection);
        let outcome = operation.run(&mut session);
        let (changed, now) = (session.desire_changed, session.now);
        match outcome {
            Ok(()) => {
                transaction.pass(now);
                connection.batch("RELEASE SAVEPOINT operation")?;
                desire_changed |= changed;
            }
            Err(trouble) if trouble.is_trouble() => return Err(trouble.into()),
            Err(_) => {
                connection.batch("ROLLBACK TO SAVEPOINT operation; RELEASE SAVEPOINT operation")?;
            }
        }
    }
    match connection.batch("COMMIT") {
        Ok(()) => Ok(desire_changed),
        Err(_) if !connection.is_alive() => Err(Failure::Unknown),
        Err(trouble) => Err(trouble.into()),
    }
}
