//! Who is chosen, beside whoever's turn it is.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_model::observed::MemberHealth;
use evenkeel_model::pool::Algorithm;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::answerer::{Answerer, HOLD, all_who};
use super::client::{Reply, client, get};
use super::scene::Scene;
use super::{Driver, Node, PATIENCE};

/// How many requests show who is in rotation.
const REQUESTS: u64 = 6;

/// So many clients are not all sent to one of two members.
const CLIENTS: u8 = 32;

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    backups_serve_when_all_others_are_gone(scene).await;
    for algorithm in scene.bench.driver.capabilities().algorithms {
        let (one, two) = (Answerer::start("one"), Answerer::start("two"));
        scene.begin_with(&[&one, &two]);
        scene.graph.pools[0].algorithm = *algorithm;
        scene.apply().await;
        match algorithm {
            // The checks of traffic rely on it.
            Algorithm::RoundRobin => {}
            Algorithm::LeastConnections => the_less_busy_is_chosen(scene, &one, &two).await,
            Algorithm::SourceIp => an_address_has_its_member(scene).await,
            Algorithm::SourceIpPort => an_address_and_port_have_their_member(scene).await,
        }
    }
}

async fn backups_serve_when_all_others_are_gone<N: Node>(scene: &mut Scene<'_, N>) {
    let [mut one, mut two] = ["one", "two"].map(Answerer::start);
    let [three, four] = ["three", "four"].map(Answerer::start);
    scene.begin_with(&[&one, &two, &three, &four]);
    scene.graph.members[2].backup = true;
    scene.graph.members[3].backup = true;
    if !scene.monitor() {
        return;
    }
    scene.apply().await;
    scene.until(&[0, 1, 2, 3], MemberHealth::Up).await;
    in_rotation(scene, &["one", "two"]).await;
    two.close().await;
    scene.until(&[1], MemberHealth::Down).await;
    in_rotation(scene, &["one"]).await;
    one.close().await;
    scene.until(&[0], MemberHealth::Down).await;
    in_rotation(scene, &["four", "three"]).await;
    two.open();
    scene.until(&[1], MemberHealth::Up).await;
    in_rotation(scene, &["two"]).await;
}

async fn in_rotation<N: Node>(scene: &Scene<'_, N>, names: &[&str]) {
    let seen = all_who(scene.vip(), REQUESTS).await;
    assert!(seen.keys().eq(names), "{seen:?}, and not {names:?}");
}

/// A connection may be counted for a moment after its end, so that not all must go there.
async fn the_less_busy_is_chosen<N: Node>(scene: &Scene<'_, N>, one: &Answerer, two: &Answerer) {
    let mut held = JoinSet::new();
    let vip = scene.vip();
    held.spawn(async move { get(HOLD).ask(vip).await });
    let is_busy = |member: &Answerer| member.asked().head.contains(HOLD);
    let (begin, mut rounds) = (Instant::now(), interval(Duration::from_millis(20)));
    while !is_busy(one) && !is_busy(two) {
        rounds.tick().await;
        assert!(begin.elapsed() < PATIENCE, "no member was asked");
    }
    let idle = if is_busy(one) { "two" } else { "one" };
    let seen = all_who(vip, REQUESTS).await;
    let taken = seen.get(idle).copied().unwrap_or_default();
    assert!(taken > REQUESTS / 2, "{idle} is the less busy, and {seen:?}");
    held.shutdown().await;
}

async fn an_address_has_its_member<N: Node>(scene: &Scene<'_, N>) {
    let mut met = Vec::new();
    for number in 1..=CLIENTS {
        let first = meets(scene, client(number)).await;
        for _ in 0..2 {
            let next = meets(scene, client(number)).await;
            assert_eq!(next.body, first.body, "from {} and {}", first.from, next.from);
        }
        met.push(first.body);
    }
    are_both(&met);
}

/// Many ports of one address do not all have the same member.
async fn an_address_and_port_have_their_member<N: Node>(scene: &Scene<'_, N>) {
    let mut met = Vec::new();
    for _ in 1..=CLIENTS {
        let first = meets(scene, client(1)).await;
        let next = meets(scene, first.from).await;
        assert_eq!(next.body, first.body, "from {}", first.from);
        met.push(first.body);
    }
    are_both(&met);
}

async fn meets<N: Node>(scene: &Scene<'_, N>, from: SocketAddr) -> Reply {
    let reply = get("/").of(from).ask(scene.vip()).await;
    let reply = reply.expect("there is somebody to answer");
    assert_eq!(reply.status, 200);
    reply
}

fn are_both(met: &[String]) {
    assert!(met.iter().any(|name| name == "one"), "nobody met one");
    assert!(met.iter().any(|name| name == "two"), "nobody met two");
}
