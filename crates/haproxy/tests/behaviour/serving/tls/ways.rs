//! Which difference in certificates and their like needs what: the table of the cheapest ways.

use evenkeel_haproxy::change::{Change, between};
use evenkeel_haproxy::command::Command;
use evenkeel_haproxy::render::render;
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::ClientAuthentication::Mandatory;
use evenkeel_model::tls::{ListenerTls, MaterialKind, PoolTls, TlsOwner};

use super::client::reference;
use crate::authority::Held;
use crate::files::LIMITS;
use crate::world::{self, Build};

const PEM: &str = "-----BEGIN-----\n";

/// A load balancer with all that can be said of TLS, and what it holds.
#[derive(Clone)]
struct Start {
    graph: LoadBalancerGraph,
    held: Held,
}

impl Start {
    fn new() -> Self {
        let mut graph = world::load_balancer();
        let pool = graph.pair(PoolProtocol::Http);
        graph.serve(ListenerProtocol::TerminatedHttps, pool);
        graph.listeners[0].tls = ListenerTls {
            default_container: Some(reference("www")),
            sni_containers: vec![reference("a"), reference("b")],
            client_authentication: Mandatory,
            client_ca: Some(reference("ca")),
            client_crl: Some(reference("crl")),
            ..ListenerTls::default()
        };
        graph.pools[0].tls = PoolTls {
            enabled: true,
            container: Some(reference("own")),
            ca: Some(reference("ca")),
            crl: Some(reference("crl")),
            ..PoolTls::default()
        };
        let mut start = Self { graph, held: Held::default() };
        for name in ["www", "a", "b", "c"] {
            start.put_listener(MaterialKind::Certificate, name);
        }
        start.put_listener(MaterialKind::Authorities, "ca");
        start.put_listener(MaterialKind::Revocations, "crl");
        start.put_pool(MaterialKind::Certificate, "own");
        start.put_pool(MaterialKind::Authorities, "ca");
        start.put_pool(MaterialKind::Revocations, "crl");
        start
    }

    fn put_listener(&mut self, kind: MaterialKind, name: &str) {
        self.put_text(kind, name, PEM);
    }

    fn put_text(&mut self, kind: MaterialKind, name: &str, pem: &str) {
        let owner = TlsOwner::Listener(self.graph.listeners[0].id);
        self.held.put(owner, kind, name, pem);
    }

    fn put_pool(&mut self, kind: MaterialKind, name: &str) {
        self.held.put(TlsOwner::Pool(self.graph.pools[0].id), kind, name, PEM);
    }

    fn tls(&mut self) -> &mut ListenerTls {
        &mut self.graph.listeners[0].tls
    }
}

/// The way to what `edit` makes of it: "reload", or what the commands do, without ids.
fn way(edit: impl Fn(&mut Start)) -> Vec<String> {
    let rendered = |it: &Start| {
        render(&it.graph, &world::site(&it.graph), LIMITS, &it.held.material()).unwrap()
    };
    let start = Start::new();
    let mut end = start.clone();
    edit(&mut end);
    match between(&rendered(&start), &rendered(&end)) {
        Change::Nothing => Vec::new(),
        Change::Note => vec!["note".to_owned()],
        Change::Reload => vec!["reload".to_owned()],
        Change::Commands(commands) => commands.iter().map(told).collect(),
    }
}

fn told(command: &Command) -> String {
    match command {
        Command::Replace(file) => format!("replace {}", file.slot.reference),
        Command::AddCertificate(_, file) => format!("add {}", file.slot.reference),
        Command::RemoveCertificate(_, file) => format!("remove {}", file.slot.reference),
        Command::SetWeight(..)
        | Command::SetDisabled(..)
        | Command::Add(..)
        | Command::Retire(_)
        | Command::Delete(_)
        | Command::SetMaxConnections(..) => panic!("{command:?}"),
    }
}

#[test]
fn nothing_that_differs_needs_nothing() {
    assert!(way(|_| ()).is_empty());
    assert!(way(|it| it.tls().sni_containers.reverse()).is_empty(), "the order says nothing");
}

#[test]
fn certificates_are_replaced_and_come_and_go_where_they_serve() {
    use MaterialKind::{Authorities, Certificate, Revocations};
    assert_eq!(way(|it| it.put_listener(Certificate, "www")), ["replace www"]);
    assert_eq!(way(|it| it.put_listener(Certificate, "a")), ["add a", "remove a"]);
    assert_eq!(way(|it| it.tls().sni_containers.push(reference("c"))), ["add c"]);
    assert_eq!(way(|it| _ = it.tls().sni_containers.remove(0)), ["remove a"]);
    assert_eq!(way(|it| it.tls().sni_containers.clear()), ["remove a", "remove b"]);
    assert_eq!(way(|it| it.tls().default_container = Some(reference("c"))), ["replace c"]);
    // One of several becomes the one for all others.
    let default = |it: &mut Start| it.tls().default_container = Some(reference("a"));
    assert_eq!(way(default), ["replace a", "remove a"]);
    // Without a default the first of several is it.
    assert_eq!(way(|it| it.tls().default_container = None), ["replace a", "remove a"]);
    let all = |it: &mut Start| {
        it.put_listener(Certificate, "www");
        it.tls().sni_containers = vec![reference("b"), reference("c")];
    };
    assert_eq!(way(all), ["add c", "replace www", "remove a"], "who comes comes first");

    assert_eq!(way(|it| it.put_listener(Authorities, "ca")), ["replace ca"]);
    assert_eq!(way(|it| it.put_listener(Revocations, "crl")), ["replace crl"]);
    assert_eq!(way(|it| it.put_pool(Certificate, "own")), ["replace own"]);
}

#[test]
fn whatever_else_differs_needs_another_process() {
    use MaterialKind::{Authorities, Certificate, Revocations};
    let none = evenkeel_model::tls::ClientAuthentication::None;
    let edits: [&dyn Fn(&mut Start); 10] = [
        // They belong together.
        &|it| {
            it.put_listener(Authorities, "ca");
            it.put_listener(Revocations, "crl");
        },
        &|it| it.tls().client_crl = None,
        &|it| it.tls().client_authentication = none,
        &|it| it.tls().alpn = Some(vec![evenkeel_model::tls::Alpn::H2]),
        // HAProxy would go on with what it knew.
        &|it| it.put_pool(Authorities, "ca"),
        &|it| it.put_pool(Revocations, "crl"),
        &|it| it.graph.pools[0].tls.container = None,
        &|it| it.graph.pools[0].tls.enabled = false,
        // More than its socket takes, and what would end the content there.
        &|it| it.put_text(Certificate, "www", &"A\n".repeat(8 * 1024)),
        &|it| it.put_text(Certificate, "www", "-----BEGIN-----\n\nshow info\n"),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        assert_eq!(way(edit), ["reload"], "edit {number}");
    }
}
