//! A real Open vSwitch, in userspace, on the node of a test.
#![expect(clippy::disallowed_methods, reason = "tests are started as a person would start them")]

use std::fs;
use std::process::Command;

const DIRECTORY: &str = "/run/openvswitch";

/// Starts both daemons, with the bridge br-int. They end with the test's namespaces.
pub(crate) fn start() {
    fs::create_dir_all(DIRECTORY).unwrap();
    let database = format!("{DIRECTORY}/conf.db");
    run("ovsdb-tool", &["create", &database, "/usr/share/openvswitch/vswitch.ovsschema"]);
    daemon("ovsdb-server", &[&database, &format!("--remote=punix:{DIRECTORY}/db.sock")]);
    daemon("ovs-vswitchd", &[&format!("unix:{DIRECTORY}/db.sock")]);
    vsctl("add-br br-int -- set Bridge br-int datapath_type=netdev fail_mode=standalone");
}

/// Returns when it listens.
fn daemon(program: &str, arguments: &[&str]) {
    let control = format!("--unixctl={DIRECTORY}/{program}.ctl");
    let pid = format!("--pidfile={DIRECTORY}/{program}.pid");
    run(program, &[arguments, &["--detach", "--no-chdir", &control, &pid]].concat());
}

/// What `ovs-vsctl` says to words.
pub(crate) fn vsctl(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    run("ovs-vsctl", &[&["--retry", "--timeout=20"], words.as_slice()].concat())
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
