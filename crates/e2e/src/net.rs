//! The lab: a machine of a test's own, with switches, routers, members and clients in network
//! namespaces, and the real `evenkeel server` and `evenkeel agent` in their midst.
//!
//! The names in it are fixed and meet nobody else's; all of it ends with the test.

pub mod capture;
pub mod command;
pub mod node;
pub mod place;
pub mod router;
pub mod segment;
pub mod snapshot;
pub mod stage;
pub mod switch;

use std::future::Future;

use evenkeel_plumbing::isolation::isolated;

pub use capture::Capture;
pub use node::Node;
pub use place::Place;
pub use router::Router;
pub use segment::Segment;
pub use snapshot::{Snapshot, haproxies};
pub use stage::Stage;
pub use switch::Switch;

/// Does `work` in network, mount and process namespaces of this test's own.
///
/// # Panics
///
/// If `work` fails; or this is not root, who alone makes namespaces.
#[expect(clippy::print_stderr, reason = "the test's last word, from the process inside")]
pub fn lab<F: Future<Output = anyhow::Result<()>>>(work: impl FnOnce() -> F) {
    isolated(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let outcome = runtime.map_err(Into::into).and_then(|runtime| {
            runtime.block_on(async {
                command::run("ip link set lo up").await?;
                work().await
            })
        });
        if let Err(error) = outcome {
            eprintln!("{error:#}");
            std::process::exit(1);
        }
    });
}
