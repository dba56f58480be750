//! Clients with certificates.

use std::fs;

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::listener::InsertHeader;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::ClientAuthentication::{Mandatory, Optional};
use evenkeel_model::tls::MaterialKind;

use super::client::{Secured, s_client};
use crate::authority::{Authority, Issued};
use crate::world::Build;

fn shows(issued: &Issued) -> String {
    format!("--cert {}", issued.path())
}

#[tokio::test]
async fn who_has_no_good_certificate_is_not_let_in_where_one_is_demanded() {
    let mut secured = Secured::new("127.77.21.1").await;
    let good = secured.authority.client("alice");
    let revoked = secured.authority.client("bob");
    let foreign = Authority::new("other").client("eve");
    secured.ask_clients(Mandatory);
    let list = secured.authority.revoke(&[&revoked]);
    secured.list_revoked(list);
    secured.apply().await;
    for version in ["--http2", "--http1.1", "--tls-max 1.2"] {
        assert_eq!(secured.curl(&format!("{version} {}", shows(&good))).await.status, 200);
        for (who, issued) in [("revoked", &revoked), ("foreign", &foreign)] {
            let got = secured.curl(&format!("{version} {}", shows(issued))).await;
            assert_eq!(got.status, 0, "{who} {version}: {got:?}");
        }
        assert_eq!(secured.curl(version).await.status, 0, "none {version}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn where_none_is_demanded_none_is_as_good_as_a_good_one() {
    let mut secured = Secured::new("127.77.21.2").await;
    let good = secured.authority.client("alice");
    let foreign = Authority::new("other").client("eve");
    secured.ask_clients(Optional);
    secured.apply().await;
    assert_eq!(secured.curl("").await.status, 200);
    assert_eq!(secured.curl(&shows(&good)).await.status, 200);
    assert_eq!(secured.curl(&shows(&foreign)).await.status, 0, "a bad one ends the handshake");
    secured.node.close().await;
}

#[tokio::test]
async fn each_authority_of_a_chain_needs_a_list_if_there_are_any() {
    let mut secured = Secured::new("127.77.21.7").await;
    let below = secured.authority.intermediate("below");
    let alice = below.client("alice");
    secured.ask_clients(Mandatory);
    secured.apply().await;
    assert_eq!(secured.curl(&shows(&alice)).await.status, 200, "a chain leads to the authority");
    let own = below.revoke(&[]);
    secured.list_revoked(own.clone());
    secured.apply().await;
    assert_eq!(secured.curl(&shows(&alice)).await.status, 0, "nobody says who is good above");
    secured.list_revoked(own + &secured.authority.revoke(&[]));
    secured.apply().await;
    assert_eq!(secured.curl(&shows(&alice)).await.status, 200);

    secured.first().tls.client_crl = None;
    secured.put(MaterialKind::Authorities, "ca", below.pem());
    secured.apply().await;
    assert_eq!(secured.curl(&shows(&alice)).await.status, 0, "a chain ends with a root");
    secured.node.close().await;
}

#[tokio::test]
async fn members_are_told_of_certificates_by_the_load_balancer_alone() {
    let mut secured = Secured::new("127.77.21.3").await;
    let good = secured.authority.client("alice/O=Org");
    secured.ask_clients(Optional);
    let tls_headers = InsertHeader::ALL.iter().filter(|header| header.needs_tls());
    secured.first().insert_headers =
        tls_headers.map(|header| (*header, "true".to_owned())).collect();
    let pool = Build::pool(&mut secured.node.graph, PoolProtocol::Http).id;
    secured.node.mirror(pool).await;
    secured.first().default_pool = Some(pool);
    secured.apply().await;

    let lies = "-H 'X-SSL-Client-CN: mallory' -H 'x_ssl_client_cn: mallory' \
                -H 'X-SSL_Client-Verify: 0' -H 'X-SSL-Client-Has_Cert: 1'";
    let got = secured.curl(&format!("{} {lies}", shows(&good))).await;
    assert!(!got.text.contains("mallory"), "{got:?}");
    for line in [
        "x-ssl-client-verify: 0",
        "x-ssl-client-has-cert: 1",
        "x-ssl-client-dn: /CN=alice/O=Org",
        "x-ssl-client-cn: alice",
        "x-ssl-issuer: /CN=authority",
    ] {
        assert!(got.has(line), "{line}: {got:?}");
    }
    let value = |name: &str| -> String {
        let answer = got.text.lines().map(str::trim_end);
        let mut found = answer.filter_map(|line| line.strip_prefix(name));
        let value = found.next().unwrap_or_else(|| panic!("{name}: {got:?}"));
        assert!(found.next().is_none(), "{name} twice: {got:?}");
        value.to_owned()
    };
    let sha1 = value("x-ssl-client-sha1: ");
    assert!(sha1.len() == 40 && sha1.bytes().all(|it| it.is_ascii_hexdigit()), "{sha1}");
    for name in ["x-ssl-client-not-before: ", "x-ssl-client-not-after: "] {
        let time = value(name);
        assert!(time.len() == 13 && time.ends_with('Z'), "{time}");
    }

    let got = secured.curl(lies).await;
    assert!(!got.text.contains("mallory"), "{got:?}");
    for line in ["x-ssl-client-verify: 0", "x-ssl-client-has-cert: 0", "x-ssl-client-cn:"] {
        assert!(got.has(line), "{line}: {got:?}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn a_name_cannot_bring_a_header_of_its_own() {
    let mut secured = Secured::new("127.77.21.4").await;
    let sly = secured.authority.client("a\r\nX-Admin: 1");
    assert!(sly.pem().contains("CERTIFICATE"));
    secured.ask_clients(Mandatory);
    for header in [InsertHeader::SslClientDn, InsertHeader::SslClientCn] {
        secured.first().insert_headers.insert(header, "true".to_owned());
    }
    let pool = Build::pool(&mut secured.node.graph, PoolProtocol::Http).id;
    secured.node.mirror(pool).await;
    secured.first().default_pool = Some(pool);
    secured.apply().await;
    let got = secured.curl(&shows(&sly)).await;
    assert!(got.has("x-ssl-client-cn: a%0D%0AX-Admin: 1"), "{got:?}");
    assert!(!got.has("X-Admin: 1"), "{got:?}");
    secured.node.close().await;
}

#[tokio::test]
async fn rules_look_at_certificates() {
    let mut secured = Secured::new("127.77.21.5").await;
    let finance = secured.authority.client("alice/OU=finance");
    let other = secured.authority.client("bob/OU=sales");
    secured.ask_clients(Optional);
    let listener = secured.first().id;
    let graph = &mut secured.node.graph;
    let pool = Build::pool(graph, PoolProtocol::Http).id;
    graph.policy(listener, Action::RedirectToPool { pool });
    graph.rule(RuleKind::SslConnHasCert, Comparison::EqualTo, "", "True");
    graph.rule(RuleKind::SslVerifyResult, Comparison::EqualTo, "", "0");
    graph.rule(RuleKind::SslDnField, Comparison::EqualTo, "OU", "finance");
    let found = evenkeel_model::l7_policy::RedirectCode::Found;
    let url = "http://www.example/signup".to_owned().try_into().unwrap();
    graph.policy(listener, Action::RedirectToUrl { url, code: found });
    graph.rule(RuleKind::SslConnHasCert, Comparison::EqualTo, "", "true").invert = true;
    secured.node.member(pool, "finance").await;
    secured.apply().await;
    let got = secured.curl(&shows(&finance)).await;
    assert!(got.status == 200 && got.has("finance"), "{got:?}");
    let got = secured.curl(&shows(&other)).await;
    assert!(got.status == 200 && got.has("one"), "{got:?}");
    let got = secured.curl("").await;
    assert!(got.status == 302 && got.has("location: http://www.example/signup"), "{got:?}");
    secured.node.close().await;
}

/// HAProxy's cache of sessions is one for all listeners, and who resumes a session is not asked for
/// a certificate again.
#[tokio::test]
async fn a_session_from_elsewhere_is_no_way_in() {
    let mut secured = Secured::new("127.77.21.6").await;
    let pool = secured.pool();
    secured.listener(ListenerProtocol::TerminatedHttps, 8444).default_pool = Some(pool);
    secured.ask_clients(Mandatory);
    secured.apply().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session").display().to_string();
    let (open, closed) = (secured.node.vip(8444), secured.vip());
    for version in ["-tls1_2 -no_ticket", "-tls1_2", "-tls1_3"] {
        let said = s_client(open, &format!("{version} -sess_out {file}")).await;
        assert!(said.contains("HTTP/1.1 200 OK"), "{version}: {said}");
        // Without a ticket there is no session at all, and no file.
        let has_ticket = !version.contains("no_ticket");
        let _ = fs::File::options().create(true).append(true).open(&file);
        let said = s_client(open, &format!("{version} -sess_in {file}")).await;
        assert_eq!(said.contains("Reused"), has_ticket, "{version}: {said}");
        let said = s_client(closed, &format!("{version} -sess_in {file}")).await;
        assert!(!said.contains("HTTP/1.1 200 OK"), "{version}: {said}");
        assert!(!said.contains("Reused"), "{version}: {said}");
        fs::remove_file(&file).unwrap();
    }
    secured.node.close().await;
}
