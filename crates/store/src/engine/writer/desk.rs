//! Where groups of writes are written: again when the database fails, one by one when that does not
//! help, and then answered.

use std::time::Duration;

use tokio::time::Instant;

use super::{Group, PATIENCE};
use crate::engine::{Connect, Connection, Transaction};
use crate::{StoreConfig, StoreError};

/// How often a group is run before each of it is run by itself.
const TOGETHER: u32 = 3;

/// How often an operation is run by itself before it is told that it failed.
const ALONE: u32 = 30;

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
pub(super) struct Desk {
    transaction: Transaction,
    inline: bool,
    connect: Connect,
    connection: Option<Box<dyn Connection>>,
}

impl Desk {
    pub(super) fn new(
        config: StoreConfig,
        connect: Connect,
        connection: Box<dyn Connection>,
    ) -> Self {
        let inline = config.inline;
        let transaction = Transaction::new(config);
        Self { transaction, inline, connect, connection: Some(connection) }
    }

    /// Writes a group, and answers all of it. True if what shall be has changed.
    pub(super) fn take_in(&mut self, mut group: Group) -> bool {
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
