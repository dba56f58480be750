//! HAProxy as a user of its own, locked in, without any right: it does all that another does, and
//! can do nothing else. As root.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_driver::Site;
use evenkeel_haproxy::{GroupOptions, HaproxyDriver, HaproxyOptions};
use evenkeel_model::observed::Served;
use evenkeel_plumbing::Namespace;
use evenkeel_plumbing::isolation::isolated;
use tokio::runtime::Builder;

use crate::serving::node::{Node, answers, each, options};

/// Set for tests that are to be run with HAProxies that are confined.
const CONFINED: &str = "EVENKEEL_CONFINED";

const USER: u32 = 60_001;

/// What HAProxy may have at most once it serves: nothing of it is left, but a program that it could
/// start as root, if it ever became root again, could not have more.
const AT_MOST: u64 = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 18;

/// The site for tests that are run so.
pub(crate) fn furnished(site: Site) -> Site {
    if env::var_os(CONFINED).is_none() {
        return site;
    }
    Site { user: Some(USER), namespace: Some(PathBuf::from("/proc/self/ns/net")), ..site }
}

/// Makes the loopback of an isolated test usable.
pub(crate) fn loopback_up() {
    let netlink = Namespace::current().unwrap().netlink().unwrap();
    let loopback = netlink.link("lo").unwrap().unwrap();
    netlink.set_up(loopback.index).unwrap();
}

/// Runs other tests of this file's neighbours once more, confined; one at a time if they count the
/// children that they have.
#[expect(clippy::disallowed_methods, reason = "tests are started as a person would start them")]
fn again(names: &[&str], at_once: u8) {
    isolated(|| {
        loopback_up();
        let status = Command::new(env::current_exe().unwrap())
            .args(names)
            .arg(format!("--test-threads={at_once}"))
            .env(CONFINED, "1")
            .status();
        assert!(status.unwrap().success());
    });
}

#[test]
fn a_confined_haproxy_is_a_driver() {
    again(&["conformance::"], 2);
}

#[test]
fn a_confined_haproxy_is_changed_in_all_ways() {
    again(&["serving::ways", "serving::changes"], 1);
}

#[test]
fn a_confined_haproxy_ends_tls() {
    again(&["serving::tls::replacing"], 1);
}

#[test]
fn a_confined_haproxy_tells_metrics_and_lines_and_has_threads() {
    again(&["serving::metrics", "serving::threads", "serving::logs"], 1);
}

/// A node whose HAProxy is this user.
fn of_user(vip: &str, user: u32) -> Node {
    let mut node = Node::new(vip);
    node.site.user = Some(user);
    node
}

/// What `/proc` says of a process, line by line.
fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

fn has_no_rights(pid: u32, user: u32) {
    for name in ["Uid", "Gid"] {
        assert_eq!(status(pid, name), format!("{user}\t{user}\t{user}\t{user}"));
    }
    assert_eq!(status(pid, "Groups").trim(), "");
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(pid, name), "0000000000000000", "{name}");
    }
    let bounding = u64::from_str_radix(&status(pid, "CapBnd"), 16).unwrap();
    assert_eq!(bounding & !AT_MOST, 0, "{bounding:x}");
    assert_eq!(status(pid, "NoNewPrivs"), "1");
}

/// The names in the directory that is a process's root.
fn seen_by(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/root/")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether this user may read a file, or look into a directory.
#[expect(clippy::disallowed_methods, reason = "it runs to its end within the call")]
fn may_read(user: u32, path: &Path) -> bool {
    let user = user.to_string();
    let read = Command::new("setpriv")
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["head", "-c1"])
        .arg(path)
        .output();
    read.expect("setpriv of util-linux is there").status.success()
}

#[test]
fn haproxy_keeps_no_right_and_sees_nothing_of_others() {
    isolated(|| {
        loopback_up();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut one = of_user("127.77.30.1", USER);
            let mut two = of_user("127.77.30.2", USER + 1);
            for node in [&mut one, &mut two] {
                // A port that is only root's to bind.
                let pool = node.listener(80);
                node.member(pool, "member").await;
                node.apply().await.unwrap();
                let vip = node.vip(80);
                assert_eq!(answers(vip, 2).await, each(&["member"], 2));
            }
            has_no_rights(one.pid().await, USER);
            has_no_rights(two.pid().await, USER + 1);
            assert_eq!(seen_by(one.pid().await), Vec::<String>::new());
            // The successor tells its predecessor, which is another user by then, to leave.
            let earlier = one.pid().await;
            one.listener(81);
            one.apply().await.unwrap();
            has_no_rights(one.pid().await, USER);
            one.eventually_at_most(2).await;
            assert!(!Path::new(&format!("/proc/{earlier}")).exists());
            // Even unlocked, it could not read what is another's, nor its own file.
            for node in [&one, &two] {
                let directory = &node.site.directory;
                for name in ["haproxy.cfg", "applied.json", "admin.sock"] {
                    assert!(directory.join(name).exists());
                    assert!(!may_read(USER, &directory.join(name)), "{name}");
                }
            }
            one.close().await;
            two.close().await;
        });
    });
}

/// The hierarchy of control groups, mounted for this test alone.
#[expect(clippy::disallowed_methods, reason = "it runs to its end within the call")]
fn groups() -> PathBuf {
    let place = PathBuf::from("/run/groups");
    fs::create_dir(&place).unwrap();
    let mounted = Command::new("mount").args(["-t", "cgroup2", "none"]).arg(&place).status();
    assert!(mounted.unwrap().success(), "this kernel has no control groups of version 2");
    place
}

#[test]
fn haproxy_is_in_a_control_group_of_its_own() {
    isolated(|| {
        loopback_up();
        let parent = groups().join(format!("evenkeel-test-{}", uuid::Uuid::new_v4()));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut node = of_user("127.77.30.4", USER);
            let group = GroupOptions {
                parent: parent.clone(),
                processor_weight: Some(50),
                ..GroupOptions::default()
            };
            node.driver = HaproxyDriver::new(HaproxyOptions { group: Some(group), ..options() });
            node.listener(80);
            for port in [81, 82] {
                node.listener(port);
                node.apply().await.unwrap();
                let pid = node.pid().await;
                let members = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
                let id = node.graph.load_balancer.id.to_string();
                assert!(members.lines().any(|line| line.starts_with("0::") && line.ends_with(&id)));
            }
            node.close().await;
            // Nobody is left in it.
            fs::remove_dir(&parent).unwrap();
        });
    });
}

#[test]
fn haproxy_that_becomes_another_user_takes_over_all_the_same() {
    isolated(|| {
        loopback_up();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut node = Node::new("127.77.30.3");
            let pool = node.listener(80);
            node.member(pool, "member").await;
            node.apply().await.unwrap();
            for user in [Some(USER), Some(USER + 1), None] {
                let earlier = node.pid().await;
                node.site.user = user;
                assert_eq!(node.observe().await.served, Served::Remains);
                node.apply_again().await.unwrap();
                assert_ne!(node.pid().await, earlier);
                assert_eq!(answers(node.vip(80), 2).await, each(&["member"], 2));
                node.eventually_at_most(1).await;
            }
            node.close().await;
        });
    });
}
