//! Every change to the switch and the kernel fails once, and whatever comes next makes it good.

use evenkeel_plug::OvsOptions;
use evenkeel_plumbing::change::failpoint::{Break, set};
use evenkeel_plumbing::changes;

use crate::switch::{on_a_switch, tagged, vsctl};

/// EBUSY.
const BUSY: i32 = 16;

/// More changes than there are in one plug.
const MANY: u64 = 100;

#[test]
fn a_port_that_fails_anywhere_is_finished_and_removed_by_the_next() {
    each_change_fails(false);
}

#[test]
fn a_pair_that_fails_anywhere_is_finished_and_removed_by_the_next() {
    each_change_fails(true);
}

fn each_change_fails(veth: bool) {
    on_a_switch(OvsOptions { veth, ..OvsOptions::default() }, async |node, _switch| {
        let graph = tagged(1, 7, "2.2.2.20/24");
        for step in 1..MANY {
            set(Some((Break::Fail(BUSY), changes() + step)));
            let first = node.ensure(&graph).await;
            set(None);
            // The bridge's own is the only one that hears all.
            let untagged = vsctl("--bare --columns=name find Port tag=[]");
            assert_eq!(untagged, "br-int", "broken in change {step}");
            // Half of the broken ones are removed as they are.
            if first.is_ok() || step % 2 == 0 {
                node.ensure(&graph).await.unwrap();
                assert!(node.is_ready(&graph).await, "broken in change {step}");
            }
            set(Some((Break::Fail(BUSY), changes() + step)));
            let _ = node.remove(&graph).await;
            set(None);
            node.remove(&graph).await.unwrap();
            assert!(node.is_absent(&graph).await, "broken in change {step}");
            assert_eq!(vsctl("list-ports br-int"), "", "broken in change {step}");
            let taps = node.devices().into_iter().filter(|it| it.starts_with("tap")).count();
            assert_eq!(taps, 0, "broken in change {step}");
            if first.is_ok() {
                assert!(step > 8, "{step}");
                return;
            }
        }
        panic!("it never succeeds");
    });
}
