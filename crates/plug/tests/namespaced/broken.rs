//! Every change to the kernel fails once, and whatever comes next makes it good.

use evenkeel_plumbing::change::failpoint::{Break, set};
use evenkeel_plumbing::changes;

use crate::world::{graph, main_graph, on_a_node};

/// EBUSY.
const BUSY: i32 = 16;

/// More changes than there are in one plug.
const MANY: u64 = 200;

#[test]
fn a_plug_that_fails_anywhere_is_finished_by_the_next() {
    on_a_node(async |node| {
        let graph = main_graph();
        let mut failures = 0;
        for step in 1..MANY {
            set(Some((Break::Fail(BUSY), changes() + step)));
            let first = node.ensure(&graph).await;
            set(None);
            failures += u64::from(first.is_err());
            node.ensure(&graph).await.unwrap();
            assert!(node.is_ready(&graph).await, "broken in change {step}");
            node.remove(&graph).await.unwrap();
            assert!(node.is_absent(&graph).await, "broken in change {step}");
            assert!(node.devices().is_empty(), "broken in change {step}: {:?}", node.devices());
            if first.is_ok() {
                assert_eq!(failures, step - 1);
                assert!(failures > 10, "{failures}");
                return;
            }
        }
        panic!("it never succeeds");
    });
}

#[test]
fn a_plug_that_fails_anywhere_is_undone_by_removal() {
    on_a_node(async |node| {
        let graph = main_graph();
        for step in 1..MANY {
            set(Some((Break::Fail(BUSY), changes() + step)));
            let first = node.ensure(&graph).await;
            set(None);
            node.remove(&graph).await.unwrap();
            assert!(node.is_absent(&graph).await, "broken in change {step}");
            assert!(node.devices().is_empty(), "broken in change {step}: {:?}", node.devices());
            if first.is_ok() {
                return;
            }
        }
        panic!("it never succeeds");
    });
}

#[test]
fn a_removal_that_fails_anywhere_is_finished_by_the_next() {
    on_a_node(async |node| {
        let graph = graph(1, 100, &["2.2.2.20/24"]);
        for step in 1..MANY {
            node.ensure(&graph).await.unwrap();
            set(Some((Break::Fail(BUSY), changes() + step)));
            let first = node.remove(&graph).await;
            set(None);
            node.remove(&graph).await.unwrap();
            assert!(node.is_absent(&graph).await, "broken in change {step}");
            assert!(node.devices().is_empty(), "broken in change {step}: {:?}", node.devices());
            if first.is_ok() {
                assert!(step > 3, "{step}");
                return;
            }
        }
        panic!("it never succeeds");
    });
}
