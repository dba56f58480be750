//! Members that are silent, slow or deaf: what they cost clients, and what probes make of them.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_model::health_monitor::Probe;
use evenkeel_model::number::Milliseconds;
use evenkeel_model::observed::{MemberHealth, Observation};
use evenkeel_model::pool::{Algorithm, Persistence};
use evenkeel_model::{HealthMonitor, MemberId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};

use super::node::{Node, answers, each, loopback};
use crate::world::{Build, http_probe};

/// How long a member is waited for until it takes a connection.
const CONNECT: Duration = Duration::from_millis(100);

/// Who has not been taken after this time will not be.
const FULL: Duration = Duration::from_millis(500);

/// Somebody whose machine drops what is sent to it: connections neither succeed nor fail.
struct Silent {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    /// The kernel answers for whoever does not accept, until too many wait.
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let mut waiting = Vec::new();
        let address = listener.local_addr().unwrap();
        while let Ok(stream) = timeout(FULL, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
            assert!(waiting.len() < 10, "it is never full");
        }
        Self { listener, _waiting: waiting }
    }

    fn port(&self) -> i64 {
        self.listener.local_addr().unwrap().port().into()
    }
}

/// A node with a member that answers, and one at a port where nobody does.
async fn beside(vip: &str, port: i64) -> Node {
    let mut node = Node::new(vip);
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.graph.member(pool, "127.0.0.1", port);
    let connect = i64::try_from(CONNECT.as_millis()).unwrap();
    node.graph.listeners[0].timeouts.member_connect = Milliseconds::try_from(connect).unwrap();
    node
}

#[tokio::test]
async fn a_silent_member_costs_time_and_no_answer() {
    let silent = Silent::new().await;
    let mut node = beside("127.77.33.1", silent.port()).await;
    node.apply().await.unwrap();
    let start = Instant::now();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    // Two of the four were its turn.
    assert!(start.elapsed() >= 2 * CONNECT, "{:?}", start.elapsed());
    assert!(node.observe().await.members.values().all(|it| *it == MemberHealth::Unmonitored));
    node.close().await;
}

#[tokio::test]
async fn whoever_is_chosen_in_vain_is_replaced_by_every_algorithm() {
    let silent = Silent::new().await;
    let mut node = beside("127.77.33.4", silent.port()).await;
    let closed = std::net::TcpListener::bind((loopback(), 0)).unwrap().local_addr().unwrap();
    for port in [silent.port(), closed.port().into()] {
        node.graph.members[1].protocol_port = port.try_into().unwrap();
        for algorithm in Algorithm::ALL {
            node.graph.pools[0].algorithm = *algorithm;
            node.apply().await.unwrap();
            let seen = answers(node.vip(8080), 4).await;
            assert_eq!(seen, each(&["one"], 4), "{algorithm:?}");
        }
    }
    node.close().await;
}

/// How often HAProxy has tried the same member again, and how often another one.
async fn tried_again(node: &Node) -> (usize, usize) {
    let said = node.ask("show stat").await;
    let mut lines = said.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let backend = lines.find(|fields| fields.get(1) == Some(&"BACKEND")).unwrap();
    let number = |name| {
        let at = columns.iter().position(|column| *column == name).unwrap();
        backend[at].parse().unwrap()
    };
    (number("wretr"), number("wredis"))
}

#[tokio::test]
async fn a_hash_insists_on_a_silent_member_only_where_clients_are_to_stay() {
    let silent = Silent::new().await;
    let mut node = beside("127.77.33.5", silent.port()).await;
    node.graph.pools[0].algorithm = Algorithm::SourceIp;
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    assert_eq!(tried_again(&node).await, (0, 4), "each is the silent one's, and goes on at once");

    let source = Persistence::SourceIp { timeout: None, granularity: None };
    node.graph.pools[0].persistence = Some(source);
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one"], 4));
    assert_eq!(tried_again(&node).await, (2, 1), "the first insists, and the others know");
    node.close().await;
}

/// A member that answers so long after it was asked.
async fn slow(answers_after: Duration) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind((loopback(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut running = JoinSet::new();
    running.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = stream.read(&mut [0; 1000]).await;
            interval_at(Instant::now() + answers_after, answers_after).tick().await;
            // Whoever asked may have given up.
            let answer = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
            let _ = (asked, stream.write_all(answer).await);
        }
    });
    (address, running)
}

/// The shortest times there are.
fn hasten(monitor: &mut HealthMonitor) {
    for number in [&mut monitor.rise, &mut monitor.fall] {
        *number = 1.try_into().unwrap();
    }
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
}

fn are(wanted: Vec<(MemberId, MemberHealth)>) -> impl Fn(&Observation) -> bool {
    move |seen| wanted.iter().all(|(id, health)| seen.members[id] == *health)
}

#[tokio::test]
async fn an_answer_may_take_as_long_as_the_timeout_in_seconds() {
    let mut node = Node::new("127.77.33.2");
    let pool = node.listener(8080);
    let (late, _late) = slow(Duration::from_millis(200)).await;
    let hanging = TcpListener::bind((loopback(), 0)).await.unwrap();
    for address in [late, hanging.local_addr().unwrap()] {
        node.graph.member(pool, "127.0.0.1", address.port().into());
    }
    hasten(node.graph.monitor(pool, Probe::Http(http_probe())));
    node.apply().await.unwrap();
    let [late, hanging] = [0, 1].map(|at| node.graph.members[at].id);
    let wanted = vec![(late, MemberHealth::Up), (hanging, MemberHealth::Down)];
    node.eventually("one is late and the other too late", are(wanted)).await;
    node.close().await;
}

#[tokio::test]
async fn members_are_probed_at_their_own_port_or_where_it_is_said() {
    let mut node = Node::new("127.77.33.3");
    let pool = node.listener(8080);
    let open = TcpListener::bind((loopback(), 0)).await.unwrap();
    let open = i64::from(open.local_addr().unwrap().port());
    let closed = std::net::TcpListener::bind((loopback(), 0)).unwrap().local_addr().unwrap();
    let closed = i64::from(closed.port());
    node.member(pool, "one").await;
    node.graph.member(pool, "127.0.0.1", closed).monitor_port = Some(open.try_into().unwrap());
    node.graph.member(pool, "127.0.0.2", open).monitor_address = Some(loopback().into());
    node.graph.member(pool, "127.0.0.3", open).monitor_port = Some(closed.try_into().unwrap());
    hasten(node.graph.monitor(pool, Probe::Tcp));
    node.apply().await.unwrap();
    let healths = [MemberHealth::Up, MemberHealth::Up, MemberHealth::Up, MemberHealth::Down];
    let wanted = node.graph.members.iter().map(|it| it.id).zip(healths).collect();
    node.eventually("all are judged by whom they name", are(wanted)).await;
    node.close().await;
}
