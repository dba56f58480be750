//! Reads: beside each other, and beside writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_model::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Connect, Connection, Session};
use crate::{StoreConfig, StoreError};

/// How many reads run at once; more of them wait.
const AT_ONCE: usize = 4;

/// How long a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing is stamped by a read.
const BEGINNING: Timestamp = Timestamp::from_micros(0);

/// How often a read that fell in with a conflict or a lost connection is run.
const ATTEMPTS: usize = 3;

/// Connections for reading.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Inner>);

struct Inner {
    config: StoreConfig,
    connect: Connect,
    idle: Mutex<Vec<Box<dyn Connection>>>,
    turns: Semaphore,
}

impl Readers {
    pub(crate) fn new(config: StoreConfig, connect: Connect) -> Self {
        let (idle, turns) = (Mutex::new(Vec::new()), Semaphore::new(AT_ONCE));
        Self(Arc::new(Inner { config, connect, idle, turns }))
    }

    /// Runs `read` in a transaction that sees one moment. It may be run again.
    pub(crate) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = timeout(PATIENCE, self.0.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(StoreError::Busy);
        };
        if self.0.config.inline {
            return self.0.attempt(&read);
        }
        let inner = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || inner.attempt(&read));
        work.await.unwrap_or(Err(StoreError::Busy))
    }
}

impl Inner {
    fn attempt<T>(
        &self,
        read: &dyn Fn(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut outcome = Err(StoreError::Busy);
        for _ in 0..ATTEMPTS {
            outcome = self.once(read);
            if !matches!(outcome, Err(StoreError::Busy)) {
                break;
            }
        }
        outcome
    }

    fn once<T>(
        &self,
        read: &dyn Fn(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.connect)()?,
        };
        let begin = connection.begin_read();
        let outcome = connection
            .batch(begin)
            .and_then(|()| read(&mut Session::after(connection.as_mut(), &self.config, BEGINNING)));
        // Nothing was written; whatever the outcome, there is nothing to keep.
        let ended = connection.batch("ROLLBACK");
        if ended.is_ok() && connection.is_alive() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        outcome
    }
}
