//! What clients see of a driver that ends TLS, and where it leaves keys.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::text::SecretRef;
use evenkeel_model::tls::{
    ClientAuthentication, ListenerTls, MaterialId, MaterialKind, PoolTls, Slot, TlsOwner,
};
use evenkeel_model::{LoadBalancerGraph, Member};
use evenkeel_vault::fixtures::{Authority, Identity};
use evenkeel_vault::{Material, Piece, Secret};
use tokio::task::JoinSet;

use super::answerer::Answerer;
use super::handshake::Clients;
use super::{Bench, Node, graph};
use crate::Driver;

pub(super) async fn check<N: Node>(bench: &Bench<N>, graph: LoadBalancerGraph) {
    let clients = Clients::in_directory(bench.site.directory.join("clients"));
    let mut check = Check::new(bench, graph, &clients);
    check.hosts_get_their_certificates().await;
    check.keys_are_for_their_owner_only();
    check.a_renewed_certificate_is_shown_and_nobody_notices().await;
    check.hosts_come_and_go().await;
    check.who_has_no_good_certificate_is_not_let_in().await;
    if bench.driver.capabilities().l7.contains(&ListenerProtocol::TerminatedHttps) {
        check.rules_ask_about_clients_certificates().await;
    }
    if bench.driver.capabilities().pool_tls {
        check.members_are_judged().await;
    }
    clients.leave().expect("the directory is the check's");
}

/// A load balancer that ends TLS in front of one member.
struct Check<'a, N: Node> {
    bench: &'a Bench<N>,
    graph: LoadBalancerGraph,
    vip: SocketAddr,
    clients: &'a Clients,
    authority: Authority,
    held: BTreeMap<Slot, Piece>,
    given: u128,
    _member: Answerer,
}

impl<'a, N: Node> Check<'a, N> {
    fn new(bench: &'a Bench<N>, mut graph: LoadBalancerGraph, clients: &'a Clients) -> Self {
        let member = Answerer::start("one");
        let pool = graph.pools[0].id;
        graph.members = vec![graph::member(pool, 1, member.socket)];
        graph.listeners[0].protocol = ListenerProtocol::TerminatedHttps;
        graph.listeners[0].tls =
            ListenerTls { default_container: Some(named("default")), ..ListenerTls::default() };
        Self {
            vip: bench.site.sockets_of(&graph.listeners[0], &graph)[0],
            bench,
            graph,
            clients,
            authority: Authority::new("authority"),
            held: BTreeMap::new(),
            given: 0,
            _member: member,
        }
    }

    fn tls(&mut self) -> &mut ListenerTls {
        &mut self.graph.listeners[0].tls
    }

    fn put(&mut self, owner: TlsOwner, kind: MaterialKind, name: &str, pem: &str) {
        self.given += 1;
        let id = MaterialId::new(uuid::Uuid::from_u128(self.given));
        let pem = Secret::new(pem.as_bytes().to_vec());
        self.held.insert(Slot { owner, kind, reference: named(name) }, Piece { id, pem });
    }

    /// Gives the listener a certificate under this name for this host.
    fn certify(&mut self, name: &str, host: &str) -> Identity {
        let identity = self.authority.server(&[host]);
        let owner = TlsOwner::Listener(self.graph.listeners[0].id);
        self.put(owner, MaterialKind::Certificate, name, &identity.pem());
        identity
    }

    async fn apply(&mut self) {
        self.graph.generation = self.graph.generation.next();
        let material: Material = self.held.clone().into_iter().collect();
        let applied = self.bench.apply_with(&self.graph, &material).await;
        applied.expect("the graph is within its capabilities");
    }

    /// Whether a client who shows this gets an answer.
    async fn lets_in(&self, shown: Option<&Identity>) -> bool {
        self.clients.ask(self.vip, "www.check", shown).await.is_answered()
    }

    async fn hosts_get_their_certificates(&mut self) {
        self.certify("default", "www.check");
        self.certify("api", "api.check");
        self.tls().sni_containers = vec![named("api")];
        self.apply().await;
        for (asked, shown) in [
            ("www.check", "www.check"),
            ("api.check", "api.check"),
            ("nobody.check", "www.check"),
            ("", "www.check"),
        ] {
            let got = self.clients.ask(self.vip, asked, None).await;
            assert!(got.shows(shown) && got.is_answered(), "{asked:?}: {got:?}");
        }
    }

    fn keys_are_for_their_owner_only(&self) {
        let mode = |path: &Path| {
            let about = fs::metadata(path).expect("the directory is the check's");
            about.permissions().mode() & 0o777
        };
        let secrets = &self.bench.site.secrets;
        if secrets.exists() {
            assert_eq!(mode(secrets), 0o700, "others may enter where keys are");
            for entry in fs::read_dir(secrets).expect("the directory is the check's") {
                let path = entry.expect("the directory is the check's").path();
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
        for (name, content) in self.bench.files() {
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains("PRIVATE KEY"), "a key is in {}", name.display());
        }
    }

    async fn a_renewed_certificate_is_shown_and_nobody_notices(&mut self) {
        let mut load = JoinSet::new();
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let (vip, place) = (self.vip, self.bench.site.directory.join("clients"));
        load.spawn(async move {
            let mut asked = 0;
            while !*stopped.borrow_and_update() {
                let got = Clients::in_directory(place.clone()).ask(vip, "api.check", None).await;
                assert!(got.shows("api.check") && got.is_answered(), "{got:?}");
                asked += 1;
            }
            asked
        });
        for round in 1..4 {
            let host = format!("renewed{round}.check");
            self.certify("default", &host);
            self.certify("api", "api.check");
            self.apply().await;
            let got = self.clients.ask(self.vip, "www.check", None).await;
            assert!(got.shows(&host) && got.is_answered(), "the earlier one: {got:?}");
        }
        stop.send_replace(true);
        let asked = load.join_next().await.and_then(Result::ok);
        assert!(asked.is_some_and(|asked: u32| asked > 0), "no client was served throughout");
    }

    async fn hosts_come_and_go(&mut self) {
        self.certify("shop", "shop.check");
        self.tls().sni_containers = vec![named("shop")];
        self.apply().await;
        assert!(self.clients.ask(self.vip, "shop.check", None).await.shows("shop.check"));
        assert!(!self.clients.ask(self.vip, "api.check", None).await.shows("api.check"));
    }

    async fn who_has_no_good_certificate_is_not_let_in(&mut self) {
        let [good, revoked] = ["good", "revoked"].map(|name| self.authority.client(name));
        let foreign = Authority::new("other").client("foreign");
        let owner = TlsOwner::Listener(self.graph.listeners[0].id);
        let ca = self.authority.certificate().to_owned();
        self.put(owner, MaterialKind::Authorities, "ca", &ca);
        let nobody = self.authority.revocations(&[]);
        self.put(owner, MaterialKind::Revocations, "crl", &nobody);
        self.tls().client_ca = Some(named("ca"));
        self.tls().client_crl = Some(named("crl"));
        self.tls().client_authentication = ClientAuthentication::Optional;
        self.apply().await;
        assert!(self.lets_in(None).await, "none is demanded");
        assert!(self.lets_in(Some(&good)).await && !self.lets_in(Some(&foreign)).await);

        self.tls().client_authentication = ClientAuthentication::Mandatory;
        self.apply().await;
        assert!(!self.lets_in(None).await, "one is demanded");
        assert!(self.lets_in(Some(&good)).await && !self.lets_in(Some(&foreign)).await);
        assert!(self.lets_in(Some(&revoked)).await, "not yet");

        let list = self.authority.revocations(&[&revoked]);
        self.put(owner, MaterialKind::Revocations, "crl", &list);
        self.apply().await;
        assert!(self.lets_in(Some(&good)).await && !self.lets_in(Some(&revoked)).await);
        self.tls().client_authentication = ClientAuthentication::None;
        self.apply().await;
        assert!(self.lets_in(None).await);
    }

    /// Each rule alone in a policy that rejects; a certificate is not demanded.
    async fn rules_ask_about_clients_certificates(&mut self) {
        let good = self.authority.client("good");
        self.tls().client_authentication = ClientAuthentication::Optional;
        for (kind, key, value, holds, holds_without) in [
            (RuleKind::SslConnHasCert, None, "true", true, false),
            (RuleKind::SslVerifyResult, None, "0", true, true),
            (RuleKind::SslVerifyResult, None, "10", false, false),
            (RuleKind::SslDnField, Some("CN"), "good", true, false),
            (RuleKind::SslDnField, Some("CN"), "goo", false, false),
        ] {
            let key = key.map(str::to_owned);
            let rule = Condition::new(kind, Comparison::EqualTo, key, value.to_owned());
            let rule = rule.expect("it is within the grammar");
            graph::policy(&mut self.graph, Action::Reject, vec![rule]);
            self.apply().await;
            for (shown, is_rejected) in [(Some(&good), holds), (None, holds_without)] {
                let got = self.clients.ask(self.vip, "www.check", shown).await;
                let status = if is_rejected { "HTTP/1.1 403" } else { "HTTP/1.1 200" };
                assert!(got.said.contains(status), "{kind} {value}: {got:?}");
            }
            self.graph.l7_policies.clear();
            self.graph.l7_rules.clear();
        }
        self.tls().client_authentication = ClientAuthentication::None;
    }

    async fn members_are_judged(&mut self) {
        let (running, socket) = self.clients.member(&self.authority.server(&["member"])).await;
        let pool = self.graph.pools[0].id;
        let member: Member = graph::member(pool, 9, socket);
        self.graph.members = vec![member];
        self.graph.pools[0].tls = PoolTls { enabled: true, ..PoolTls::default() };
        self.apply().await;
        assert!(self.is_answered_by_the_member().await, "nobody judges it");
        let other = Authority::new("other");
        for (ca, is_trusted) in [(self.authority.certificate(), true), (other.certificate(), false)]
            .map(|(pem, is_trusted)| (pem.to_owned(), is_trusted))
        {
            self.put(TlsOwner::Pool(pool), MaterialKind::Authorities, "ca", &ca);
            self.graph.pools[0].tls.ca = Some(named("ca"));
            self.apply().await;
            assert_eq!(self.is_answered_by_the_member().await, is_trusted);
        }
        drop(running);
    }

    /// The client names no host, so that the member's name does not matter.
    async fn is_answered_by_the_member(&self) -> bool {
        let got = self.clients.ask(self.vip, "", None).await;
        got.said.contains("200 ok")
    }
}

fn named(reference: &str) -> SecretRef {
    reference.to_owned().try_into().expect("it is short")
}
