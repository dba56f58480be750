//! Counters of listeners, which never fall, and where their sockets are.
//!
//! A node counts from 0 again when it begins anew: after the load balancer was switched off, or on
//! another node. It then reports another series, and what the one before came to is kept beside
//! it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use evenkeel_model::observed::{Observation, Traffic};
use evenkeel_model::{ListenerId, LoadBalancerId, SeriesId};

use crate::engine::{Row, Session, Value, values};
use crate::{Store, StoreError};

/// What is kept of a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// What all series before came to.
    before: Traffic,
    /// What this one has come to.
    traffic: Traffic,
    series: Option<SeriesId>,
    socket: Option<SocketAddr>,
}

const COLUMNS: &str = "bytes_in, bytes_out, active_connections, total_connections, \
                       request_errors, bytes_in_before, bytes_out_before, \
                       total_connections_before, request_errors_before, series, socket";

/// What is kept of the listeners of a load balancer.
pub(super) fn kept(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<BTreeMap<ListenerId, Counted>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS}, listener_id FROM listener_traffic WHERE load_balancer_id = ?1");
    let rows = session.query(&sql, &values![id])?;
    rows.iter().map(|row| Ok((row.parse(11)?, Counted::read(row)?))).collect()
}

impl Counted {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let traffic = Traffic {
            bytes_in: row.count(0)?,
            bytes_out: row.count(1)?,
            active_connections: row.count(2)?,
            total_connections: row.count(3)?,
            request_errors: row.count(4)?,
        };
        let before = Traffic {
            bytes_in: row.count(5)?,
            bytes_out: row.count(6)?,
            active_connections: 0,
            total_connections: row.count(7)?,
            request_errors: row.count(8)?,
        };
        let (series, socket) = (row.maybe_parse(9)?, row.maybe_parse(10)?);
        Ok(Self { before, traffic, series, socket })
    }

    /// All series together, and the connections of the last one.
    const fn total(self) -> Traffic {
        self.before.plus(self.traffic)
    }

    /// After `seen` was reported of the listener. One that is not served any more keeps its
    /// totals, and has no connections.
    fn after(self, listener: ListenerId, seen: &Observation) -> Self {
        let socket = seen.sockets.get(&listener).copied();
        match seen.traffic.get(&listener) {
            None => Self { traffic: self.traffic.idle(), socket, ..self },
            Some(later) if seen.series == self.series => {
                Self { traffic: self.traffic.risen_to(*later), socket, ..self }
            }
            Some(first) => Self {
                before: self.before.plus(self.traffic.idle()),
                traffic: *first,
                series: seen.series,
                socket,
            },
        }
    }
}

/// What is to be kept instead, for the listeners of which it is something else.
pub(super) fn news(
    kept: &BTreeMap<ListenerId, Counted>,
    seen: &Observation,
    is_there: impl Fn(ListenerId) -> bool,
) -> BTreeMap<ListenerId, Counted> {
    let named = kept.keys().chain(seen.traffic.keys()).chain(seen.sockets.keys());
    named
        .filter(|listener| is_there(**listener))
        .map(|listener| {
            let known = kept.get(listener).copied().unwrap_or_default();
            (*listener, known.after(*listener, seen))
        })
        .filter(|(listener, counted)| kept.get(listener) != Some(counted))
        .collect()
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Keeps `counted` of a listener.
pub(super) fn keep(
    session: &mut Session<'_>,
    id: LoadBalancerId,
    listener: ListenerId,
    counted: Counted,
) -> Result<(), StoreError> {
    let Counted { before, traffic, series, socket } = counted;
    let replaced: Vec<String> =
        COLUMNS.split(", ").map(|column| format!("{column} = excluded.{column}")).collect();
    let sql = format!(
        "INSERT INTO listener_traffic ({COLUMNS}, listener_id, load_balancer_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT (listener_id) DO UPDATE SET {}",
        replaced.join(", ")
    );
    let values = values![
        number(traffic.bytes_in),
        number(traffic.bytes_out),
        number(traffic.active_connections),
        number(traffic.total_connections),
        number(traffic.request_errors),
        number(before.bytes_in),
        number(before.bytes_out),
        number(before.total_connections),
        number(before.request_errors),
        series,
        socket.map(|socket| socket.to_string()),
        listener,
        id,
    ];
    session.execute(&sql, &values).map(drop)
}

/// The sum over the listeners whose `column` is `id`.
pub(super) fn sum(
    session: &mut Session<'_>,
    column: &str,
    id: Value,
) -> Result<Traffic, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM listener_traffic WHERE {column} = ?1");
    let rows = session.query(&sql, &[id])?;
    rows.iter()
        .try_fold(Traffic::default(), |total, row| Ok(total.plus(Counted::read(row)?.total())))
}

impl Store {
    /// What passed each listener of a load balancer of which anything was reported yet.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn traffic_by_listener(
        &self,
        id: LoadBalancerId,
    ) -> Result<BTreeMap<ListenerId, Traffic>, StoreError> {
        self.read(move |session| {
            let kept = kept(session, id)?;
            Ok(kept.into_iter().map(|(listener, counted)| (listener, counted.total())).collect())
        })
        .await
    }
}
