//! The fake driver keeps the promises of drivers, and does what it is told to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_driver::conformance::{Node, every_driver};
use evenkeel_driver::fake::{Answer, Call, FakeDriver};
use evenkeel_driver::{Driver, Loopback, Plug, Site};
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::observed::{MemberHealth, PoolHealth, Served};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::Capabilities;
use evenkeel_vault::Material;
use tempfile::TempDir;
use tokio::time::timeout;

const GLANCE: Duration = Duration::from_secs(1);

async fn site(graph: &LoadBalancerGraph) -> (TempDir, Site) {
    let directory = tempfile::tempdir().unwrap();
    let site = Loopback.ensure(directory.path(), graph).await.unwrap();
    (directory, site)
}

fn graph() -> LoadBalancerGraph {
    evenkeel_driver::conformance::graph(&Capabilities::ALL, "127.77.9.2".parse().unwrap())
}

struct Fake(FakeDriver);

impl Node for Fake {
    type Driver = FakeDriver;

    fn driver(&self) -> FakeDriver {
        self.0.clone()
    }

    fn reaches(&self, socket: SocketAddr) -> bool {
        self.0.reaches(socket)
    }

    fn crash(&self, site: &Site) {
        self.0.crash(site.load_balancer);
    }
}

#[tokio::test]
async fn the_fake_driver_is_a_driver() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeDriver::with(Capabilities {
        listeners: &[ListenerProtocol::Tcp, ListenerProtocol::Http],
        ..Capabilities::ALL
    });
    let vip = "127.77.9.1".parse().unwrap();
    every_driver(Fake(fake.clone()), vip, directory.path()).await;
    assert!(fake.is_empty());
}

#[tokio::test]
async fn it_counts_calls_and_changes() {
    let (fake, graph) = (FakeDriver::default(), graph());
    let (_directory, site) = site(&graph).await;
    for _ in 0..3 {
        fake.apply(&site, &graph, &Material::none()).await.unwrap();
    }
    fake.remove(&site).await.unwrap();
    let memory = fake.memory(site.load_balancer);
    assert_eq!((memory.calls(Call::Apply), memory.calls(Call::Remove)), (3, 1));
    assert_eq!(memory.changes, 1);
}

#[tokio::test]
async fn each_call_of_each_load_balancer_is_answered_as_told() {
    let (fake, graph) = (FakeDriver::default(), graph());
    let (_directory, site) = site(&graph).await;
    let id = site.load_balancer;
    for (answer, is_final) in [(Answer::Refuse, true), (Answer::Fail, false)] {
        fake.answer(id, Call::Apply, answer);
        assert_eq!(
            fake.apply(&site, &graph, &Material::none()).await.unwrap_err().is_final(),
            is_final
        );
    }
    assert_eq!(fake.observe(&site).await.unwrap().served, Served::Absent);
    fake.answer(id, Call::Observe, Answer::Fail);
    assert!(fake.observe(&site).await.is_err());
    fake.answer(id, Call::Observe, Answer::Work);
    fake.answer(id, Call::Apply, Answer::Hang);
    let hung = {
        let (fake, site, graph) = (fake.clone(), site.clone(), graph.clone());
        tokio::spawn(async move { fake.apply(&site, &graph, &Material::none()).await })
    };
    while fake.memory(id).calls(Call::Apply) < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!hung.is_finished());
    fake.answer(id, Call::Apply, Answer::Work);
    timeout(GLANCE, hung).await.unwrap().unwrap().unwrap();
    assert_eq!(fake.served(), [id]);
}

#[tokio::test]
async fn members_are_as_they_are_told_to_be() {
    let (fake, graph) = (FakeDriver::default(), graph());
    let (_directory, site) = site(&graph).await;
    fake.apply(&site, &graph, &Material::none()).await.unwrap();
    let (member, pool) = (graph.members[0].id, graph.pools[0].id);
    assert_eq!(fake.observe(&site).await.unwrap().members[&member], MemberHealth::Unmonitored);
    fake.set_health(site.load_balancer, member, MemberHealth::Down);
    let seen = fake.observe(&site).await.unwrap();
    assert_eq!(seen.members[&member], MemberHealth::Down);
    assert_eq!(seen.pools[&pool], PoolHealth::Down);
}

#[tokio::test]
async fn a_crash_is_noticed_and_mended() {
    let (fake, graph) = (FakeDriver::default(), graph());
    let (_directory, site) = site(&graph).await;
    fake.apply(&site, &graph, &Material::none()).await.unwrap();
    fake.crash(site.load_balancer);
    timeout(GLANCE, fake.ended(&site)).await.unwrap();
    assert_eq!(fake.observe(&site).await.unwrap().served, Served::Remains);
    fake.apply(&site, &graph, &Material::none()).await.unwrap();
    assert_eq!(fake.observe(&site).await.unwrap().served, Served::Serving(graph.generation));
}
