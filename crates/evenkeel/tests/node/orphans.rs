//! `evenkeel orphans`, on a node on which somebody left things.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::isolation::isolated;
use evenkeel_plumbing::{Namespace, Namespaces, Netlink};
use serde_json::Value;

use crate::{evenkeel, switch};

const HELD: &str = "11111111-1111-4111-8111-111111111111";
const LOST: &str = "22222222-2222-4222-8222-222222222222";
const STRANGE: &str = "33333333-3333-4333-8333-333333333333";
const STATE: &str = "/var/lib/evenkeel/agent";
const SECRETS: &str = "secrets=/run/evenkeel-agent/secrets";
const TAP: &str = "tap22222222-22";
const BRIDGE: &str = "brq22222222-22";

/// A node with one load balancer that is held, one that is not, and something strange.
fn leave_things() {
    for id in [HELD, LOST] {
        Namespaces::default().ensure(&format!("qlbaas-{id}"), &format!("evenkeel:{id}")).unwrap();
        let site = format!("{STATE}/sites/{id}");
        fs::create_dir_all(&site).unwrap();
        let mark = format!(r#"{{"load_balancer":"{id}","epoch":1}}"#);
        fs::write(Path::new(&site).join(".site.json"), mark).unwrap();
        fs::create_dir_all(format!("/run/evenkeel-agent/secrets/{id}")).unwrap();
        fs::create_dir_all("/var/log/evenkeel").unwrap();
        fs::write(format!("/var/log/evenkeel/{id}.log"), "").unwrap();
    }
    fs::create_dir_all(format!("{STATE}/ledger")).unwrap();
    fs::write(format!("{STATE}/ledger/{HELD}.json"), "{}").unwrap();
    Namespaces::default().ensure(&format!("qlbaas-{STRANGE}"), "somebody else's").unwrap();
    Namespaces::default().ensure(&format!("qrouter-{STRANGE}"), "neutron's").unwrap();
    let netlink = Netlink::open().unwrap();
    netlink.add_bridge(BRIDGE).unwrap();
    let bridge = netlink.link(BRIDGE).unwrap().unwrap().index;
    netlink.set_alias(bridge, &format!("evenkeel:{LOST}")).unwrap();
    let here = Namespace::current().unwrap();
    netlink.add_veth(TAP, MacAddress([2, 0, 0, 0, 0, 1]), "ns-lost", &here).unwrap();
    let tap = netlink.link(TAP).unwrap().unwrap().index;
    netlink.set_alias(tap, &format!("evenkeel:{LOST}")).unwrap();
    netlink.set_bridge(tap, bridge).unwrap();
}

/// What was said of each thing.
fn orphans(more: &[&str]) -> BTreeMap<String, String> {
    let arguments = [&["orphans", "--output", "json", "--set", SECRETS], more].concat();
    let output = evenkeel(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    all.iter().map(|it| (text(&it["name"]), text(&it["fate"]))).collect()
}

#[test]
fn what_nobody_holds_is_listed_and_removed_and_strangers_are_left_alone() {
    isolated(|| {
        leave_things();
        let strange = format!("qlbaas-{STRANGE}");
        let expected = |fate: &str, of_lines: &str| {
            let ours = [
                TAP.to_owned(),
                format!("qlbaas-{LOST}"),
                format!("/run/evenkeel-agent/secrets/{LOST}"),
                format!("{STATE}/sites/{LOST}"),
            ];
            let mut all = BTreeMap::from(ours.map(|name| (name, fate.to_owned())));
            all.insert(format!("/var/log/evenkeel/{LOST}.log"), of_lines.to_owned());
            all.insert(strange.clone(), "a stranger's, left alone".to_owned());
            all
        };
        assert_eq!(orphans(&[]), expected("left over", "kept for some days"));

        let lock = File::create(format!("{STATE}/lock")).unwrap();
        lock.lock().unwrap();
        let refused = evenkeel(&["orphans", "--remove"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("the agent runs"), "{said}");
        assert_eq!(orphans(&[]), expected("left over", "kept for some days"));
        drop(lock);

        let mut removed = expected("removed", "removed");
        removed.insert(BRIDGE.to_owned(), "removed".to_owned());
        assert_eq!(orphans(&["--remove"]), removed);
        let left = BTreeMap::from([(strange, "a stranger's, left alone".to_owned())]);
        assert_eq!(orphans(&[]), left);
        let names = Namespaces::default().list("q").unwrap();
        assert_eq!(names.len(), 3, "one of ours, two of strangers: {names:?}");
        assert!(Path::new(&format!("{STATE}/sites/{HELD}")).exists());
        assert!(Path::new(&format!("/var/log/evenkeel/{HELD}.log")).exists());
        assert_eq!(Netlink::open().unwrap().link(BRIDGE).unwrap(), None);
    });
}

#[test]
fn a_port_that_nobody_holds_is_removed_from_open_vswitch() {
    isolated(|| {
        switch::start();
        fs::create_dir_all(format!("{STATE}/ledger")).unwrap();
        fs::create_dir_all(format!("{STATE}/sites")).unwrap();
        fs::write(format!("{STATE}/ledger/{HELD}.json"), "{}").unwrap();
        File::create(format!("{STATE}/lock")).unwrap();
        for (name, id) in [("taplost", LOST), ("tapheld", HELD)] {
            switch::vsctl(&format!(
                "add-port br-int {name} tag=7 external_ids:evenkeel={id} \
                 -- set Interface {name} type=internal"
            ));
        }
        switch::vsctl("add-port br-int strange tag=8 -- set Interface strange type=internal");
        let of = |fate: &str| BTreeMap::from([("taplost".to_owned(), fate.to_owned())]);
        assert_eq!(orphans(&[]), of("left over"));
        assert_eq!(orphans(&["--remove"]), of("removed"));
        assert_eq!(orphans(&[]), BTreeMap::new());
        assert_eq!(switch::vsctl("list-ports br-int"), "strange\ntapheld");
    });
}
