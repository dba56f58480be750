//! Counters of listeners, and where their sockets are.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use evenkeel_model::observed::{Observation, Traffic};
use evenkeel_model::{ListenerId, LoadBalancerId};

use crate::StoreError;
use crate::engine::{Row, Session, Value, values};

/// What is kept of a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    traffic: Traffic,
    socket: Option<SocketAddr>,
}

const COUNTERS: &str = "bytes_in, bytes_out, active_connections, total_connections, request_errors";

/// What is kept of the listeners of a load balancer.
pub(super) fn kept(
    session: &mut Session<'_>,
    id: LoadBalancerId,
) -> Result<BTreeMap<ListenerId, Counted>, StoreError> {
    let sql = format!(
        "SELECT {COUNTERS}, listener_id, socket FROM listener_traffic WHERE load_balancer_id = ?1"
    );
    let rows = session.query(&sql, &values![id])?;
    rows.iter()
        .map(|row| {
            let counted = Counted { traffic: read(row)?, socket: row.maybe_parse(6)? };
            Ok((row.parse(5)?, counted))
        })
        .collect()
}

fn read(row: &Row) -> Result<Traffic, StoreError> {
    Ok(Traffic {
        bytes_in: row.count(0)?,
        bytes_out: row.count(1)?,
        active_connections: row.count(2)?,
        total_connections: row.count(3)?,
        request_errors: row.count(4)?,
    })
}

/// What is to be kept instead, for the listeners of which it is something else.
///
/// Counters are totals and replace those that are there. A listener that is not served any more
/// keeps its totals, and has no connections.
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
            let idle = Traffic { active_connections: 0, ..known.traffic };
            let traffic = seen.traffic.get(listener).copied().unwrap_or(idle);
            (*listener, Counted { traffic, socket: seen.sockets.get(listener).copied() })
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
    let Counted { traffic, socket } = counted;
    let sql = format!(
        "INSERT INTO listener_traffic (listener_id, load_balancer_id, {COUNTERS}, socket) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (listener_id) DO UPDATE SET \
         bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out, \
         active_connections = excluded.active_connections, \
         total_connections = excluded.total_connections, \
         request_errors = excluded.request_errors, socket = excluded.socket"
    );
    let values = values![
        listener,
        id,
        number(traffic.bytes_in),
        number(traffic.bytes_out),
        number(traffic.active_connections),
        number(traffic.total_connections),
        number(traffic.request_errors),
        socket.map(|socket| socket.to_string()),
    ];
    session.execute(&sql, &values).map(drop)
}

/// The sum over the listeners whose `column` is `id`.
pub(super) fn sum(
    session: &mut Session<'_>,
    column: &str,
    id: Value,
) -> Result<Traffic, StoreError> {
    let sql = format!("SELECT {COUNTERS} FROM listener_traffic WHERE {column} = ?1");
    let rows = session.query(&sql, &[id])?;
    rows.iter().try_fold(Traffic::default(), |total, row| Ok(total.plus(read(row)?)))
}
