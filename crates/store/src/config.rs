//! What a store is opened with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_model::Timestamp;
use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;

/// Where things are remembered.
#[derive(Clone, Debug)]
pub enum Backend {
    /// In a file of this machine, for one process.
    Sqlite {
        /// The file; made if it is not there.
        path: PathBuf,
    },
    /// In this process, until it ends.
    Memory,
    /// In a database that many processes may share.
    Postgres {
        /// As `postgresql://user@host/database`.
        url: String,
    },
}

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where things are remembered.
    pub backend: Backend,
    /// Work on the runtime's own thread: for simulations, in which time stands still. Not on
    /// PostgreSQL.
    pub inline: bool,
    /// Refuse changes of what is `PENDING_*` or in `ERROR`, as Octavia does.
    pub strict_immutable: bool,
    /// Whether quotas are asked.
    pub count_quotas: bool,
    /// The limits of projects that have none of their own.
    pub default_limits: Limits,
    /// Which addresses can be VIPs.
    pub address_rules: AddressRules,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
