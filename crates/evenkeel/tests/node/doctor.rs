//! `evenkeel doctor`, on whatever kernel this is.

use std::collections::BTreeMap;

use evenkeel_plumbing::isolation::isolated;
use serde_json::Value;

use crate::{evenkeel, switch};

/// What was found, by code.
fn findings(more: &[&str]) -> BTreeMap<String, Value> {
    let output = evenkeel(&[&["doctor", "--output", "json"], more].concat());
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let missing = all.iter().filter(|it| it["state"] == "missing").count();
    assert_eq!(output.status.success(), missing == 0, "{all:#?}");
    all.into_iter().map(|it| (it["code"].as_str().expect("a code").to_owned(), it)).collect()
}

#[test]
fn a_node_is_looked_at_without_an_agent() {
    isolated(|| {
        let found = findings(&[]);
        for code in
            ["EK001", "EK010", "EK011", "EK012", "EK013", "EK015", "EK020", "EK021", "EK030"]
        {
            assert_eq!(found[code]["state"], "ok", "{}", found[code]);
        }
        // Nobody has installed anything here.
        assert_eq!(found["EK080"]["state"], "warning");
        assert_eq!(found["EK090"]["seen"], "none runs, and none has left anything");
    });
}

#[test]
fn an_open_vswitch_is_looked_at_if_it_is_used() {
    isolated(|| {
        let used = ["--set", "network.plug=openvswitch"];
        assert!(!findings(&[]).contains_key("EK040"));
        assert_eq!(findings(&used)["EK040"]["state"], "missing");
        switch::start();
        let found = findings(&used);
        for code in ["EK040", "EK041", "EK042", "EK043", "EK044"] {
            assert_eq!(found[code]["state"], "ok", "{}", found[code]);
        }
        assert_eq!(found["EK042"]["seen"], "br-int, userspace datapath");
        switch::vsctl("set-fail-mode br-int secure");
        assert_eq!(findings(&used)["EK043"]["state"], "warning");
        switch::vsctl("del-br br-int");
        assert_eq!(findings(&used)["EK042"]["state"], "missing");
    });
}
