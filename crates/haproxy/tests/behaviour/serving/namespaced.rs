//! HAProxy in a network of its own, as root.

use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_model::health_monitor::Probe;
use evenkeel_model::observed::{MemberHealth, Served};
use evenkeel_plumbing::isolation::isolated;
use evenkeel_plumbing::{Confinement, Lifetime, Namespace, Namespaces, Program};
use tokio::runtime::{Builder, Runtime};

use super::node::{Node, answers, each, get};
use crate::world::Build;

const NAME: &str = "qlbaas-1";
const MARK: &str = "evenkeel:1";

/// A runtime for sockets on both sides. Children are started from outside.
fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let nothing = Program {
        path: PathBuf::from("/bin/true"),
        arguments: Vec::new(),
        directory: PathBuf::from("/"),
        lifetime: Lifetime::WithParent,
        confinement: Confinement::default(),
    };
    assert!(runtime.block_on(nothing.run(Duration::from_secs(10))).unwrap().succeeded);
    runtime
}

/// Does `work` inside, where clients and members are.
fn inside<T: Send>(
    runtime: &Runtime,
    place: &Namespace,
    work: impl Future<Output = T> + Send,
) -> T {
    place.within(|| Ok(runtime.block_on(work))).unwrap()
}

fn in_namespace_of(pid: u32, path: &Path) -> bool {
    let of = |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap());
    of(Path::new(&format!("/proc/{pid}/ns/net"))) == of(path)
}

#[test]
fn haproxy_serves_and_probes_in_the_network_of_its_site() {
    isolated(|| {
        let (runtime, names) = (runtime(), Namespaces::default());
        let place = names.ensure(NAME, MARK).unwrap();
        let mut node = runtime.block_on(async { Node::new("127.0.0.9") });
        node.site.namespace = Some(names.path(NAME));
        let vip = node.vip(80);
        inside(&runtime, &place, async {
            let pool = node.listener(80);
            node.member(pool, "one").await;
            node.graph.monitor(pool, Probe::Ping).delay = 1.try_into().unwrap();
            node.apply().await.unwrap();
            assert_eq!(answers(vip, 3).await, each(&["one"], 3));
            let up = |health: &MemberHealth| *health == MemberHealth::Up;
            node.eventually("an echo inside", |seen| seen.members.values().all(up)).await;
            assert!(in_namespace_of(node.pid().await, &names.path(NAME)));
        });
        runtime.block_on(async {
            assert!(get(vip).await.is_err(), "nobody serves outside");
            node.close().await;
        });
    });
}

#[test]
fn haproxy_in_a_network_of_the_past_is_replaced() {
    isolated(|| {
        let (runtime, names) = (runtime(), Namespaces::default());
        let place = names.ensure(NAME, MARK).unwrap();
        let mut node = runtime.block_on(async { Node::new("127.0.0.9") });
        node.site.namespace = Some(names.path(NAME));
        node.listener(80);
        let earlier = inside(&runtime, &place, async {
            node.apply().await.unwrap();
            node.pid().await
        });
        names.remove(NAME, MARK).unwrap();
        runtime.block_on(async {
            assert_eq!(node.observe().await.served, Served::Remains);
            node.apply_again().await.unwrap_err();
        });
        let place = names.ensure(NAME, MARK).unwrap();
        runtime.block_on(async {
            assert_eq!(node.observe().await.served, Served::Remains);
            node.apply_again().await.unwrap();
        });
        let vip = node.vip(80);
        inside(&runtime, &place, async {
            assert_eq!(get(vip).await.unwrap().0, 503);
            let pid = node.pid().await;
            assert!(pid != earlier && in_namespace_of(pid, &names.path(NAME)));
            node.eventually_at_most(1).await;
            node.close().await;
        });
    });
}
