//! The programs that the node tower runs.

use crate::doctor::facts::{Haproxy, Routers};
use crate::doctor::finding::{Finding, Thing, Trial};

/// The first version whose runtime socket can do what the driver says to it.
const OLDEST: (u32, u32) = (2, 6);

const INSTALL: &str = "apt-get install haproxy";

pub(super) fn haproxy(haproxy: &Result<Haproxy, String>) -> Vec<Finding> {
    let (there, version) = (Thing("EK020", "HAProxy"), Thing("EK021", "HAProxy's version"));
    let found = match haproxy {
        Ok(found) => found,
        Err(why) => return vec![there.missing(why, INSTALL)],
    };
    let path = found.path.display();
    let said = match found.version {
        Some((major, minor)) if (major, minor) >= OLDEST => version.ok(format!("{major}.{minor}")),
        Some((major, minor)) => version.missing(
            format!("{major}.{minor}, and 2.6 is the oldest that can do what is asked of it"),
            "install a newer one: haproxy.debian.net has them for older releases",
        ),
        None => {
            version.missing(format!("{path} does not say"), format!("look at what {path} -vv says"))
        }
    };
    vec![there.ok(path.to_string()), said, built_in(found)]
}

/// What an own build may leave out, and what does not work then.
fn built_in(found: &Haproxy) -> Finding {
    let thing = Thing("EK022", "HAProxy's features");
    let has = |any: &[&str]| any.iter().any(|feature| found.features.contains(*feature));
    let wanted: [(&[&str], &str); 4] = [
        (&["OPENSSL", "OPENSSL_AWSLC", "OPENSSL_WOLFSSL"], "OPENSSL (TLS)"),
        (&["LUA"], "LUA (PROMETHEUS listeners)"),
        (&["PCRE", "PCRE2", "PCRE_JIT", "PCRE2_JIT"], "PCRE2 (L7 rules by regular expression)"),
        (&["THREAD"], "THREAD (flavors with more than one thread)"),
    ];
    let lacking: Vec<&str> =
        wanted.iter().filter(|(any, _)| !has(any)).map(|(_, what)| *what).collect();
    if lacking.is_empty() {
        thing.ok("TLS, Lua, PCRE, threads")
    } else {
        thing.missing(format!("built without {}", lacking.join(", ")), INSTALL)
    }
}

pub(super) fn nft(trial: &Trial) -> Finding {
    let thing = Thing("EK030", "nft with NAT");
    match trial {
        Trial::Works => thing.ok("works"),
        Trial::Fails(why) => thing.warning(
            format!("no floating addresses: {why}"),
            "apt-get install nftables; the kernel needs nf_tables with nft_nat and nf_conntrack",
        ),
        Trial::Untried(why) => thing.unseen(why),
    }
}

/// A namespace for floating addresses is called as one of Neutron's routers is.
pub(super) fn routers(routers: Routers) -> Finding {
    let thing = Thing("EK031", "Neutron's routers");
    let cure = "keep floating addresses of evenkeel, or Neutron's L3 agent, off this node: clearing \
                its namespaces, it would clear those of floating addresses";
    match routers {
        Routers { agent_runs: true, .. } => thing.warning("neutron-l3-agent runs here", cure),
        Routers { strange: 0, .. } => thing.ok("none here"),
        Routers { strange, .. } => {
            thing.warning(format!("{strange} of its namespaces qrouter-… are here"), cure)
        }
    }
}
