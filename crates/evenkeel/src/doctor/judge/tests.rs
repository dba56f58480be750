use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::doctor::facts::{
    AgentHere, Bridge, Groups, Haproxy, Owner, Place, Routers, Server, Switch, Use,
};
use crate::doctor::finding::State;

fn words(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|&word| word.to_owned()).collect()
}

fn place(what: Use, in_memory: bool) -> Place {
    Place {
        what,
        path: PathBuf::from("/place"),
        exists: true,
        in_memory,
        owner: Owner::Ours,
        room: Ok((1 << 40, 1 << 20)),
    }
}

/// A node that lacks nothing.
fn sound() -> Facts {
    let works = || Trial::Works;
    Facts {
        rights: Rights { root: true, lacking: Vec::new() },
        kernel: Kernel {
            namespaces: works(),
            names: works(),
            veth: works(),
            bridge: works(),
            ipv6: works(),
            packets: works(),
            ping: works(),
        },
        haproxy: Ok(Haproxy {
            path: PathBuf::from("/usr/sbin/haproxy"),
            version: Some((2, 6)),
            features: words(&["OPENSSL", "LUA", "PCRE2", "THREAD"]),
        }),
        nft: works(),
        routers: Routers::default(),
        switch: Some(Switch {
            database: PathBuf::from("/run/openvswitch/db.sock"),
            reachable: works(),
            forwards: true,
            bridge: "br-int".to_owned(),
            found: Some(Bridge { exists: true, ..Bridge::default() }),
            by_neutron: false,
            neutron_runs: false,
        }),
        groups: Groups {
            mounted: true,
            writable: true,
            controllers: words(&["cpu", "memory", "pids"]),
        },
        limits: Some(Vec::new()),
        descriptors: 1 << 20,
        requests: Some(512),
        places: vec![place(Use::State, false), place(Use::Secrets, true), place(Use::Logs, false)],
        users: Some(Vec::new()),
        is_clock_plausible: true,
        server: Server { socket: PathBuf::from("/run/evenkeel/agent.sock"), answers: works() },
        agent: AgentHere { runs: Some(true), things: 3 },
    }
}

/// What is not in order after `spoil`: codes and states.
fn found(spoil: impl FnOnce(&mut Facts)) -> Vec<(&'static str, State)> {
    let mut facts = sound();
    spoil(&mut facts);
    let all = findings(&facts).into_iter().filter(|it| it.state != State::Ok);
    all.map(|it| {
        assert!(!it.cure.is_empty() && !it.seen.is_empty(), "{it:?}");
        (it.code, it.state)
    })
    .collect()
}

fn switch(facts: &mut Facts) -> &mut Switch {
    facts.switch.as_mut().expect("there is one")
}

#[test]
fn a_sound_node_lacks_nothing() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn codes_are_in_order_unique_and_in_the_manual() {
    let all = findings(&sound());
    let codes: Vec<&str> = all.iter().map(|it| it.code).collect();
    assert!(codes.is_sorted_by(|one, two| one < two), "{codes:?}");
    let manual = include_str!("../../../../../docs/doctor.md");
    for code in codes {
        assert!(manual.contains(&format!("| {code} |")), "{code} is not in docs/doctor.md");
    }
}

#[test]
fn without_root_a_node_is_judged_as_far_as_it_can_be_seen() {
    let seen = found(|it| {
        it.rights = Rights { root: false, lacking: vec!["CAP_NET_ADMIN"] };
        it.kernel.namespaces = Trial::Untried("no right to look".to_owned());
        it.agent.runs = None;
    });
    let expected = [("EK001", State::Warning), ("EK010", State::Unseen), ("EK090", State::Unseen)];
    assert_eq!(seen, expected);
    let seen = found(|it| it.rights.lacking = vec!["CAP_NET_ADMIN"]);
    assert_eq!(seen, [("EK001", State::Missing)]);
}

#[test]
fn what_a_kernel_lacks_is_missing_unless_most_can_do_without() {
    let fails = || Trial::Fails("not supported".to_owned());
    let seen = found(|it| {
        let kernel = &mut it.kernel;
        (kernel.names, kernel.veth, kernel.bridge) = (fails(), fails(), fails());
        (kernel.ipv6, kernel.packets, kernel.ping) = (fails(), fails(), fails());
        it.nft = fails();
    });
    let expected = [
        ("EK011", State::Missing),
        ("EK012", State::Missing),
        ("EK013", State::Missing),
        ("EK014", State::Warning),
        ("EK015", State::Missing),
        ("EK016", State::Warning),
        ("EK030", State::Warning),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_haproxy_that_is_absent_old_or_bare_is_told_apart() {
    let seen = found(|it| it.haproxy = Err("not there".to_owned()));
    assert_eq!(seen, [("EK020", State::Missing)]);
    let haproxy = |version, features: &[&str]| {
        Ok(Haproxy { version, features: words(features), ..Haproxy::default() })
    };
    let all = ["OPENSSL", "LUA", "PCRE", "THREAD"];
    let seen = found(|it| it.haproxy = haproxy(Some((2, 4)), &all));
    assert_eq!(seen, [("EK021", State::Missing)]);
    let seen = found(|it| it.haproxy = haproxy(Some((10, 0)), &all));
    assert_eq!(seen, []);
    let seen = found(|it| it.haproxy = haproxy(None, &all[1..]));
    assert_eq!(seen, [("EK021", State::Missing), ("EK022", State::Missing)]);
}

#[test]
fn a_database_without_its_switch_is_noticed() {
    assert_eq!(found(|it| switch(it).forwards = false), [("EK041", State::Missing)]);
    let seen = found(|it| {
        switch(it).reachable = Trial::Fails("no such file".to_owned());
        switch(it).found = None;
    });
    assert_eq!(seen, [("EK040", State::Missing)]);
}

#[test]
fn a_bridge_without_flows_is_noticed() {
    let seen = found(|it| switch(it).found = Some(Bridge::default()));
    assert_eq!(seen, [("EK042", State::Missing)]);
    let secure = Bridge { exists: true, fail_mode: "secure".to_owned(), ..Bridge::default() };
    let seen = found(|it| switch(it).found = Some(secure.clone()));
    assert_eq!(seen, [("EK043", State::Warning)]);
    let seen = found(|it| {
        let switch = switch(it);
        (switch.found, switch.by_neutron, switch.neutron_runs) = (Some(secure), true, true);
    });
    assert_eq!(seen, []);
}

#[test]
fn two_who_would_set_the_tags_or_nobody_is_noticed() {
    assert_eq!(found(|it| switch(it).by_neutron = true), [("EK044", State::Missing)]);
    assert_eq!(found(|it| switch(it).neutron_runs = true), [("EK044", State::Missing)]);
}

#[test]
fn groups_and_limits_are_warnings() {
    assert_eq!(found(|it| it.groups = Groups::default()), [("EK050", State::Warning)]);
    let seen = found(|it| _ = it.groups.controllers.remove("memory"));
    assert_eq!(seen, [("EK050", State::Warning)]);
    assert_eq!(found(|it| it.groups.writable = false), [("EK050", State::Warning)]);
    assert_eq!(found(|it| it.descriptors = 20_000), [("EK060", State::Warning)]);
    let seen = found(|it| it.limits = Some(vec!["no controller pids".to_owned()]));
    assert_eq!(seen, [("EK051", State::Warning)]);
    assert_eq!(found(|it| it.limits = None), []);
}

#[test]
fn a_short_queue_matters_only_to_those_who_log_requests() {
    assert_eq!(found(|it| it.requests = Some(10)), [("EK061", State::Warning)]);
    assert_eq!(found(|it| it.requests = None), []);
}

#[test]
fn routers_of_neutron_are_told() {
    for routers in
        [Routers { agent_runs: true, strange: 0 }, Routers { agent_runs: false, strange: 2 }]
    {
        assert_eq!(found(|it| it.routers = routers), [("EK031", State::Warning)]);
    }
}

#[test]
fn directories_are_judged_by_what_they_are_for() {
    let seen = found(|it| it.places[1].in_memory = false);
    assert_eq!(seen, [("EK071", State::Missing)]);
    assert_eq!(found(|it| it.places[0].owner = Owner::Open), [("EK070", State::Warning)]);
    assert_eq!(found(|it| it.places[2].owner = Owner::Open), []);
    assert_eq!(found(|it| it.places[0].owner = Owner::Strange), [("EK070", State::Warning)]);
    assert_eq!(found(|it| it.places[2].room = Ok((1 << 20, 9999))), [("EK072", State::Warning)]);
    let seen = found(|it| it.places[0].room = Err("it is no directory".to_owned()));
    assert_eq!(seen, [("EK070", State::Missing)]);
}

#[test]
fn users_clock_server_and_leftovers_are_told() {
    assert_eq!(
        found(|it| it.users = Some(vec!["web (300007)".to_owned()])),
        [("EK073", State::Missing)]
    );
    assert_eq!(found(|it| it.users = None), [("EK073", State::Warning)]);
    assert_eq!(found(|it| it.is_clock_plausible = false), [("EK074", State::Missing)]);
    let seen = found(|it| it.server.answers = Trial::Fails("no such file".to_owned()));
    assert_eq!(seen, [("EK080", State::Warning)]);
    assert_eq!(found(|it| it.agent.runs = Some(false)), [("EK090", State::Warning)]);
    assert_eq!(found(|it| it.agent = AgentHere { runs: Some(false), things: 0 }), []);
}
