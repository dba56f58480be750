//! HAProxy's statistics as what was observed.

use std::collections::BTreeMap;

use evenkeel_model::observed::{ListenerHealth, MemberHealth, PoolHealth, Traffic};
use evenkeel_model::{ListenerId, PoolId};

use crate::backend_name::BackendName;
use crate::command::ServerName;

/// What the statistics of one process say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    pub(crate) listeners: BTreeMap<ListenerId, ListenerHealth>,
    pub(crate) pools: BTreeMap<PoolId, PoolHealth>,
    pub(crate) members: BTreeMap<ServerName, MemberHealth>,
    pub(crate) traffic: BTreeMap<ListenerId, Traffic>,
    /// Retired servers that are still there.
    pub(crate) retired: Vec<ServerName>,
}

/// Reads the CSV of `show stat`, without `retired` servers. Lines that are not ours, and fields
/// that make no sense, are passed over: what is missing then is unknown, and not wrong.
pub(crate) fn parse(csv: &str, retired: &[ServerName]) -> Statistics {
    let mut lines = csv.lines();
    let header = lines.next().unwrap_or_default().trim_start_matches("# ");
    let columns: BTreeMap<&str, usize> =
        header.split(',').enumerate().map(|(at, name)| (name, at)).collect();
    let mut statistics = Statistics::default();
    for line in lines {
        let fields = fields(line);
        let row = Row { columns: &columns, fields: &fields };
        statistics.take(&row);
    }
    for server in retired {
        if statistics.members.remove(server).is_some() {
            statistics.retired.push(*server);
        }
    }
    statistics.members.retain(|server, _| server.backend.is_own());
    // HAProxy calls a backend without servers DOWN; a pool without members is not.
    for (pool, health) in &mut statistics.pools {
        if !statistics.members.keys().any(|server| server.backend.pool() == *pool) {
            *health = PoolHealth::Up;
        }
    }
    statistics
}

/// The fields of a line. Those in quotes may hold commas; a quote in them is doubled.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            character => {
                if let Some(field) = fields.last_mut() {
                    field.push(character);
                }
            }
        }
    }
    fields
}

struct Row<'a> {
    columns: &'a BTreeMap<&'a str, usize>,
    fields: &'a [String],
}

impl Row<'_> {
    fn text(&self, column: &str) -> &str {
        let field = self.columns.get(column).and_then(|at| self.fields.get(*at));
        field.map_or("", String::as_str)
    }

    fn number(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or(0)
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            bytes_in: self.number("bin"),
            bytes_out: self.number("bout"),
            active_connections: self.number("scur"),
            total_connections: self.number("stot"),
            request_errors: self.number("ereq"),
        }
    }

    fn listener_health(&self) -> ListenerHealth {
        let limit = self.number("slim");
        let is_full = limit > 0 && self.number("scur") >= limit;
        if is_full { ListenerHealth::Full } else { ListenerHealth::Open }
    }

    /// A server's status is a word, and while it is on its way, how far: `UP 1/3`, `DOWN 2/5`.
    fn member_health(&self) -> MemberHealth {
        let status = self.text("status");
        let word = status.split(' ').next().unwrap_or_default();
        // What is on its way up has not been probed yet when nothing was said of its last probe.
        let unprobed = matches!(self.text("check_status"), "INI" | "");
        match word {
            "UP" if unprobed => MemberHealth::Unknown,
            "UP" if self.number("weight") == 0 => MemberHealth::Draining,
            "UP" => MemberHealth::Up,
            "DRAIN" => MemberHealth::Draining,
            "DOWN" | "NOLB" => MemberHealth::Down,
            "MAINT" => MemberHealth::Disabled,
            "no" => MemberHealth::Unmonitored,
            _ => MemberHealth::Unknown,
        }
    }
}

impl Statistics {
    fn take(&mut self, row: &Row<'_>) {
        let name = row.text("pxname");
        match row.text("svname") {
            "FRONTEND" => {
                if let Ok(listener) = name.parse() {
                    self.listeners.insert(listener, row.listener_health());
                    self.traffic.insert(listener, row.traffic());
                }
            }
            "BACKEND" => {
                if let Ok(BackendName::Own(pool)) = name.parse() {
                    let is_up = row.text("status").starts_with("UP");
                    let health = if is_up { PoolHealth::Up } else { PoolHealth::Down };
                    self.pools.insert(pool, health);
                }
            }
            server => {
                if let (Ok(backend), Ok(member)) = (name.parse(), server.parse()) {
                    self.members.insert(ServerName { backend, member }, row.member_health());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HEADER: &str = "# pxname,svname,scur,slim,stot,bin,bout,ereq,status,weight,check_status,\
                          last_chk,";

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn read(lines: &[String]) -> Statistics {
        parse(&format!("{HEADER}\n{}\n\n", lines.join("\n")), &[])
    }

    fn member(status: &str, weight: u16, check: &str) -> MemberHealth {
        let (pool, member) = (id(2), id(3));
        let line = format!("{pool},{member},0,,0,0,0,,{status},{weight},{check},\"a, b\",");
        *read(&[line]).members.values().next().unwrap()
    }

    #[test]
    fn servers_are_read_as_haproxy_words_them() {
        assert_eq!(member("UP", 1, "L7OK"), MemberHealth::Up);
        assert_eq!(member("UP 1/3", 1, "L7OK"), MemberHealth::Up);
        assert_eq!(member("UP", 1, "INI"), MemberHealth::Unknown);
        assert_eq!(member("UP", 0, "L7OK"), MemberHealth::Draining);
        assert_eq!(member("DOWN", 1, "L4CON"), MemberHealth::Down);
        assert_eq!(member("DOWN 2/5", 1, "L7OK"), MemberHealth::Down);
        assert_eq!(member("MAINT", 1, ""), MemberHealth::Disabled);
        assert_eq!(member("no check", 1, ""), MemberHealth::Unmonitored);
        assert_eq!(member("DRAIN", 0, "L7OK"), MemberHealth::Draining);
        assert_eq!(member("???", 1, ""), MemberHealth::Unknown);
    }

    #[test]
    fn frontends_are_full_at_their_limit_and_count() {
        let listener = id(1);
        let statistics = read(&[format!("{listener},FRONTEND,5,5,12,100,200,3,OPEN,,,,")]);
        assert_eq!(statistics.listeners[&listener.into()], ListenerHealth::Full);
        let traffic = statistics.traffic[&listener.into()];
        assert_eq!(
            (traffic.bytes_in, traffic.total_connections, traffic.request_errors),
            (100, 12, 3)
        );
    }

    #[test]
    fn a_pool_without_members_is_up_and_one_with_dead_ones_is_not() {
        let (empty, dead) = (id(1), id(2));
        let statistics = read(&[
            format!("{empty},BACKEND,0,,0,0,0,,DOWN,0,,,"),
            format!("{dead},{},0,,0,0,0,,DOWN,1,L4CON,,", id(3)),
            format!("{dead},BACKEND,0,,0,0,0,,DOWN,0,,,"),
        ]);
        assert_eq!(statistics.pools[&empty.into()], PoolHealth::Up);
        assert_eq!(statistics.pools[&dead.into()], PoolHealth::Down);

        // Who is only there for its last connections is no member any more.
        let csv = format!(
            "{HEADER}\n{dead},{},0,,0,0,0,,MAINT,1,,,\n{dead},BACKEND,0,,0,0,0,,DOWN,0,,,\n",
            id(3)
        );
        let retired = ServerName { backend: BackendName::Own(dead.into()), member: id(3).into() };
        let statistics = parse(&csv, &[retired]);
        assert!(statistics.members.is_empty());
        assert_eq!(statistics.retired, [retired]);
        assert_eq!(statistics.pools[&dead.into()], PoolHealth::Up);
    }

    #[test]
    fn of_a_pool_with_two_backends_one_speaks() {
        let (pool, member) = (id(2), id(3));
        let statistics = read(&[
            format!("{pool}.tcp,{member},0,,0,0,0,,DOWN,1,L4CON,,"),
            format!("{pool}.tcp,BACKEND,0,,0,0,0,,DOWN,0,,,"),
            format!("{pool},{member},0,,0,0,0,,UP,1,L4OK,,"),
            format!("{pool},BACKEND,0,,0,0,0,,UP,1,,,"),
        ]);
        assert_eq!(statistics.pools, [(pool.into(), PoolHealth::Up)].into());
        let health: Vec<_> = statistics.members.into_values().collect();
        assert_eq!(health, [MemberHealth::Up]);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in ["", "no,such,header", "# pxname\n\"", "Unknown command.\n"] {
            assert_eq!(parse(text, &[]), Statistics::default(), "{text}");
        }
    }
}
