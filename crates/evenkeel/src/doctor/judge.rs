//! From facts to findings: pure, so that every broken node can be made up.

mod files;
mod programs;
mod switch;

use super::facts::{Facts, Kernel, Rights};
use super::finding::{Finding, Thing, Trial};

const KERNEL: &str = "use a kernel that has it: the kernels of Debian 12 and Ubuntu 22.04 do";

/// All findings, in the order of their codes.
pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all = vec![rights(&facts.rights)];
    all.extend(kernel(&facts.kernel));
    all.extend(programs::haproxy(&facts.haproxy));
    all.extend([programs::nft(&facts.nft), programs::routers(facts.routers)]);
    all.extend(facts.switch.iter().flat_map(switch::findings));
    all.extend(files::findings(facts));
    all
}

fn rights(rights: &Rights) -> Finding {
    let thing = Thing("EK001", "rights");
    match (rights.root, rights.lacking.as_slice()) {
        (_, []) => thing.ok(if rights.root { "root" } else { "all capabilities it needs" }),
        (true, lacking) => {
            let cure = "give the machine or container these capabilities, as by systemd's \
                        CapabilityBoundingSet= or docker's --cap-add";
            thing.missing(format!("root without {}", lacking.join(", ")), cure)
        }
        (false, lacking) => {
            let cure = "run the agent as root; this command, too, to see more";
            thing.warning(format!("not root, without {}", lacking.join(", ")), cure)
        }
    }
}

fn kernel(kernel: &Kernel) -> Vec<Finding> {
    let Kernel { namespaces, names, veth, bridge, ipv6, packets, ping } = kernel;
    let names_cure = "let /run be a file system in which mounts can be made, and remove what \
                      stands at /run/netns if it is no directory";
    let ping_cure = "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"";
    let ping_thing = Thing("EK016", "ping");
    vec![
        Thing("EK010", "network namespaces").tried(namespaces, KERNEL),
        Thing("EK011", "names in /run/netns").tried(names, names_cure),
        Thing("EK012", "veth").tried(veth, &or_module("veth")),
        Thing("EK013", "bridge").tried(bridge, &or_module("bridge")),
        softly(
            Thing("EK014", "IPv6"),
            ipv6,
            "for IPv6 VIPs, start the kernel without ipv6.disable=1",
        ),
        Thing("EK015", "packet sockets").tried(packets, &or_module("af_packet")),
        softly(ping_thing, ping, ping_cure),
    ]
}

fn or_module(module: &str) -> String {
    format!("modprobe {module}; if there is none, {KERNEL}")
}

/// As [`Thing::tried`], for what a node can do without.
fn softly(thing: Thing, trial: &Trial, cure: &str) -> Finding {
    match trial {
        Trial::Works => thing.ok("works"),
        Trial::Fails(why) => thing.warning(why, cure),
        Trial::Untried(why) => thing.unseen(why),
    }
}

#[cfg(test)]
mod tests;
