//! Who is to be told that Open vSwitch was disturbed: its database says what changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_model::LoadBalancerId;
use evenkeel_plumbing::ovsdb::notation::number;
use evenkeel_plumbing::{Ovsdb, OvsdbError};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::port::owner;

/// How long it takes until a database that went away is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// Wakes whoever waits for a load balancer, and remembers it for whoever does not wait just then.
#[derive(Debug)]
pub(super) struct Watch {
    sleepers: Arc<Sleepers>,
    /// Ends with this.
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Sleepers(Mutex<BTreeMap<LoadBalancerId, Arc<Notify>>>);

impl Watch {
    pub(super) fn start(database: Ovsdb) -> Self {
        let sleepers = Arc::new(Sleepers::default());
        let mut task = JoinSet::new();
        task.spawn(watch(database, Arc::clone(&sleepers)));
        Self { sleepers, _task: task }
    }

    /// From now on it is remembered what disturbs this load balancer.
    pub(super) fn remember(&self, load_balancer: LoadBalancerId) {
        self.sleepers.of(load_balancer);
    }

    /// It is of no interest any more.
    pub(super) fn forget(&self, load_balancer: LoadBalancerId) {
        self.sleepers.lock().remove(&load_balancer);
    }

    pub(super) async fn disturbed(&self, load_balancer: LoadBalancerId) {
        self.sleepers.of(load_balancer).notified().await;
    }
}

impl Sleepers {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LoadBalancerId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, load_balancer: LoadBalancerId) -> Arc<Notify> {
        Arc::clone(self.lock().entry(load_balancer).or_default())
    }

    fn wake(&self, load_balancer: LoadBalancerId) {
        if let Some(sleeper) = self.lock().get(&load_balancer) {
            debug!(%load_balancer, "Open vSwitch was disturbed");
            sleeper.notify_one();
        }
    }

    fn wake_all(&self) {
        self.lock().values().for_each(|it| it.notify_one());
    }
}

async fn watch(database: Ovsdb, sleepers: Arc<Sleepers>) {
    let mut was_there = true;
    loop {
        let Err(error) = follow(&database, &sleepers, &mut was_there).await;
        if was_there {
            let error = &error as &dyn std::error::Error;
            warn!(error, "Open vSwitch's database went away; it is looked for");
            was_there = false;
        }
        sleep(AGAIN).await;
    }
}

async fn follow(
    database: &Ovsdb,
    sleepers: &Sleepers,
    is_there: &mut bool,
) -> Result<std::convert::Infallible, OvsdbError> {
    let tables = json!({
        "Interface": { "columns": ["external_ids", "ofport", "ifindex"] },
        "Port": { "columns": ["external_ids", "tag", "vlan_mode"] },
    });
    let mut following = database.follow(tables).await?;
    *is_there = true;
    // Nobody knows what happened meanwhile.
    sleepers.wake_all();
    loop {
        let update = following.next().await?;
        let tables = update.as_object().into_iter().flat_map(|tables| tables.values());
        let rows = tables.filter_map(Value::as_object).flat_map(|rows| rows.values());
        for load_balancer in rows.flat_map(concerned) {
            sleepers.wake(load_balancer);
        }
    }
}

/// Whom a change of a row concerns. What the switch does by itself after a port was added does not:
/// it gives it its numbers, and looks at its device some seconds later.
fn concerned(row: &Value) -> Vec<LoadBalancerId> {
    let (old, new) = (&row["old"], &row["new"]);
    if old.is_null() {
        return Vec::new();
    }
    let (before, after) = (owner(old), owner(new));
    if new.is_null() || old.get("external_ids").is_some() {
        return before.into_iter().chain(after).collect();
    }
    let had = |column: &str| old.get(column).and_then(number);
    let is_plain = had("ofport").is_none()
        && (had("ifindex").is_none() || number(&new["ifindex"]).is_none_or(|it| it == 0));
    let is_tagged = old.get("tag").is_some() || old.get("vlan_mode").is_some();
    after.filter(|_| is_tagged || !is_plain).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id() -> LoadBalancerId {
        LoadBalancerId::new(Uuid::from_u128(7))
    }

    fn row(with: &Value) -> Value {
        let mut row = json!({ "external_ids": ["map", [["evenkeel", id().to_string()]]] });
        for (column, value) in with.as_object().unwrap() {
            row[column] = value.clone();
        }
        row
    }

    #[test]
    fn what_matters_wakes_its_owner() {
        let none = json!(["set", []]);
        for (old, new) in [
            (row(&json!({})), json!(null)),
            (json!({ "external_ids": ["map", []] }), row(&json!({}))),
            (row(&json!({})), json!({ "external_ids": ["map", []] })),
            (json!({ "tag": 4095 }), row(&json!({ "tag": 5 }))),
            (json!({ "tag": 5 }), row(&json!({ "tag": none }))),
            (json!({ "ofport": 3 }), row(&json!({ "ofport": -1 }))),
            (json!({ "ifindex": 0 }), row(&json!({ "ifindex": 9 }))),
        ] {
            assert_eq!(concerned(&json!({ "old": old, "new": new })), [id()], "{old} {new}");
        }
    }

    #[test]
    fn what_the_switch_does_by_itself_wakes_nobody() {
        let none = json!(["set", []]);
        for (old, new) in [
            (json!(null), row(&json!({}))),
            (json!({ "ofport": none }), row(&json!({ "ofport": 3 }))),
            (json!({ "ifindex": none }), row(&json!({ "ifindex": 9 }))),
            (json!({ "ifindex": 9 }), row(&json!({ "ifindex": 0 }))),
            (json!({ "tag": 1 }), json!({ "external_ids": ["map", []], "tag": 2 })),
        ] {
            assert_eq!(concerned(&json!({ "old": old, "new": new })), [], "{old} {new}");
        }
    }
}
