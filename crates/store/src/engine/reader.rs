//! Reads: beside each other, and beside writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Connect, Connection, Session, Transaction};
use crate::{StoreConfig, StoreError};

/// How many reads run at once; more of them wait.
const AT_ONCE: usize = 4;

/// How long a read waits, first for its turn and then for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a read that fell in with a conflict or a lost connection is run.
const ATTEMPTS: usize = 3;

/// Connections for reading.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Inner>);

struct Inner {
    transaction: Transaction,
    inline: bool,
    connect: Connect,
    idle: Mutex<Vec<Box<dyn Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(config: StoreConfig, connect: Connect) -> Self {
        let (idle, turns) = (Mutex::new(Vec::new()), Arc::new(Semaphore::new(AT_ONCE)));
        let inline = config.inline;
        let transaction = Transaction::new(config);
        Self(Arc::new(Inner { transaction, inline, connect, idle, turns }))
    }

    /// Runs `read` in a transaction that sees one moment. It may be run again.
    pub(crate) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = timeout(PATIENCE, Arc::clone(&self.0.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(StoreError::Busy);
        };
        if self.0.inline {
            return self.0.attempt(&read);
        }
        let inner = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work ends, even if nobody waits for it any more.
            let _turn = turn;
            inner.attempt(&read)
        });
        match timeout(PATIENCE, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
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
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => (self.connect)()?,
        };
        let begin = connection.begin_read();
        let outcome = connection
            .batch(begin)
            .and_then(|()| read(&mut self.transaction.session(connection.as_mut())));
        // Nothing was written; whatever the outcome, there is nothing to keep.
        let ended = connection.batch("ROLLBACK");
        if ended.is_ok() && connection.is_alive() {
            self.idle().push(connection);
        } else {
            // What ended this connection has most likely ended its siblings.
            self.idle().clear();
        }
        outcome
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Box<dyn Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
