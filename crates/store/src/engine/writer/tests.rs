use std::collections::VecDeque;

use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;

use super::*;
use crate::engine::{Row, Value};
use crate::{Backend, SystemClock};

/// A database that keeps a list of words, and fails as it is told to.
#[derive(Clone, Debug, Default)]
struct Database(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    kept: Vec<String>,
    /// How the next commits end.
    commits: VecDeque<Commit>,
    connections: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Commit {
    Busy,
    Full,
    /// It is done, and nobody hears so.
    Lost,
}

/// What was written since the transaction and since the savepoint began.
struct Wire {
    database: Database,
    written: Vec<String>,
    saved: usize,
    is_alive: bool,
}

impl Database {
    fn connect(&self) -> Box<dyn Connection> {
        self.0.lock().unwrap().connections += 1;
        Box::new(Wire { database: self.clone(), written: Vec::new(), saved: 0, is_alive: true })
    }

    fn writer(&self) -> Writer {
        let config = StoreConfig {
            backend: Backend::Memory,
            inline: true,
            strict_immutable: false,
            count_quotas: false,
            default_limits: Limits::default(),
            address_rules: AddressRules::default(),
            clock: Arc::new(SystemClock),
        };
        let again = self.clone();
        Writer::start(config, Arc::new(move || Ok(again.connect())), self.connect())
    }

    fn failing(commits: &[Commit]) -> Self {
        let database = Self::default();
        database.0.lock().unwrap().commits = commits.iter().copied().collect();
        database
    }

    fn kept(&self) -> Vec<String> {
        self.0.lock().unwrap().kept.clone()
    }
}

impl Wire {
    fn commit(&mut self) -> Result<(), StoreError> {
        let mut state = self.database.0.lock().unwrap();
        match state.commits.pop_front() {
            Some(Commit::Busy) => return Err(StoreError::Busy),
            Some(Commit::Full) => return Err(StoreError::Full),
            Some(Commit::Lost) => self.is_alive = false,
            None => {}
        }
        state.kept.append(&mut self.written);
        if self.is_alive { Ok(()) } else { Err(StoreError::Busy) }
    }
}

impl Connection for Wire {
    fn execute(&mut self, word: &str, _: &[Value]) -> Result<u64, StoreError> {
        match word {
            "broken" => Err(StoreError::database("try", "it is broken".to_owned())),
            "refused" => Err(StoreError::MonitorTaken),
            word => {
                self.written.push(word.to_owned());
                Ok(1)
            }
        }
    }

    fn query(&mut self, _: &str, _: &[Value]) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match sql {
            "BEGIN" | "ROLLBACK" => self.written.clear(),
            "SAVEPOINT operation" => self.saved = self.written.len(),
            "COMMIT" => return self.commit(),
            _ if sql.starts_with("ROLLBACK TO") => self.written.truncate(self.saved),
            _ => {}
        }
        if self.is_alive { Ok(()) } else { Err(StoreError::Busy) }
    }

    fn begin(&self) -> &'static str {
        "BEGIN"
    }

    fn begin_read(&self) -> &'static str {
        "BEGIN"
    }

    fn begin_migration(&self) -> &'static str {
        "BEGIN"
    }

    fn is_alive(&self) -> bool {
        self.is_alive
    }
}

/// Writes a word first, and then this one.
async fn write(writer: &Writer, word: &'static str) -> Result<(), StoreError> {
    writer
        .run(move |session| {
            session.execute("first", &[])?;
            session.execute(word, &[]).map(drop)
        })
        .await
}

async fn write_together(writer: &Writer, words: [&'static str; 3]) -> [Result<(), StoreError>; 3] {
    let [a, b, c] = words;
    tokio::join!(write(writer, a), write(writer, b), write(writer, c)).into()
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_and_takes_nobody_with_it() {
    let database = Database::default();
    let [a, b, c] = write_together(&database.writer(), ["a", "refused", "c"]).await;
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(StoreError::MonitorTaken)), "{b:?}");
    assert_eq!(database.kept(), ["first", "a", "first", "c"]);
}

#[tokio::test]
async fn whoever_breaks_the_database_fails_alone() {
    let database = Database::default();
    let [a, b, c] = write_together(&database.writer(), ["a", "broken", "c"]).await;
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(StoreError::Database { .. })), "{b:?}");
    assert_eq!(database.kept(), ["first", "a", "first", "c"]);
}

#[tokio::test]
async fn a_conflict_is_run_again_until_it_is_over() {
    let database = Database::failing(&[Commit::Busy; 5]);
    let outcomes = write_together(&database.writer(), ["a", "b", "c"]).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(database.kept(), ["first", "a", "first", "b", "first", "c"]);
    assert_eq!(database.0.lock().unwrap().connections, 1);
}

#[tokio::test]
async fn a_conflict_that_never_ends_is_told() {
    let database = Database::failing(&[Commit::Busy; 1000]);
    let outcome = write(&database.writer(), "a").await;
    assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
    assert!(database.kept().is_empty());
}

#[tokio::test]
async fn a_full_disk_is_told_to_all_and_is_over_when_it_is() {
    let database = Database::failing(&[Commit::Full]);
    let writer = database.writer();
    for outcome in write_together(&writer, ["a", "b", "c"]).await {
        assert!(matches!(outcome, Err(StoreError::Full)), "{outcome:?}");
    }
    assert!(database.kept().is_empty());
    write(&writer, "d").await.unwrap();
    assert_eq!(database.kept(), ["first", "d"]);
}

#[tokio::test]
async fn a_commit_of_which_nobody_heard_is_not_run_again() {
    let database = Database::failing(&[Commit::Lost]);
    let writer = database.writer();
    let outcome = write(&writer, "a").await;
    assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
    write(&writer, "b").await.unwrap();
    assert_eq!(database.kept(), ["first", "a", "first", "b"]);
    assert_eq!(database.0.lock().unwrap().connections, 2);
}

#[tokio::test]
async fn whoever_gave_up_leaves_nothing() {
    let database = Database::default();
    let writer = database.writer();
    let mut hurried = Box::pin(write(&writer, "a"));
    // It is in the queue, and then nobody waits for it.
    tokio::select! {
        biased;
        _ = &mut hurried => panic!("nobody has written it yet"),
        () = std::future::ready(()) => drop(hurried),
    }
    write(&writer, "b").await.unwrap();
    assert_eq!(database.kept(), ["first", "b"]);
}
