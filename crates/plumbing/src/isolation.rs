//! For tests: a machine of their own, as far as the network goes.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::mount::{MountFlags, mount};

/// Says that a process is inside already.
const INSIDE: &str = "EVENKEEL_ISOLATED";

/// What a test must not share with the machine: names of namespaces, sockets and state of daemons.
const OWN: [&str; 4] = ["/run", "/var/lib", "/var/log", "/dev/shm"];

/// Does `work` in network, mount and process namespaces of this test's own, with an empty `/run`,
/// `/var/lib`, `/var/log` and `/dev/shm`: names in it meet nobody else's, and all that it starts ends with it.
/// For that, the test is run once more, alone, in another process.
///
/// # Panics
///
/// If the test fails inside, or this is not root: the lab makes namespaces.
#[expect(clippy::disallowed_methods, reason = "tests are started as a person would start them")]
pub fn isolated(work: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        for directory in OWN {
            own(Path::new(directory));
        }
        return work();
    }
    assert!(
        rustix::process::geteuid().is_root(),
        "this test makes network namespaces and needs root: run it with sudo"
    );
    let name = thread::current().name().expect("tests run on threads of their name").to_owned();
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--pid", "--fork"])
        .args(["--kill-child", "--mount-proc"])
        .arg(env::current_exe().expect("a test has a file"))
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare of util-linux is there");
    assert!(status.success(), "the test failed in its namespaces: {status}");
}

fn own(directory: &Path) {
    fs::create_dir_all(directory).expect("root makes directories");
    mount("tmpfs", directory, "tmpfs", MountFlags::empty(), None).expect("root mounts");
}
