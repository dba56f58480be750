//! Listeners where TLS ends.

use std::time::Duration;

use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::listener::InsertHeader;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::tls::{Alpn, MaterialKind, TlsVersion};
use evenkeel_vault::fixtures::Algorithm;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, timeout};

use super::client::{Secured, s_client, serial, serial_of};
use crate::authority::shell;
use crate::serving::node::get;
use crate::world::Build;

/// The name in the certificate that was shown.
fn shown(said: &str) -> &str {
    said.lines().find_map(|line| line.strip_prefix("subject=")).unwrap_or("")
}

#[tokio::test]
async fn hosts_get_their_certificates_and_all_others_the_default() {
    let mut secured = Secured::new("127.77.20.1").await;
    secured.node.graph.additional_vip("127.77.20.101");
    let api = secured.host("api.example");
    secured.host("*.apps.example");
    secured.apply().await;
    for (host, certificate) in [
        ("www.example", "CN = www.example"),
        ("api.example", "CN = api.example"),
        ("a.apps.example", "CN = *.apps.example"),
        ("nobody.example", "CN = www.example"),
    ] {
        let said = secured.s_client(&format!("-servername {host}")).await;
        assert_eq!(shown(&said), certificate, "{host}: {said}");
        assert!(said.contains("HTTP/1.1 200 OK"), "{host}: {said}");
    }
    assert_eq!(shown(&secured.s_client("-noservername").await), "CN = www.example");
    let second = "127.77.20.101:8443".parse().unwrap();
    assert_eq!(serial(second, "api.example").await, serial_of(&api).await);
    secured.node.close().await;
}

#[tokio::test]
async fn without_a_default_the_first_certificate_is_it() {
    let mut secured = Secured::new("127.77.20.2").await;
    secured.first().tls.default_container = None;
    secured.host("one.example");
    secured.host("two.example");
    secured.apply().await;
    assert_eq!(shown(&secured.s_client("-noservername").await), "CN = one.example");
    assert_eq!(shown(&secured.s_client("-servername two.example").await), "CN = two.example");
    secured.node.close().await;
}

#[tokio::test]
async fn both_versions_of_http_are_served_and_members_learn_the_scheme() {
    let mut secured = Secured::new("127.77.20.3").await;
    let listener = secured.first();
    listener.insert_headers.insert(InsertHeader::ForwardedProto, "true".to_owned());
    let tls = &mut listener.tls;
    tls.hsts_max_age = Some(31_536_000);
    tls.hsts_include_subdomains = true;
    tls.hsts_preload = true;
    let id = listener.id;
    let graph = &mut secured.node.graph;
    graph.policy(id, Action::Reject);
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/forbidden");
    let url = "https://www.example/new".to_owned().try_into().unwrap();
    graph.policy(id, Action::RedirectToUrl { url, code: RedirectCode::Found });
    graph.rule(RuleKind::Path, Comparison::EqualTo, "", "/old");
    graph.policy(id, Action::Reject);
    // Nobody has sent it, so whoever passes was told so by the load balancer.
    graph.rule(RuleKind::Header, Comparison::EqualTo, "X-Forwarded-Proto", "https");
    secured.apply().await;

    let security = "strict-transport-security: max-age=31536000; includeSubDomains; preload";
    for (version, line) in [("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200 OK")] {
        let got = secured.curl(version).await;
        assert!(got.has(line) && got.has(security) && got.has("one"), "{version}: {got:?}");
    }
    for (path, status) in [("/forbidden", 403), ("/old", 302)] {
        let got = secured.curl_at(8443, path, "").await;
        assert!(got.status == status && got.has(security), "{path}: {got:?}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn trailers_of_members_reach_clients_of_http_2() {
    let mut secured = Secured::new("127.77.20.10").await;
    let member = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = member.local_addr().unwrap();
    let pool = Build::pool(&mut secured.node.graph, PoolProtocol::Http).id;
    secured.node.graph.member(pool, "127.0.0.1", i64::from(socket.port()));
    secured.first().default_pool = Some(pool);
    secured.apply().await;
    let answers = tokio::spawn(async move {
        let (mut stream, _) = member.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                      4\r\none\n\r\n0\r\nX-Sum: 7\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream
    });
    let got = secured.curl("--http2").await;
    assert!(got.has("HTTP/2 200") && got.has("x-sum: 7"), "{got:?}");
    drop(answers.await.unwrap());
    secured.node.close().await;
}

#[tokio::test]
async fn only_the_versions_asked_for_are_served_even_if_there_is_a_gap() {
    let mut secured = Secured::new("127.77.20.4").await;
    let tls = &mut secured.first().tls;
    tls.versions = Some(vec![TlsVersion::V1, TlsVersion::V1_2]);
    let ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256".to_owned();
    tls.ciphers = Some(ciphers.try_into().unwrap());
    secured.apply().await;
    for (version, is_served) in
        [("tls1", true), ("tls1_1", false), ("tls1_2", true), ("tls1_3", false)]
    {
        let said = secured.s_client(&format!("-{version} -cipher ALL:@SECLEVEL=0")).await;
        assert_eq!(said.contains("HTTP/1.1 200 OK"), is_served, "{version}: {said}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn only_the_ciphers_and_protocols_asked_for_are_agreed_on() {
    let mut secured = Secured::new("127.77.20.5").await;
    let tls = &mut secured.first().tls;
    let ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384".to_owned();
    tls.ciphers = Some(ciphers.try_into().unwrap());
    tls.alpn = Some(vec![Alpn::Http11]);
    secured.apply().await;
    for (arguments, expected) in [
        ("-tls1_3", "TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256"),
        ("-tls1_2", "TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "alert handshake failure"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "alert handshake failure"),
        ("-alpn h2,http/1.1", "ALPN protocol: http/1.1"),
    ] {
        let said = secured.s_client(arguments).await;
        assert!(said.contains(expected), "{arguments}: {said}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn keys_of_all_kinds_serve() {
    let mut secured = Secured::new("127.77.20.11").await;
    let kinds = [
        Algorithm::Rsa(2048),
        Algorithm::Rsa(4096),
        Algorithm::P384,
        Algorithm::P521,
        Algorithm::Ed25519,
    ];
    for kind in kinds {
        let pem = secured.authority.with_key(kind);
        secured.put(MaterialKind::Certificate, "www", pem);
        secured.apply().await;
        assert_eq!(secured.curl("").await.status, 200, "{kind:?}");
    }
    secured.node.close().await;
}

#[tokio::test]
async fn nobody_renegotiates_or_sends_early_data() {
    let mut secured = Secured::new("127.77.20.6").await;
    secured.apply().await;
    let said = secured.s_client("-tls1_3").await;
    assert!(said.contains("Max Early Data: 0"), "{said}");
    let socket = secured.vip();
    // To `s_client` an R is the wish to renegotiate; the end of its input would be its own end.
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "(echo R; while ! grep -q :error: said; do sleep 0.05; done) | \
         timeout 20 openssl s_client -tls1_2 -connect {socket} 2>&1 | tee said"
    );
    let said = shell(directory.path(), &script).await;
    assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
    secured.node.close().await;
}

#[tokio::test]
async fn metrics_are_told_over_tls_if_there_is_a_certificate() {
    let mut secured = Secured::new("127.77.20.7").await;
    secured.listener(ListenerProtocol::Prometheus, 9100);
    secured.apply().await;
    let got = secured.curl_at(9100, "/metrics", "").await;
    let text = &got.text[..got.text.floor_char_boundary(2_000)];
    assert!(got.has("HTTP/2 200") && got.text.contains("octavia_loadbalancer_cpu"), "{text}");
    secured.node.close().await;
}

#[tokio::test]
async fn half_a_client_hello_is_cut_off() {
    let mut secured = Secured::new("127.77.20.8").await;
    secured.first().timeouts.client_data = 1_000.try_into().unwrap();
    secured.apply().await;
    let mut client = TcpStream::connect(secured.vip()).await.unwrap();
    // A record that promises 512 bytes, and a few of them.
    client.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await.unwrap();
    let (mut answer, mut sender) = client.into_split();
    // However busy it seems.
    let drops = tokio::spawn(async move {
        let mut rounds = interval(Duration::from_millis(50));
        while sender.write_all(&[0]).await.is_ok() {
            rounds.tick().await;
        }
    });
    let end = timeout(Duration::from_secs(8), answer.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "still open");
    drops.await.unwrap();
    secured.node.close().await;
}

#[tokio::test]
async fn a_tunnel_of_other_listeners_is_not_opened() {
    let mut secured = Secured::new("127.77.20.9").await;
    let pool = secured.pool();
    secured.node.graph.listener(ListenerProtocol::Http, 8080).default_pool = Some(pool);
    secured.apply().await;
    let clear = secured.node.vip(8080);
    assert!(!s_client(clear, "").await.contains("HTTP/1.1 200"));
    assert_eq!(get(clear).await.unwrap().0, 200);
    secured.node.close().await;
}
