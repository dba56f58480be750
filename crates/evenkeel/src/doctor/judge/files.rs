//! Limits, directories, clock, and who is there already.

use crate::doctor::facts::{AgentHere, Facts, Groups, Owner, Place, Server, Use};
use crate::doctor::finding::{Finding, Thing, Trial};

/// Below this, a HAProxy with the default bound of connections could not have its files open.
const DESCRIPTORS: u64 = 65_536;

/// Below this, HAProxy drops lines when many requests come at once.
const WAITING_LINES: u64 = 512;

const MIB: u64 = 1024 * 1024;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all = vec![groups(&facts.groups)];
    all.extend(facts.limits.as_deref().map(limits));
    all.push(descriptors(facts.descriptors));
    all.extend(facts.requests.map(requests));
    all.extend(facts.places.iter().map(place));
    all.extend([
        users(facts.users.as_deref()),
        clock(facts.is_clock_plausible),
        server(&facts.server),
        agent(&facts.agent),
    ]);
    all
}

fn groups(groups: &Groups) -> Finding {
    let thing = Thing("EK050", "control groups");
    let without = "load balancers serve, but nothing bounds the memory of one";
    let lacking: Vec<&str> = ["cpu", "memory", "pids"]
        .into_iter()
        .filter(|controller| !groups.controllers.contains(*controller))
        .collect();
    if !groups.mounted {
        let cure = "mount -t cgroup2 none /sys/fs/cgroup, or start with \
                    systemd.unified_cgroup_hierarchy=1";
        thing.warning(format!("version 2 is not mounted; {without}"), cure)
    } else if !lacking.is_empty() {
        let cure = "write them to cgroup.subtree_control of the group above, or let systemd do so: \
                    Delegate=yes in the agent's unit";
        thing.warning(format!("without {}; {without}", lacking.join(", ")), cure)
    } else if groups.writable {
        thing.ok("version 2, with cpu, memory, pids")
    } else {
        thing.warning(
            format!("this user may make none; {without}"),
            "run the agent as root, with Delegate=yes in its unit",
        )
    }
}

/// Each shortcoming says its cure.
fn limits(shortcomings: &[String]) -> Finding {
    let thing = Thing("EK051", "limits of load balancers");
    match shortcomings {
        [] => thing.ok("can be set as agent.toml says"),
        some => thing.warning(some.join("; "), "until then they serve without these limits"),
    }
}

fn requests(lines: u64) -> Finding {
    let thing = Thing("EK061", "lines of requests that can wait");
    if lines >= WAITING_LINES {
        return thing.ok(lines.to_string());
    }
    thing.warning(
        format!("{lines}: of many requests at once, not all are logged"),
        "sysctl -w net.unix.max_dgram_qlen=512, before the agent is started; and in /etc/sysctl.d",
    )
}

fn descriptors(limit: u64) -> Finding {
    let thing = Thing("EK060", "open files of a process");
    if limit >= DESCRIPTORS {
        return thing.ok(limit.to_string());
    }
    let connections = limit.saturating_sub(100) / 2;
    thing.warning(
        format!("{limit}, so one load balancer takes about {connections} connections at once"),
        "set LimitNOFILE=1048576 in the agent's unit, or ulimit -n 1048576 before it is started",
    )
}

fn place(place: &Place) -> Finding {
    let (thing, least_room, mode) = match place.what {
        Use::State => (Thing("EK070", "state directory"), 512 * MIB, "0700"),
        Use::Secrets => (Thing("EK071", "directory for keys"), 16 * MIB, "0700"),
        Use::Logs => (Thing("EK072", "directory for logs"), 512 * MIB, "0750"),
    };
    let path = place.path.display();
    let (bytes, files) = match &place.room {
        Ok(room) => *room,
        Err(why) => {
            return thing.missing(format!("{path}: {why}"), format!("install -d -m {mode} {path}"));
        }
    };
    if place.what == Use::Secrets && !place.in_memory {
        let cure = "let secrets_directory be on a tmpfs, as /run/evenkeel is";
        return thing.missing(format!("{path} is not in memory: TLS would be refused"), cure);
    }
    match place.owner {
        Owner::Strange if place.exists => {
            let cure = format!("chown root:root {path}, or run as its owner");
            return thing.warning(format!("{path} is another user's"), cure);
        }
        Owner::Open if place.exists && place.what != Use::Logs => {
            let cure = format!("chmod 0700 {path}");
            return thing.warning(format!("others can read {path}"), cure);
        }
        Owner::Strange | Owner::Open | Owner::Ours => {}
    }
    if bytes < least_room || files < 1000 {
        let room = format!("{path} has room for {} MiB and {files} files", bytes / MIB);
        return thing.warning(room, "make room: a full disk keeps changes from being taken");
    }
    let there = if place.exists { "" } else { ", made at the first start" };
    thing.ok(format!("{path}, {} MiB free{there}", bytes / MIB))
}

fn users(users: Option<&[String]>) -> Finding {
    let thing = Thing("EK073", "users of load balancers");
    let Some(users) = users else {
        return thing.warning(
            "none: HAProxies run as the agent does, with its rights",
            "run the agent as root, or set haproxy.users in agent.toml",
        );
    };
    if users.is_empty() {
        return thing.ok("none of /etc/passwd is among them");
    }
    let some = users.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let cure = "let haproxy.users in agent.toml be a range of ids that nobody has";
    thing.missing(format!("these users have one: {some}"), cure)
}

fn clock(is_plausible: bool) -> Finding {
    let thing = Thing("EK074", "clock");
    if is_plausible {
        return thing.ok("later than this program");
    }
    let cure = "apt-get install systemd-timesyncd && timedatectl set-ntp true";
    thing.missing("earlier than this program: certificates would be judged wrongly", cure)
}

fn server(server: &Server) -> Finding {
    let thing = Thing("EK080", "control plane");
    let socket = server.socket.display();
    match &server.answers {
        Trial::Works => thing.ok(format!("answers at {socket}")),
        Trial::Fails(why) => thing.warning(
            format!("{socket}: {why}; what is here serves on, and nothing new comes"),
            "systemctl start evenkeel-server, or evenkeel server --config /etc/evenkeel/server.toml",
        ),
        Trial::Untried(why) => thing.unseen(format!("{socket}: {why}")),
    }
}

fn agent(agent: &AgentHere) -> Finding {
    let thing = Thing("EK090", "agent");
    let things = agent.things;
    match agent.runs {
        None => thing.unseen("the state directory cannot be opened"),
        Some(true) => thing.ok(format!("runs, {things} load balancers on this node")),
        Some(false) if things == 0 => thing.ok("none runs, and none has left anything"),
        Some(false) => thing.warning(
            format!("none runs, and {things} load balancers are still on this node"),
            "start the agent, which goes on with them; evenkeel orphans lists what nobody wants",
        ),
    }
}
