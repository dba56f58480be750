//! A real Open vSwitch, in userspace, on the node of a test.
#![expect(clippy::disallowed_methods, reason = "tests are started as a person would start them")]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use evenkeel_model::LoadBalancerGraph;
use evenkeel_plug::{OpenVswitch, OvsOptions};
use evenkeel_plumbing::Namespaces;

use crate::world::{Node, graph, on_a_node};

const DIRECTORY: &str = "/run/openvswitch";

/// Both daemons of a switch, with the bridge br-int.
pub(crate) struct Switch {
    database: Child,
    daemon: Child,
}

impl Switch {
    fn start() -> Self {
        fs::create_dir_all(DIRECTORY).unwrap();
        let schema = "/usr/share/openvswitch/vswitch.ovsschema";
        let file = format!("{DIRECTORY}/conf.db");
        run("ovsdb-tool", &["create", &file, schema]);
        let switch = Self { database: start_database(), daemon: start_daemon() };
        vsctl("add-br br-int -- set Bridge br-int datapath_type=netdev fail_mode=standalone");
        switch
    }

    /// The daemon is killed.
    pub(crate) fn kill_daemon(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    /// It starts again, and does what the database says.
    pub(crate) fn start_daemon(&mut self) {
        self.daemon = start_daemon();
        vsctl("set Open_vSwitch . external_ids:started=again");
    }

    /// The database is killed.
    pub(crate) fn kill_database(&mut self) {
        self.database.kill().unwrap();
        self.database.wait().unwrap();
    }

    /// It starts again.
    pub(crate) fn start_database(&mut self) {
        self.database = start_database();
        vsctl("--no-wait get-manager");
    }
}

fn start_database() -> Child {
    let database = format!("{DIRECTORY}/conf.db");
    let _ = fs::remove_file(format!("{DIRECTORY}/db.sock"));
    start("ovsdb-server", &[&database, &format!("--remote=punix:{DIRECTORY}/db.sock")])
}

fn start_daemon() -> Child {
    start("ovs-vswitchd", &[&format!("unix:{DIRECTORY}/db.sock")])
}

fn start(program: &str, arguments: &[&str]) -> Child {
    let log = fs::File::create(format!("/run/openvswitch/{program}.log")).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(format!("--unixctl={DIRECTORY}/{program}.ctl"));
    command.stdout(Stdio::null()).stderr(log).spawn().expect("Open vSwitch is installed")
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

/// A test on a node with a switch.
pub(crate) fn on_a_switch<F: Future<Output = ()>>(
    options: OvsOptions,
    work: impl FnOnce(Node, Switch) -> F,
) {
    on_a_node(async |node| {
        let switch = Switch::start();
        let wiring = OpenVswitch::new(Namespaces::default(), options).unwrap();
        work(node.wired_by(wiring).announcing(0), switch).await;
    });
}

/// As [`graph`], in a VLAN.
pub(crate) fn tagged(number: u128, vlan: u16, address: &str) -> LoadBalancerGraph {
    let mut graph = graph(number, u128::from(vlan), &[address]);
    graph.attachment.as_mut().unwrap().vlan = Some(vlan);
    graph
}

/// Polls until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut asking = tokio::time::interval(Duration::from_millis(20));
    while !is_so().await {
        asking.tick().await;
        assert!(tokio::time::Instant::now() < deadline, "{what}");
    }
}
