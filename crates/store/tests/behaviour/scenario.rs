//! Runs each scenario on every backend.
//!
//! A scenario is an `async fn(home: Home)` that is named in its file's `scenarios!` list. On SQLite
//! each is a test of its own; on PostgreSQL all of them are one test, which shares one server and
//! gives each scenario a schema of its own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_model::Timestamp;
use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;
use evenkeel_store::{Backend, Clock, Store, StoreConfig};
use tempfile::TempDir;

use crate::postgres::Server;

/// How many scenarios run at once on PostgreSQL.
const AT_ONCE: usize = 4;

/// What happens in a scenario.
pub(crate) type Run = fn(Home) -> Pin<Box<dyn Future<Output = ()>>>;

/// One thing that the store promises.
pub(crate) struct Scenario {
    /// What it is, as a sentence.
    pub(crate) name: &'static str,
    /// How it shows.
    pub(crate) run: Run,
}

/// Names the scenarios of a file.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const SCENARIOS: &[$crate::scenario::Scenario] = &[$($crate::scenario::Scenario {
            name: concat!(module_path!(), "::", stringify!($name)),
            run: |home| Box::pin($name(home)),
        }),+];

        mod on_sqlite {
            $(#[test]
            fn $name() {
                $crate::scenario::run_on_sqlite(|home| Box::pin(super::$name(home)));
            })+
        }
    };
}
pub(crate) use scenarios;

/// Where the store of a scenario lives, and the clock it lives by.
pub(crate) struct Home {
    backend: Backend,
    clock: Arc<StoppedClock>,
}

impl Home {
    fn new(backend: Backend) -> Self {
        Self { backend, clock: Arc::new(StoppedClock(AtomicI64::new(1_700_000_000_000_000))) }
    }

    /// The store, with no limit to anything.
    pub(crate) async fn open(&self) -> Store {
        self.open_with(|_| ()).await
    }

    /// The store, with what `change` makes of its configuration. Opened twice, it is the same one.
    pub(crate) async fn open_with(&self, change: impl FnOnce(&mut StoreConfig)) -> Store {
        let mut config = StoreConfig {
            backend: self.backend.clone(),
            inline: false,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules { loopback_allowed: true, reserved: Vec::new() },
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
        };
        change(&mut config);
        Store::open(config).await.expect("the store opens")
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("less than ages");
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A clock that moves when it is told to.
#[derive(Debug)]
struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Runs one scenario on a database file.
pub(crate) fn run_on_sqlite(run: Run) {
    let directory = TempDir::with_prefix("evenkeel-store-").expect("a temporary directory");
    let path = directory.path().join("evenkeel.db");
    block_on(run, Home::new(Backend::Sqlite { path }));
}

/// Runs all scenarios on one server, and says which of them failed.
pub(crate) fn run_on_postgres(scenarios: &[&Scenario]) {
    let server = Server::start();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let worker = || {
        while let Some(index) = take(&next, scenarios.len()) {
            let scenario = scenarios[index];
            let home = Home::new(Backend::Postgres {
                url: server.create_schema(&format!("scenario_{index}")),
            });
            let run = AssertUnwindSafe(|| block_on(scenario.run, home));
            if catch_unwind(run).is_err() {
                failed.lock().expect("nobody panics here").push(scenario.name);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(worker);
        }
    });
    let failed = failed.into_inner().expect("nobody panics here");
    assert!(failed.is_empty(), "{} failed on PostgreSQL: {failed:#?}", failed.len());
}

fn take(next: &AtomicUsize, count: usize) -> Option<usize> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    (index < count).then_some(index)
}

fn block_on(run: Run, home: Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let deadline = Duration::from_mins(1);
    runtime
        .block_on(async { tokio::time::timeout(deadline, run(home)).await })
        .expect("a scenario ends within a minute");
}
