//! Members that are spoken to over TLS.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use evenkeel_model::health_monitor::{HttpProbe, Probe};
use evenkeel_model::observed::MemberHealth;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::{Alpn, MaterialKind, TlsOwner};
use evenkeel_model::{MemberId, PoolId};
use evenkeel_plumbing::program::Started;
use evenkeel_plumbing::{Confinement, Lifetime, Program};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

use super::client::reference;
use crate::authority::{Authority, Held, Issued};
use crate::serving::node::{Node, PATIENCE, get};
use crate::world::{Build, http_probe};

/// A member on port 8000 with these options to its `bind` line, which says what it sees.
async fn member(address: &str, options: &str) -> Started {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout client 20s\n\
         frontend f\n  bind {address}:8000 {options}\n  \
         http-request return status 200 content-type text/plain lf-string \
         \"version %HV\\nsni %[ssl_fc_sni]\\ncertificate %[ssl_c_s_dn(CN)]\\nfrom %[src]\\n\"\n"
    );
    fs::write(&file, text).unwrap();
    let program = Program {
        path: "/usr/sbin/haproxy".into(),
        arguments: ["-db".into(), "-f".into(), file.clone().into()].to_vec(),
        directory: "/".into(),
        lifetime: Lifetime::WithParent,
        confinement: Confinement::default(),
    };
    let started = program.start().await.unwrap();
    let socket = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 8000);
    let deadline = Instant::now() + PATIENCE;
    let mut rounds = interval(std::time::Duration::from_millis(10));
    while TcpStream::connect(socket).await.is_err() {
        assert!(started.process.is_running() && Instant::now() < deadline, "{}", started.said());
        rounds.tick().await;
    }
    started
}

/// An HTTP listener on 8080 in front of a pool that speaks TLS to one member.
struct Behind {
    node: Node,
    authority: Authority,
    held: Held,
    pool: PoolId,
    members: Vec<Started>,
}

impl Behind {
    /// The member shows this certificate, and has these options besides.
    async fn new(number: u8, options: &str) -> Self {
        let authority = Authority::new("authority");
        let issued = authority.server("member");
        Self::with(number, authority, &issued, options).await
    }

    async fn with(number: u8, authority: Authority, issued: &Issued, options: &str) -> Self {
        let mut node = Node::new(&format!("127.77.22.{number}"));
        let pool = node.listener(8080);
        node.graph.pools[0].tls.enabled = true;
        let address = format!("127.77.23.{number}");
        let crt = format!("ssl crt {} {options}", issued.path());
        let member = member(&address, &crt).await;
        node.graph.member(pool, &address, 8000);
        let held = Held::default();
        Self { node, authority, held, pool, members: vec![member] }
    }

    fn put(&mut self, kind: MaterialKind, pem: String) {
        let tls = &mut self.node.graph.pools[0].tls;
        let (slot, name) = match kind {
            MaterialKind::Certificate => (&mut tls.container, "own"),
            MaterialKind::Authorities => (&mut tls.ca, "ca"),
            MaterialKind::Revocations => (&mut tls.crl, "crl"),
        };
        *slot = Some(reference(name));
        self.held.put(TlsOwner::Pool(self.pool), kind, name, pem);
    }

    async fn apply(&mut self) {
        self.node.material = self.held.material();
        self.node.apply().await.unwrap();
    }

    /// Status and body.
    async fn get(&self) -> (u16, String) {
        get(self.node.vip(8080)).await.unwrap()
    }

    async fn eventually(&self, member: MemberId, health: MemberHealth) {
        let is =
            |it: &evenkeel_model::observed::Observation| it.members.get(&member) == Some(&health);
        self.node.eventually("the member's health", is).await;
    }

    async fn close(self) {
        for member in &self.members {
            member.process.end(PATIENCE).await.unwrap();
        }
        self.node.close().await;
    }
}

#[tokio::test]
async fn members_are_judged_if_there_is_somebody_to_judge_them_by() {
    let mut behind = Behind::new(1, "").await;
    behind.apply().await;
    assert_eq!(behind.get().await.0, 200, "nobody judges");

    let own = behind.authority.pem();
    behind.put(MaterialKind::Authorities, own.clone());
    behind.apply().await;
    assert_eq!(behind.get().await.0, 200);

    let other = Authority::new("other").pem();
    behind.put(MaterialKind::Authorities, other);
    behind.apply().await;
    assert_eq!(behind.get().await.0, 503, "signed by a stranger");

    behind.put(MaterialKind::Authorities, own);
    behind.apply().await;
    assert_eq!(behind.get().await.0, 200);
    behind.close().await;
}

#[tokio::test]
async fn a_revoked_member_is_left_alone() {
    let authority = Authority::new("authority");
    let issued = authority.server("member");
    let mut behind = Behind::with(2, authority, &issued, "").await;
    let own = behind.authority.pem();
    behind.put(MaterialKind::Authorities, own);
    let nobody = behind.authority.revoke(&[]);
    behind.put(MaterialKind::Revocations, nobody);
    behind.apply().await;
    for _ in 0..3 {
        assert_eq!(behind.get().await.0, 200);
    }
    let list = behind.authority.revoke(&[&issued]);
    behind.put(MaterialKind::Revocations, list);
    behind.apply().await;
    for _ in 0..3 {
        assert_eq!(behind.get().await.0, 503, "neither a connection nor a session is used again");
    }
    behind.close().await;
}

#[tokio::test]
async fn members_that_ask_see_our_certificate_and_its_successor_without_a_new_process() {
    let authority = Authority::new("authority");
    let issued = authority.server("member");
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let options = format!("verify required ca-file {}", ca.display());
    let mut behind = Behind::with(3, authority, &issued, &options).await;
    behind.apply().await;
    assert_eq!(behind.get().await.0, 502, "we show none");

    let ours = behind.authority.client("balancer");
    behind.put(MaterialKind::Certificate, ours.pem());
    behind.apply().await;
    let pid = behind.node.pid().await;
    let (status, text) = behind.get().await;
    assert!(status == 200 && text.contains("certificate balancer\n"), "{status} {text}");

    let ours = behind.authority.client("successor");
    behind.put(MaterialKind::Certificate, ours.pem());
    behind.apply().await;
    assert_eq!(behind.node.pid().await, pid);
    // A connection from before may serve once more.
    let deadline = Instant::now() + PATIENCE;
    while !behind.get().await.1.contains("certificate successor\n") {
        assert!(Instant::now() < deadline, "the earlier certificate is shown for ever");
    }
    behind.close().await;
}

#[tokio::test]
async fn the_protocol_is_agreed_on_with_each_member() {
    let mut behind = Behind::new(4, "alpn h2,http/1.1").await;
    let old = format!("127.77.23.{}", 104);
    let issued = behind.authority.server("old");
    let crt = format!("ssl crt {} alpn http/1.1", issued.path());
    behind.members.push(member(&old, &crt).await);
    behind.node.graph.member(behind.pool, &old, 8000);
    behind.node.graph.pools[0].tls.alpn = Some(vec![Alpn::H2, Alpn::Http11]);
    behind.apply().await;
    let mut seen = [behind.get().await.1, behind.get().await.1]
        .map(|text| text.lines().next().unwrap().to_owned());
    seen.sort();
    assert_eq!(seen, ["version HTTP/1.1", "version HTTP/2.0"]);
    behind.close().await;
}

#[tokio::test]
async fn members_learn_the_host_that_the_client_named() {
    let mut behind = Behind::new(5, "").await;
    let pool = behind.pool;
    let issued = behind.authority.server("www.example");
    let listener = behind.node.graph.listener(ListenerProtocol::TerminatedHttps, 8443);
    listener.default_pool = Some(pool);
    listener.tls.default_container = Some(reference("www"));
    let owner = TlsOwner::Listener(listener.id);
    behind.held.put(owner, MaterialKind::Certificate, "www", issued.pem());
    behind.apply().await;
    let said = super::client::s_client(behind.node.vip(8443), "-servername www.example").await;
    assert!(said.contains("sni www.example"), "{said}");
    assert!(behind.get().await.1.contains("sni \n"), "a client without TLS names none");

    // Where members are judged, theirs must be the host that they were asked for.
    let own = behind.authority.pem();
    behind.put(MaterialKind::Authorities, own);
    behind.apply().await;
    for (host, is_theirs) in [("member", true), ("www.example", false)] {
        let asked = format!("-servername {host}");
        let said = super::client::s_client(behind.node.vip(8443), &asked).await;
        assert_eq!(said.contains("HTTP/1.1 200"), is_theirs, "{host}: {said}");
    }
    assert_eq!(behind.get().await.0, 200, "nobody was asked for");
    behind.close().await;
}

#[tokio::test]
async fn a_proxy_header_goes_before_the_handshake() {
    let mut behind = Behind::new(6, "accept-proxy").await;
    behind.node.graph.pools[0].protocol = PoolProtocol::ProxyV2;
    let monitor = behind.node.graph.monitor(behind.pool, Probe::Http(http_probe()));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    behind.apply().await;
    let pid = behind.node.pid().await;
    let (status, text) = behind.get().await;
    assert!(status == 200 && text.contains("from 127.0.0.1\n"), "{status} {text}");

    // One that is added is probed after a header, too.
    let issued = behind.authority.server("second");
    let options = format!("ssl crt {} accept-proxy", issued.path());
    behind.members.push(member("127.77.23.106", &options).await);
    behind.node.graph.member(behind.pool, "127.77.23.106", 8000);
    behind.node.graph.members.remove(0);
    behind.apply().await;
    assert_eq!(behind.node.pid().await, pid);
    let second = behind.node.graph.members[0].id;
    behind.eventually(second, MemberHealth::Up).await;
    assert_eq!(behind.get().await.0, 200);
    behind.close().await;
}

#[tokio::test]
async fn members_are_probed_as_they_are_spoken_to() {
    for (number, probe) in (10..).zip([
        Probe::Http(http_probe()),
        Probe::Https(http_probe()),
        Probe::Https(HttpProbe {
            version: Some(evenkeel_model::health_monitor::HttpVersion::V1_1),
            domain_name: Some("member".to_owned().try_into().unwrap()),
            ..http_probe()
        }),
        Probe::Tcp,
        Probe::TlsHello,
    ]) {
        let mut behind = Behind::new(number, "alpn h2,http/1.1").await;
        behind.node.graph.pools[0].tls.alpn = Some(Alpn::ALL.to_vec());
        let own = behind.authority.pem();
        behind.put(MaterialKind::Authorities, own);
        let monitor = behind.node.graph.monitor(behind.pool, probe.clone());
        monitor.delay = 1.try_into().unwrap();
        monitor.timeout = 1.try_into().unwrap();
        monitor.fall = 1.try_into().unwrap();
        monitor.rise = 1.try_into().unwrap();
        behind.apply().await;
        let member = behind.node.graph.members[0].id;
        behind.eventually(member, MemberHealth::Up).await;
        assert_eq!(behind.get().await.0, 200, "{probe:?}");

        let other = Authority::new("other").pem();
        behind.put(MaterialKind::Authorities, other);
        behind.apply().await;
        behind.eventually(member, MemberHealth::Down).await;
        behind.close().await;
    }
}

#[tokio::test]
async fn a_member_that_is_added_is_judged_too_and_needs_no_new_process() {
    let mut behind = Behind::new(7, "").await;
    let own = behind.authority.pem();
    behind.put(MaterialKind::Authorities, own);
    let ours = behind.authority.client("balancer");
    behind.put(MaterialKind::Certificate, ours.pem());
    behind.node.graph.pools[0].tls.alpn = Some(Alpn::ALL.to_vec());
    let monitor = behind.node.graph.monitor(behind.pool, Probe::Http(http_probe()));
    monitor.delay = 1.try_into().unwrap();
    monitor.timeout = 1.try_into().unwrap();
    monitor.fall = 1.try_into().unwrap();
    monitor.rise = 1.try_into().unwrap();
    behind.apply().await;
    let pid = behind.node.pid().await;

    let stranger = Authority::new("other").server("stranger");
    let good = behind.authority.server("second");
    for (number, issued) in [(107, &good), (207, &stranger)] {
        let address = format!("127.77.23.{number}");
        let crt = format!("ssl crt {}", issued.path());
        behind.members.push(member(&address, &crt).await);
        behind.node.graph.member(behind.pool, &address, 8000);
    }
    // Whom nobody can reach is not in the way.
    behind.node.graph.members.remove(0);
    behind.apply().await;
    assert_eq!(behind.node.pid().await, pid);
    let [second, third] = [0, 1].map(|at| behind.node.graph.members[at].id);
    behind.eventually(second, MemberHealth::Up).await;
    behind.eventually(third, MemberHealth::Down).await;
    for _ in 0..4 {
        assert_eq!(behind.get().await.0, 200, "a stranger is not spoken to");
    }
    behind.close().await;
}

#[tokio::test]
async fn bytes_are_sent_over_tls_too() {
    let mut behind = Behind::new(8, "").await;
    behind.node.graph.pools[0].protocol = PoolProtocol::Tcp;
    behind.node.graph.listeners[0].protocol = ListenerProtocol::Tcp;
    behind.apply().await;
    let (status, text) = behind.get().await;
    assert!(status == 200 && text.contains("version HTTP/1.1"), "{status} {text}");
    behind.close().await;
}

#[tokio::test]
async fn one_certificate_is_shown_for_requests_and_for_bytes() {
    let authority = Authority::new("authority");
    let issued = authority.server("member");
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let options = format!("accept-proxy verify required ca-file {}", ca.display());
    let mut behind = Behind::with(10, authority, &issued, &options).await;
    behind.node.graph.pools[0].protocol = PoolProtocol::ProxyV2;
    behind.node.graph.listener(ListenerProtocol::Tcp, 8081).default_pool = Some(behind.pool);
    let mut pid = None;
    for name in ["balancer", "successor"] {
        let ours = behind.authority.client(name);
        behind.put(MaterialKind::Certificate, ours.pem());
        behind.apply().await;
        let serving = behind.node.pid().await;
        assert_eq!(*pid.get_or_insert(serving), serving, "it needs no other process");
        let expected = format!("certificate {name}\n");
        for port in [8080, 8081] {
            // A connection from before may serve once more.
            let deadline = Instant::now() + PATIENCE;
            while !get(behind.node.vip(port)).await.unwrap().1.contains(&expected) {
                assert!(Instant::now() < deadline, "{name} is not shown on {port}");
            }
        }
    }
    behind.close().await;
}
