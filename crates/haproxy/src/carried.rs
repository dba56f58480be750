//! What one process knows of the health of servers, carried over to the one that replaces it: else
//! it would send clients to dead members until it has found out for itself. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::backend_name::BackendName;
use crate::command::ServerName;
use crate::configuration::{Backend, Configuration, Server};

/// What a file of states begins with: the version of the format. Alone, it says that nothing is
/// known.
pub(crate) const NOTHING: &str = "1\n";

/// The fields of a line, by their place (HAProxy's management guide, `show servers state`).
const BACKEND: usize = 1;
const SERVER: usize = 3;
const ADDRESS: usize = 4;
const ADMINISTRATIVE: usize = 6;
const USER_WEIGHT: usize = 7;
const INITIAL_WEIGHT: usize = 8;
const PORT: usize = 18;

/// An administrative state: somebody has said on the socket that the server is not to be used.
const FORCED: &str = "1";

/// The file of states for a process that shall do what `wanted` says, where `said` is what the one
/// says that does what `before` says.
///
/// Only what was found by probes is carried over, and only for servers that are probed in the same
/// way. All that is set by the file or by commands is as `wanted` has it. `pinged` are the servers
/// that we probe: if one was dead, HAProxy was told not to use it.
pub(crate) fn states(
    said: &str,
    before: &Configuration,
    wanted: &Configuration,
    pinged: impl Fn(ServerName) -> bool,
) -> String {
    let known: BTreeMap<(&str, &str), Vec<&str>> = said
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|fields| fields.len() > PORT)
        .map(|fields| ((fields[BACKEND], fields[SERVER]), fields))
        .collect();
    let mut text = NOTHING.to_owned();
    for backend in &wanted.backends {
        let Some(earlier) = earlier(before, backend) else { continue };
        for server in &backend.servers {
            let names = (earlier.id.to_string(), server.id.to_string());
            let Some(fields) = known.get(&(names.0.as_str(), names.1.as_str())) else { continue };
            let name = ServerName { backend: earlier.id, member: server.id };
            let line = line(fields, earlier, backend.id, server, pinged(name));
            // Writing to a string does not fail.
            let _ = line.map(|line| writeln!(text, "{line}"));
        }
    }
    text
}

/// Where the same members were served before. What is new beside a pool's own begins with what that
/// knows: they are the same members.
fn earlier<'a>(before: &'a Configuration, backend: &Backend) -> Option<&'a Backend> {
    let called = |name| before.backends.iter().find(|it| it.id == name);
    called(backend.id).or_else(|| called(BackendName::Own(backend.id.pool())))
}

/// The line of one server, if anything is to be carried over.
fn line(
    fields: &[&str],
    earlier: &Backend,
    backend: BackendName,
    server: &Server,
    pinged: bool,
) -> Option<String> {
    let before = earlier.servers.iter().find(|it| it.id == server.id)?;
    let same = thresholds(before) == thresholds(server)
        && before.options == server.options
        && before.address == server.address;
    let forced = fields[ADMINISTRATIVE] == FORCED;
    let is_known = if forced { pinged } else { server.check.is_some() };
    if !same || before.disabled || server.disabled || !is_known {
        return None;
    }
    let (address, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let weight = server.weight.get().to_string();
    let backend = backend.to_string();
    let mut fields = fields.to_vec();
    fields[BACKEND] = &backend;
    fields[ADDRESS] = &address;
    fields[PORT] = &port;
    fields[USER_WEIGHT] = &weight;
    fields[INITIAL_WEIGHT] = &weight;
    Some(fields.join(" "))
}

/// What a count of good or bad probes means something for. How often it is probed does not matter.
fn thresholds(server: &Server) -> Option<impl PartialEq> {
    server.check.map(|check| (check.rise, check.fall, check.address, check.port))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_model::Generation;
    use uuid::Uuid;

    use super::*;
    use crate::configuration::Check;
    use crate::writer::{Line, Section};

    fn server(number: u128, port: u16) -> Server {
        let threshold = |count: i64| count.try_into().unwrap();
        Server {
            id: Uuid::from_u128(number).into(),
            number: 7,
            address: ([127, 0, 0, 1], port).into(),
            weight: 5.try_into().unwrap(),
            backup: false,
            disabled: false,
            check: Some(Check {
                interval: Duration::from_secs(1),
                fast_interval: Duration::from_secs(1),
                rise: threshold(2),
                fall: threshold(2),
                address: None,
                port: None,
            }),
            options: Line::empty(),
        }
    }

    fn configuration(servers: Vec<Server>) -> Configuration {
        let section = || Section::new(Line::new("section"));
        let backend = Backend {
            id: BackendName::Own(Uuid::from_u128(1).into()),
            section: section(),
            remembers_clients: false,
            takes_servers: true,
            servers,
            material: Vec::new(),
        };
        Configuration {
            generation: Generation::new(1),
            global: section(),
            shared: Vec::new(),
            tells_metrics: false,
            frontends: Vec::new(),
            backends: vec![backend],
        }
    }

    /// What HAProxy says of a server: found dead, or told on the socket not to use it.
    fn said(number: u128, administrative: &str) -> String {
        let (pool, member) = (Uuid::from_u128(1), Uuid::from_u128(number));
        format!(
            "1\n# be_id be_name srv_id\n\
             3 {pool} 7 {member} 127.0.0.9 0 {administrative} 9 8 7 6 5 4 3 2 1 0 - 81 - 0 0 - - 0\n"
        )
    }

    fn carried(said: &str, before: Server, wanted: Server, pinged: bool) -> bool {
        let (before, wanted) = (configuration(vec![before]), configuration(vec![wanted]));
        states(said, &before, &wanted, |_| pinged) != NOTHING
    }

    #[test]
    fn what_was_found_is_carried_over_and_what_is_set_is_as_wanted() {
        let (before, wanted) =
            (configuration(vec![server(2, 80)]), configuration(vec![server(2, 80)]));
        let text = states(&said(2, "0"), &before, &wanted, |_| false);
        let (pool, member) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let expected =
            format!("1\n3 {pool} 7 {member} 127.0.0.1 0 0 5 5 7 6 5 4 3 2 1 0 - 80 - 0 0 - - 0\n");
        assert_eq!(text, expected);
    }

    #[test]
    fn only_what_is_probed_as_before_is_carried_over() {
        let unprobed = || Server { check: None, ..server(2, 80) };
        let disabled = || Server { disabled: true, ..server(2, 80) };
        let alive = said(2, "0");
        assert!(carried(&alive, server(2, 80), server(2, 80), false));
        assert!(!carried(&alive, server(2, 80), server(2, 81), false), "another address");
        assert!(!carried(&alive, server(2, 80), unprobed(), false), "nobody would find it alive");
        assert!(!carried(&alive, unprobed(), server(2, 80), false));
        assert!(!carried(&alive, unprobed(), unprobed(), false));
        assert!(!carried(&alive, server(3, 80), server(2, 80), false), "one that is new");
        assert!(!carried(&said(3, "0"), server(2, 80), server(2, 80), false));

        let forced = said(2, "1");
        assert!(carried(&forced, unprobed(), unprobed(), true), "dead to our own probes");
        assert!(!carried(&forced, unprobed(), unprobed(), false), "switched off and on again");
        assert!(!carried(&forced, disabled(), server(2, 80), true));
        assert!(!carried(&forced, server(2, 80), disabled(), true));
    }

    #[test]
    fn a_backend_beside_begins_with_what_the_pools_own_knows() {
        let before = configuration(vec![server(2, 80)]);
        let mut wanted = before.clone();
        let beside = BackendName::Bytes(Uuid::from_u128(1).into());
        wanted.backends.push(Backend { id: beside, ..wanted.backends[0].clone() });
        let text = states(&said(2, "0"), &before, &wanted, |_| false);
        let names: Vec<_> = text.lines().skip(1).map(|line| line.split(' ').nth(1)).collect();
        let (own, beside) = (wanted.backends[0].id.to_string(), beside.to_string());
        assert_eq!(names, [Some(own.as_str()), Some(beside.as_str())]);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for said in ["", "Unknown command.\n", "1\n", "1\n# be_id\n3 a b\n"] {
            assert!(!carried(said, server(2, 80), server(2, 80), true), "{said}");
        }
    }
}
