//! The kernel, our rights, and the machine's clock and users.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use evenkeel_plumbing::{echo, probe};

use super::of;
use crate::doctor::facts::{Groups, Kernel, Rights};
use crate::doctor::finding::Trial;

/// What the agent needs, as `linux/capability.h` numbers them.
const NEEDED: [(&str, u32); 11] = [
    ("CAP_CHOWN", 0),
    ("CAP_FOWNER", 3),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_NET_BIND_SERVICE", 10),
    ("CAP_NET_ADMIN", 12),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_CHROOT", 18),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_ADMIN", 21),
];

pub(super) fn rights() -> Rights {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    read_rights(&status)
}

fn read_rights(status: &str) -> Rights {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).unwrap_or_default()
    };
    let effective = u64::from_str_radix(field("CapEff:"), 16).unwrap_or(0);
    let lacking = NEEDED.iter().filter(|(_, number)| effective & (1 << number) == 0);
    Rights {
        root: field("Uid:").split_whitespace().nth(1) == Some("0"),
        lacking: lacking.map(|(name, _)| *name).collect(),
    }
}

pub(super) fn kernel() -> Kernel {
    let probe::Kernel { namespaces, names, veth, bridge, ipv6, packets } = probe::kernel();
    let ping = if echo::is_allowed() {
        Trial::Works
    } else {
        Trial::Fails("no right to send echo requests: PING monitors answer 501".to_owned())
    };
    Kernel {
        namespaces: of(namespaces),
        names: of(names),
        veth: of(veth),
        bridge: of(bridge),
        ipv6: of(ipv6),
        packets: of(packets),
        ping,
    }
}

/// The control groups below `root`.
pub(super) fn groups(root: &Path) -> Groups {
    let Ok(controllers) = fs::read_to_string(root.join("cgroup.controllers")) else {
        return Groups::default();
    };
    let rights = fs::metadata(root.join("cgroup.procs"));
    let is_read_only = fs::OpenOptions::new().append(true).open(root.join("cgroup.procs")).is_err();
    Groups {
        mounted: true,
        writable: rights.is_ok() && !is_read_only,
        controllers: controllers.split_whitespace().map(str::to_owned).collect(),
    }
}

/// How many lines one socket of HAProxies holds for us; nothing if the kernel does not say.
pub(super) fn waiting_lines() -> Option<u64> {
    let said = fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").ok()?;
    said.trim().parse().ok()
}

/// Users of `/etc/passwd` within a range of ids.
pub(super) fn users(range: &RangeInclusive<u32>) -> Vec<String> {
    users_of(&fs::read_to_string("/etc/passwd").unwrap_or_default(), range)
}

fn users_of(passwd: &str, range: &RangeInclusive<u32>) -> Vec<String> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        range.contains(&id).then(|| format!("{name} ({id})"))
    };
    passwd.lines().filter_map(user).collect()
}

/// A clock that was never set tells a time before this program was built.
pub(super) fn is_clock_plausible() -> bool {
    let made = std::env::current_exe().and_then(fs::metadata).and_then(|it| it.modified());
    made.is_ok_and(|made| made <= std::time::SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read_from_what_the_kernel_says() {
        let status = "Name:\tx\nUid:\t1000\t0\t0\t0\nCapEff:\t000001fffffffeff\n";
        assert_eq!(read_rights(status), Rights { root: true, lacking: vec![] });
        let status = "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n";
        let rights = read_rights(status);
        assert!(!rights.root);
        assert_eq!(rights.lacking.len(), NEEDED.len());
    }

    #[test]
    fn real_users_in_the_range_are_named() {
        let passwd = "root:x:0:0::/root:/bin/sh\nweb:x:300007:1::/:/bin/false\nbroken\n";
        assert_eq!(users_of(passwd, &(300_000..=300_010)), ["web (300007)"]);
    }

    #[test]
    fn groups_of_version_1_are_none() {
        let place = tempfile::tempdir().unwrap();
        assert!(!groups(place.path()).mounted);
        fs::write(place.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        fs::write(place.path().join("cgroup.procs"), "").unwrap();
        let found = groups(place.path());
        assert!(found.mounted && found.writable && found.controllers.contains("memory"));
    }
}
