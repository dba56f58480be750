//! Packages of Debian 12.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};

use crate::shell::{Run, find, say};

/// A package, and how to see that it is there.
///
/// The programs are looked for rather than the package, so that an HAProxy of one's own counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    name: &'static str,
    present: fn() -> bool,
}

/// The proxy itself.
pub(crate) const HAPROXY: Package =
    Package { name: "haproxy", present: || find("haproxy").is_some() };

/// The server's programs; tests start servers of their own, nothing uses a running one.
pub(crate) const POSTGRESQL: Package = Package { name: "postgresql", present: has_postgresql };

/// The client of those who like it plain.
pub(crate) const CURL: Package = Package { name: "curl", present: || find("curl").is_some() };

/// The switch, which the lab starts for itself; what is set up as a service is not touched.
pub(crate) const OPEN_VSWITCH: Package =
    Package { name: "openvswitch-switch", present: || find("ovs-vswitchd").is_some() };

/// What translates floating addresses.
pub(crate) const NFTABLES: Package =
    Package { name: "nftables", present: || find("nft").is_some() };

/// What the lab builds its own part of the network with.
pub(crate) const IPROUTE: Package = Package { name: "iproute2", present: || find("ip").is_some() };

/// What listens on the wire for the lab.
pub(crate) const TCPDUMP: Package =
    Package { name: "tcpdump", present: || find("tcpdump").is_some() };

/// What makes the certificates of the tests.
pub(crate) const OPENSSL: Package =
    Package { name: "openssl", present: || find("openssl").is_some() };

/// What compiles the C code that some crates bring along.
pub(crate) const COMPILER: Package = Package { name: "gcc", present: || find("cc").is_some() };

/// What makes virtual environments.
pub(crate) const PYTHON: Package = Package { name: "python3-venv", present: has_venv };

/// What sends more requests than a proxy can take, for the benchmarks.
pub(crate) const WRK: Package = Package { name: "wrk", present: || find("wrk").is_some() };

fn has_postgresql() -> bool {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else {
        return false;
    };
    versions.filter_map(Result::ok).any(|version| version.path().join("bin/initdb").is_file())
}

fn has_venv() -> bool {
    Path::new(super::python::INTERPRETER).is_file()
        && Run::new(super::python::INTERPRETER).args(["-c", "import ensurepip, venv"]).quietly()
}

/// Installs those of `wanted` that are not there.
pub(crate) fn install(wanted: &[Package]) -> anyhow::Result<()> {
    let missing: Vec<&str> =
        wanted.iter().filter(|package| !(package.present)()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    say(&format!("set-up: installing {names} (Debian packages)"));
    apt(&missing).with_context(|| {
        format!("{names} could not be installed; as root, type: apt-get update && apt-get install {names}")
    })?;
    match wanted.iter().find(|package| !(package.present)()) {
        None => Ok(()),
        Some(package) => {
            bail!("{} was installed, but its programs are still not to be found", package.name)
        }
    }
}

fn apt(names: &[&str]) -> anyhow::Result<()> {
    if find("apt-get").is_none() {
        bail!("this machine has no apt-get");
    }
    as_root("apt-get")?.arg("update").run_hushed()?;
    let without_cluster = names.contains(&POSTGRESQL.name);
    if without_cluster {
        // Without this Debian would make a database nobody asked for, and start it at every boot.
        as_root("sh")?.args(["-c", FORBID_CLUSTER]).run_hushed()?;
    }
    let installed = as_root("apt-get")?
        .args(["install", "--yes", "--no-install-recommends"])
        .args(names)
        .run_hushed();
    if without_cluster {
        as_root("rm")?.args(["--force", CLUSTER_RULE]).run_hushed()?;
    }
    installed
}

const CLUSTER_RULE: &str = "/etc/postgresql-common/createcluster.d/evenkeel.conf";

const FORBID_CLUSTER: &str = "mkdir -p /etc/postgresql-common/createcluster.d && \
     echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/evenkeel.conf";

/// A program with the rights of root, and with nobody to answer its questions.
fn as_root(program: &str) -> anyhow::Result<Run> {
    if is_root() {
        return Ok(Run::new(program).env("DEBIAN_FRONTEND", "noninteractive"));
    }
    if find("sudo").is_none() {
        bail!("you are not root, and this machine has no sudo");
    }
    let sudo = Run::new("sudo");
    let sudo = if std::io::stdin().is_terminal() {
        sudo.interactive()
    } else {
        sudo.arg("--non-interactive")
    };
    Ok(sudo.args(["DEBIAN_FRONTEND=noninteractive", program]))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}
