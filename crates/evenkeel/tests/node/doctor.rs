//! `evenkeel doctor`, on whatever kernel this is.

use evenkeel_plumbing::isolation::isolated;
use serde_json::Value;

use crate::evenkeel;

#[test]
fn a_node_is_looked_at_without_an_agent() {
    isolated(|| {
        let output = evenkeel(&["doctor", "--output", "json"]);
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let of = |code: &str| {
            let found = findings.iter().find(|it| it["code"] == code);
            found.unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
        };
        for code in ["EK001", "EK010", "EK011", "EK012", "EK013", "EK015", "EK020", "EK021"] {
            assert_eq!(of(code)["state"], "ok", "{}", of(code));
        }
        assert_eq!(of("EK030")["state"], "ok", "{}", of("EK030"));
        // Nobody has installed anything here.
        assert_eq!(of("EK080")["state"], "warning");
        assert_eq!(of("EK090")["seen"], "none runs, and none has left anything");
        let missing = findings.iter().filter(|it| it["state"] == "missing").count();
        assert_eq!(output.status.success(), missing == 0);
    });
}
