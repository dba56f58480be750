//! A node whose listeners end TLS, and what clients see of it.

use std::net::SocketAddr;
use std::path::Path;

use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::text::SecretRef;
use evenkeel_model::tls::{Alpn, ClientAuthentication, MaterialKind, TlsOwner};
use evenkeel_model::{Listener, PoolId};

use crate::authority::{Authority, Held, Issued, shell};
use crate::serving::node::Node;
use crate::world::Build;

/// A node, who signs its certificates, and what it holds.
pub(super) struct Secured {
    pub(super) node: Node,
    pub(super) authority: Authority,
    pub(super) held: Held,
}

/// What curl got.
#[derive(Debug)]
pub(super) struct Got {
    /// 0 if there was no answer.
    pub(super) status: u16,
    /// Head and body, or what curl says of its failure.
    pub(super) text: String,
}

impl Got {
    pub(super) fn has(&self, line: &str) -> bool {
        self.text.lines().any(|it| it.trim_end().eq_ignore_ascii_case(line))
    }
}

pub(super) fn reference(name: &str) -> SecretRef {
    name.to_owned().try_into().unwrap()
}

impl Secured {
    /// A node with a `TERMINATED_HTTPS` listener on 8443 that has a certificate for `www.example`, in
    /// front of a member that answers `one`.
    pub(super) async fn new(vip: &str) -> Self {
        let mut secured = Self {
            node: Node::new(vip),
            authority: Authority::new("authority"),
            held: Held::default(),
        };
        let pool = Build::pool(&mut secured.node.graph, PoolProtocol::Http).id;
        secured.node.member(pool, "one").await;
        let listener = secured.listener(ListenerProtocol::TerminatedHttps, 8443);
        listener.default_pool = Some(pool);
        secured
    }

    /// A listener with a certificate for `www.example`.
    pub(super) fn listener(&mut self, protocol: ListenerProtocol, port: i64) -> &mut Listener {
        let issued = self.authority.server("www.example");
        let listener = self.node.graph.listener(protocol, port);
        listener.tls.default_container = Some(reference("www"));
        listener.tls.alpn = Some(Alpn::ALL.to_vec());
        let owner = TlsOwner::Listener(listener.id);
        self.held.put(owner, MaterialKind::Certificate, "www", issued.pem());
        listener
    }

    pub(super) fn first(&mut self) -> &mut Listener {
        &mut self.node.graph.listeners[0]
    }

    pub(super) fn pool(&self) -> PoolId {
        self.node.graph.pools[0].id
    }

    /// Puts a content into a slot of the first listener.
    pub(super) fn put(&mut self, kind: MaterialKind, name: &str, pem: impl Into<String>) {
        let owner = TlsOwner::Listener(self.first().id);
        self.held.put(owner, kind, name, pem);
    }

    /// One certificate more, for a host that names it.
    pub(super) fn host(&mut self, host: &str) -> Issued {
        let issued = self.authority.server(host);
        self.put(MaterialKind::Certificate, host, issued.pem());
        self.first().tls.sni_containers.push(reference(host));
        issued
    }

    /// Clients of the first listener are asked for a certificate of the authority.
    pub(super) fn ask_clients(&mut self, how: ClientAuthentication) {
        let tls = &mut self.first().tls;
        tls.client_authentication = how;
        tls.client_ca = Some(reference("ca"));
        let pem = self.authority.pem();
        self.put(MaterialKind::Authorities, "ca", pem);
    }

    /// Nobody is let in whom this list has.
    pub(super) fn list_revoked(&mut self, list: String) {
        self.first().tls.client_crl = Some(reference("crl"));
        self.put(MaterialKind::Revocations, "crl", list);
    }

    pub(super) async fn apply(&mut self) {
        self.node.material = self.held.material();
        self.node.apply().await.unwrap();
    }

    pub(super) fn vip(&self) -> SocketAddr {
        self.node.vip(8443)
    }

    /// What `openssl s_client` says, with the answer to its request.
    pub(super) async fn s_client(&self, arguments: &str) -> String {
        s_client(self.vip(), arguments).await
    }

    /// What curl gets.
    pub(super) async fn curl(&self, arguments: &str) -> Got {
        self.curl_at(8443, "/", arguments).await
    }

    pub(super) async fn curl_at(&self, port: u16, path: &str, arguments: &str) -> Got {
        let socket = self.node.vip(port);
        let script = format!(
            "curl -sS -k -i --max-time 20 {arguments} -w '\\n%{{http_code}}' https://{socket}{path}"
        );
        let text = shell(Path::new("/"), &script).await;
        let status = text.rsplit('\n').find_map(|line| line.trim().parse().ok()).unwrap_or(0);
        Got { status, text }
    }

    /// The serial number of the certificate that whoever names this host gets.
    pub(super) async fn serial(&self, host: &str) -> String {
        serial(self.vip(), host).await
    }
}

/// As [`Secured::s_client`], anywhere.
pub(super) async fn s_client(socket: SocketAddr, arguments: &str) -> String {
    let script = format!(
        "printf 'GET / HTTP/1.1\\r\\nHost: www.example\\r\\nConnection: close\\r\\n\\r\\n' | \
         timeout 20 openssl s_client -ign_eof -connect {socket} {arguments} 2>&1"
    );
    shell(Path::new("/"), &script).await
}

pub(super) async fn serial(socket: SocketAddr, host: &str) -> String {
    let script = format!(
        "openssl s_client -connect {socket} -servername {host} </dev/null 2>/dev/null | \
         openssl x509 -noout -serial"
    );
    shell(Path::new("/"), &script).await.trim().to_owned()
}

/// The serial number of a certificate that was issued.
pub(super) async fn serial_of(issued: &Issued) -> String {
    let script = format!("openssl x509 -noout -serial -in {}", issued.path());
    shell(Path::new("/"), &script).await.trim().to_owned()
}
