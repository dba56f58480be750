//! Who may connect where, how many, and what members learn of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use evenkeel_model::load_balancer::AdditionalVip;
use evenkeel_model::number::ConnectionLimit;
use evenkeel_model::observed::ListenerHealth;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

use super::answerer::Answerer;
use super::client::{client, connect, get};
use super::echo::{Echo, GOODBYE, HELLO};
use super::proxy_header::ProxyHeader;
use super::scene::Scene;
use super::{Driver, GLANCE, Node, PATIENCE};

/// How many connections a limited listener takes.
const LIMIT: i64 = 2;

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    let capabilities = scene.bench.driver.capabilities();
    if capabilities.allowed_cidrs {
        others_than_allowed_get_nothing(scene).await;
    }
    if capabilities.additional_vips {
        all_addresses_answer(scene).await;
    }
    for (version, protocol) in [(1, PoolProtocol::Proxy), (2, PoolProtocol::ProxyV2)] {
        if capabilities.pools.contains(&protocol) {
            members_learn_who_the_client_is(scene, protocol, version).await;
        }
    }
    if capabilities.listeners.contains(&ListenerProtocol::Tcp) {
        bytes_go_both_ways_until_both_have_ended(scene).await;
        no_more_than_the_limit_are_served(scene).await;
    }
}

async fn others_than_allowed_get_nothing<N: Node>(scene: &mut Scene<'_, N>) {
    let member = Answerer::start("one");
    scene.begin_with(&[&member]);
    let ranges = ["127.0.1.4/30", "127.0.1.9/32", "10.0.0.0/8"];
    let ranges = ranges.map(|range| range.parse().expect("a range of ours"));
    scene.graph.listeners[0].allowed_cidrs = ranges.to_vec();
    scene.apply().await;
    for (number, is_allowed) in
        [(3, false), (4, true), (7, true), (8, false), (9, true), (10, false)]
    {
        let reply = get("/").of(client(number)).ask(scene.vip()).await;
        let status = reply.map(|reply| reply.status);
        assert_eq!(status, is_allowed.then_some(200), "{}", client(number));
    }
    scene.graph.listeners[0].allowed_cidrs.clear();
    scene.apply().await;
    let reply = get("/").of(client(3)).ask(scene.vip()).await;
    assert_eq!(reply.map(|reply| reply.status), Some(200), "everybody is allowed");
}

async fn all_addresses_answer<N: Node>(scene: &mut Scene<'_, N>) {
    let member = Answerer::start("one");
    scene.begin_with(&[&member]);
    let vip = scene.graph.load_balancer.vip.clone();
    let address = neighbour(vip.address);
    let another = AdditionalVip { address, port: vip.port, subnet: vip.subnet };
    scene.graph.load_balancer.additional_vips = vec![another];
    scene.apply().await;
    let sockets = scene.bench.site.sockets_of(&scene.graph.listeners[0], &scene.graph);
    assert_eq!(sockets.len(), 2);
    for socket in sockets {
        let reply = get("/").ask(socket).await;
        assert_eq!(reply.map(|reply| reply.body).as_deref(), Some("one"), "{socket}");
    }
}

/// The same address of the next 127.n.0.0/16.
fn neighbour(vip: IpAddr) -> IpAddr {
    let IpAddr::V4(vip) = vip else { unreachable!("the loopback has such VIPs only") };
    let [first, second, third, fourth] = vip.octets();
    IpAddr::from([first, second.wrapping_add(1), third, fourth])
}

/// Whatever the listener speaks.
async fn members_learn_who_the_client_is<N: Node>(
    scene: &mut Scene<'_, N>,
    pool: PoolProtocol,
    version: u8,
) {
    let member = Answerer::start("one");
    for listener in [ListenerProtocol::Http, ListenerProtocol::Tcp] {
        if !scene.bench.driver.capabilities().listeners.contains(&listener) {
            continue;
        }
        scene.begin_with(&[&member]);
        scene.graph.listeners[0].protocol = listener;
        scene.graph.pools[0].protocol = pool;
        scene.apply().await;
        for number in [1, 2] {
            let reply = get("/").of(client(number)).ask(scene.vip()).await;
            let reply = reply.expect("the member answers");
            let wanted = ProxyHeader { version, client: reply.from };
            let told = member.asked().proxied;
            assert_eq!(told, Some(wanted), "by {pool} of a {listener} listener");
        }
    }
}

async fn bytes_go_both_ways_until_both_have_ended<N: Node>(scene: &mut Scene<'_, N>) {
    let echo = begin_with_bytes(scene).await;
    scene.apply().await;
    let said: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let exchange = async {
        let (mut from, mut to) = connect(client(1), scene.vip()).await?.into_split();
        let say = async {
            to.write_all(&said).await?;
            // No more is said, and there is still to be heard.
            to.shutdown().await
        };
        let mut heard = Vec::new();
        tokio::try_join!(say, from.read_to_end(&mut heard))?;
        io::Result::Ok(heard)
    };
    let heard = timeout(PATIENCE, exchange).await.expect("both end");
    let heard = heard.expect("the connection is not broken");
    assert!(heard == [HELLO, &said, GOODBYE].concat(), "{} bytes are others", heard.len());
    drop(echo);
}

async fn no_more_than_the_limit_are_served<N: Node>(scene: &mut Scene<'_, N>) {
    let echo = begin_with_bytes(scene).await;
    scene.graph.listeners[0].connection_limit = ConnectionLimit::try_from(LIMIT).ok();
    scene.apply().await;
    let vip = scene.vip();
    let mut held = Vec::new();
    for _ in 0..LIMIT {
        let taken = timeout(PATIENCE, is_served(vip)).await.expect("it is answered in time");
        held.push(taken.expect("there is room"));
    }
    until(scene, ListenerHealth::Full).await;
    // It may be refused, or wait.
    let beyond = timeout(GLANCE, is_served(vip)).await;
    assert!(!matches!(beyond, Ok(Ok(_))), "one more than the limit is served");
    held.pop();
    until(scene, ListenerHealth::Open).await;
    let taken = timeout(PATIENCE, is_served(vip)).await.expect("it is answered in time");
    held.push(taken.expect("there is room again"));
    drop(echo);
}

/// A listener and a pool of bytes.
async fn begin_with_bytes<N: Node>(scene: &mut Scene<'_, N>) -> Echo {
    let echo = Echo::start().await;
    scene.begin_with(&[]);
    scene.graph.listeners[0].protocol = ListenerProtocol::Tcp;
    scene.graph.pools[0].protocol = PoolProtocol::Tcp;
    scene.join(scene.pool(), echo.socket);
    echo
}

/// A connection on which the member has been heard.
async fn is_served(vip: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = connect(client(1), vip).await?;
    let mut heard = [0; HELLO.len()];
    stream.read_exact(&mut heard).await?;
    Ok(stream)
}

/// Waits until the listener is said to be so.
async fn until<N: Node>(scene: &Scene<'_, N>, wanted: ListenerHealth) {
    let (begin, listener) = (Instant::now(), scene.graph.listeners[0].id);
    let mut rounds = interval(Duration::from_millis(50));
    loop {
        rounds.tick().await;
        let seen = scene.bench.observe().await.listeners;
        if seen.get(&listener) == Some(&wanted) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{seen:?}, and not {wanted:?}");
    }
}
