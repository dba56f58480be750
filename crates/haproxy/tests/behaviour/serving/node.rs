//! A node with one site, members on its loopback, and clients.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel_driver::{Driver, DriverError, Site};
use evenkeel_haproxy::{HaproxyDriver, HaproxyOptions, NodeLimits, Template};
use evenkeel_model::observed::{Observation, Served};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::{LoadBalancerGraph, PoolId};
use evenkeel_plumbing::{Identity, Lifetime, Process};
use evenkeel_vault::Material;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::confined;
use crate::world::{self, Build};

/// How long anything may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One site, with a HAProxy that ends with the test.
pub(crate) struct Node {
    pub(crate) graph: LoadBalancerGraph,
    pub(crate) driver: HaproxyDriver,
    pub(crate) site: Site,
    pub(crate) material: Material,
    _directory: TempDir,
    _memory: TempDir,
    members: JoinSet<()>,
}

/// One life of the driver.
pub(crate) fn driver(binary: &Path) -> HaproxyDriver {
    with_template(binary, None)
}

/// The same with an operator's template.
pub(crate) fn with_template(binary: &Path, template: Option<&str>) -> HaproxyDriver {
    HaproxyDriver::new(HaproxyOptions {
        binary: binary.to_owned(),
        template: template.map(|text| Arc::new(Template::new(text.to_owned()).unwrap())),
        ..options()
    })
}

/// What all tests have in common.
pub(crate) fn options() -> HaproxyOptions {
    HaproxyOptions {
        binary: "/usr/sbin/haproxy".into(),
        lifetime: Lifetime::WithParent,
        limits: NodeLimits { descriptors: 20_000 },
        template: None,
        group: None,
        logs: None,
    }
}

impl Node {
    /// A node with an empty load balancer on a VIP of this test's own.
    pub(crate) fn new(vip: &str) -> Self {
        Self::with_haproxy(vip, Path::new("/usr/sbin/haproxy"))
    }

    pub(crate) fn with_haproxy(vip: &str, binary: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut graph = world::load_balancer();
        graph.load_balancer.vip.address = vip.parse().unwrap();
        let site = Site {
            directory: directory.path().to_owned(),
            secrets: memory.path().join("secrets"),
            sockets: BTreeMap::new(),
            ..world::site(&graph)
        };
        let site = confined::furnished(site);
        let members = JoinSet::new();
        let material = Material::none();
        Self {
            graph,
            driver: driver(binary),
            site,
            material,
            _directory: directory,
            _memory: memory,
            members,
        }
    }

    /// Another life of the driver.
    pub(crate) fn restart(&mut self) {
        self.driver = driver(Path::new("/usr/sbin/haproxy"));
    }

    /// Another life of the driver, with an operator's template.
    pub(crate) fn restart_with(&mut self, template: Option<&str>) {
        self.driver = with_template(Path::new("/usr/sbin/haproxy"), template);
    }

    pub(crate) fn vip(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.graph.load_balancer.vip.address, port)
    }

    /// A listener on this port with an empty HTTP pool.
    pub(crate) fn listener(&mut self, port: i64) -> PoolId {
        let pool = Build::pool(&mut self.graph, PoolProtocol::Http).id;
        self.graph.listener(ListenerProtocol::Http, port).default_pool = Some(pool);
        pool
    }

    /// A member of a pool that answers each request with `name`.
    pub(crate) async fn member(&mut self, pool: PoolId, name: &'static str) -> Arc<AtomicUsize> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        self.members.spawn(serve(listener, name, Arc::clone(&count)));
        self.graph.member(pool, "127.0.0.1", i64::from(port));
        count
    }

    /// A member of a pool that answers with the head of the request.
    pub(crate) async fn mirror(&mut self, pool: PoolId) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        self.members.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                show(stream).await;
            }
        });
        self.graph.member(pool, "127.0.0.1", i64::from(port));
    }

    /// Applies the graph as its next generation.
    pub(crate) async fn apply(&mut self) -> Result<(), DriverError> {
        self.graph.generation = self.graph.generation.next();
        self.apply_again().await
    }

    /// Applies the graph as it is once more.
    pub(crate) async fn apply_again(&self) -> Result<(), DriverError> {
        self.driver.apply(&self.site, &self.graph, &self.material).await
    }

    pub(crate) async fn observe(&self) -> Observation {
        self.driver.observe(&self.site).await.unwrap()
    }

    /// The process that serves, after a look that it serves the latest generation.
    pub(crate) async fn pid(&self) -> u32 {
        assert_eq!(self.observe().await.served, Served::Serving(self.graph.generation));
        let text = std::fs::read_to_string(self.site.directory.join("haproxy.pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// What HAProxy answers on the socket that it is steered by.
    pub(crate) async fn ask(&self, command: &str) -> String {
        self.ask_at("admin.sock", command).await
    }

    /// What HAProxy answers on one of its sockets.
    pub(crate) async fn ask_at(&self, socket: &str, command: &str) -> String {
        let mut stream = UnixStream::connect(self.site.directory.join(socket)).await.unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Kills the process that serves, and waits until it has ended.
    pub(crate) async fn kill(&self) {
        let text = std::fs::read_to_string(self.site.directory.join("haproxy.pid")).unwrap();
        let identity = Identity::of(text.trim().parse().unwrap()).unwrap();
        Process::adopt(identity).unwrap().unwrap().end(PATIENCE).await.unwrap();
    }

    /// Waits until no more than so many processes are there, remains of ended ones included.
    pub(crate) async fn eventually_at_most(&self, processes: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(Duration::from_millis(20));
        loop {
            rounds.tick().await;
            self.observe().await;
            let own = children();
            if own.len() <= processes {
                return;
            }
            assert!(Instant::now() < deadline, "{own:?}");
        }
    }

    /// Waits until an observation is as wanted.
    pub(crate) async fn eventually(&self, what: &str, wanted: impl Fn(&Observation) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(Duration::from_millis(20));
        loop {
            rounds.tick().await;
            let seen = self.observe().await;
            if wanted(&seen) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {seen:?}");
        }
    }

    /// Ends the test: nothing of the driver's is left.
    pub(crate) async fn close(self) {
        self.driver.remove(&self.site).await.unwrap();
        let left: Vec<PathBuf> =
            std::fs::read_dir(&self.site.directory).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(self.observe().await.served, Served::Absent);
    }
}

/// The processes that this test has started, ended ones among them that nobody asked about.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|it| std::fs::read_to_string(it.path().join("stat")).ok());
    stats
        .filter(|stat| {
            let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            rest.split_whitespace().nth(1) == Some(own.as_str())
        })
        .collect()
}

async fn serve(listener: TcpListener, name: &'static str, count: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(answer(stream, name, Arc::clone(&count)));
    }
}

async fn answer(mut stream: TcpStream, name: &'static str, count: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    while matches!(stream.read_buf(&mut request).await, Ok(1..)) {
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let is_last = String::from_utf8_lossy(&request).contains("Connection: close");
        request.clear();
        count.fetch_add(1, Ordering::Relaxed);
        let length = name.len();
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{name}");
        if stream.write_all(text.as_bytes()).await.is_err() || is_last {
            return;
        }
    }
}

async fn show(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let head = format!("{head}Content-Length: {}\r\n\r\n", request.len());
    // Whoever is gone needs no answer.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&request).await;
}

/// One request on a connection of its own: status and body.
pub(crate) async fn get(socket: SocketAddr) -> std::io::Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(socket).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((status, body.to_owned()))
    };
    timeout(PATIENCE, exchange).await?
}

/// Who answers `count` requests, and how often.
pub(crate) async fn answers(socket: SocketAddr, count: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let (status, body) = get(socket).await.unwrap();
        let who = if status == 200 { body } else { status.to_string() };
        *seen.entry(who).or_default() += 1;
    }
    seen
}

/// These, each this often.
pub(crate) fn each(names: &[&str], count: usize) -> BTreeMap<String, usize> {
    names.iter().map(|name| ((*name).to_owned(), count)).collect()
}

/// An address of the loopback, for tests that need none in particular.
pub(crate) fn loopback() -> IpAddr {
    IpAddr::from([127, 0, 0, 1])
}
