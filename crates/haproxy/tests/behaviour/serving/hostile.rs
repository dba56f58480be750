//! What clients may not say, and what of it reaches a member: bytes in, bytes out.

use std::time::Duration;

use evenkeel_model::listener::InsertHeader;

use super::node::Node;
use crate::raw::{Ear, cut_after, exchange, status};

async fn node(vip: &str) -> (Node, Ear) {
    let mut node = Node::new(vip);
    let pool = node.listener(8080);
    let ear = Ear::new(&mut node, pool).await;
    (node, ear)
}

/// A request with these lines after the first, and a host unless there is one.
fn request(line: &str, headers: &str) -> String {
    format!("{line}\r\n{headers}\r\n\r\n")
}

#[tokio::test]
async fn a_request_has_one_good_host() {
    let (mut node, mut ear) = node("127.77.5.1").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    for headers in [
        "X: 1",
        "Host:",
        "Host: a\r\nHost: b",
        "Host: a, b",
        "Host: a b",
        "Host: u@a",
        "Host: a#b",
        "Host: a/b",
        "Host: a?b",
        "Host: a\\b",
        "Host: a\x01b",
        "Host: a\tb",
        "Host: a:80:81",
        "Host: a:x",
        "Host: [::1",
        "Host: ü",
    ] {
        assert_eq!(status(vip, request("GET / HTTP/1.1", headers)).await, 400, "{headers}");
    }
    assert!(ear.heard().is_empty());
    for host in ["a", "A.example.com", "a_b.c", "a:80", "10.0.0.1:8080", "[::1]:80", "xn--4ca.de"] {
        let line = request("GET / HTTP/1.1", &format!("Host: {host}"));
        assert_eq!(status(vip, line).await, 200, "{host}");
    }
    // Those who do not know HTTP/1.1 need not say whom they mean.
    assert_eq!(status(vip, "GET / HTTP/1.0\r\n\r\n").await, 200);
    assert_eq!(status(vip, request("GET / HTTP/1.0", "Host: u@a")).await, 400);
    assert_eq!(ear.heard().len(), 8);
    node.close().await;
}

#[tokio::test]
async fn a_target_with_a_host_becomes_a_path() {
    let (mut node, mut ear) = node("127.77.5.2").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    for (target, host) in [
        ("http://b/x", "a"),
        ("http://u@a/x", "a"),
        ("http://u@a/x", "u@a"),
        ("ftp://a/x", "a"),
        ("http://a?q/x", "a"),
        ("http:///x", "a"),
        ("//a/x#b", "a"),
        ("/x#b", "a"),
        ("x", "a"),
        ("a:80", "a"),
    ] {
        let line = request(&format!("GET {target} HTTP/1.1"), &format!("Host: {host}"));
        assert_eq!(status(vip, line).await, 400, "{target}");
    }
    assert_eq!(status(vip, "GET http://a/x HTTP/1.1\r\n\r\n").await, 400, "and no Host");
    assert_eq!(status(vip, request("CONNECT a:80 HTTP/1.1", "Host: a:80")).await, 405);
    assert!(ear.heard().is_empty());
    for (target, path) in [
        ("http://a/x?y=z", "/x?y=z"),
        ("HTTP://A/x", "/x"),
        ("https://a/", "/"),
        ("http://a", "/"),
        ("*", "*"),
        ("/http://b/x", "/http://b/x"),
    ] {
        let line = request(&format!("OPTIONS {target} HTTP/1.1"), "Host: a");
        assert_eq!(status(vip, line).await, 200, "{target}");
        let heard = ear.heard().remove(0);
        assert!(heard.starts_with(&format!("options {path} http/1.1\r\nhost: a\r\n")), "{heard}");
    }
    node.close().await;
}

#[tokio::test]
async fn a_body_has_one_length() {
    let (mut node, mut ear) = node("127.77.5.3").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let post = |version: &str, headers: &str, body: &str| {
        format!("POST / HTTP/{version}\r\nHost: a\r\n{headers}\r\n\r\n{body}")
    };
    for (version, headers) in [
        ("1.0", "Transfer-Encoding: chunked"),
        ("1.1", "Transfer-Encoding: Chunked"),
        ("1.1", "Transfer-Encoding: xchunked"),
        ("1.1", "Transfer-Encoding: chunked, identity"),
        ("1.1", "Transfer-Encoding: identity"),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        ("1.1", "Transfer-Encoding: \x0bchunked"),
        ("1.1", "Transfer-Encoding : chunked"),
        ("1.1", "Content-Length: 3\r\nContent-Length: 4"),
        ("1.1", "Content-Length: +3"),
        ("1.1", "Content-Length: 0x3"),
        ("1.1", "Content-Length: -3"),
        ("1.1", "Content-Length:"),
    ] {
        assert_eq!(status(vip, post(version, headers, "0\r\n\r\n")).await, 400, "{headers}");
    }
    let coded = "Transfer-Encoding: gzip, chunked";
    assert!(matches!(status(vip, post("1.1", coded, "0\r\n\r\n")).await, 400 | 422));
    assert!(ear.heard().is_empty());

    // Of two that contradict each other only the chunks count, for the member too.
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 50",
    ] {
        assert_eq!(status(vip, post("1.1", headers, "3\r\nabc\r\n0\r\n\r\n")).await, 200);
        let heard = ear.heard().remove(0);
        assert!(!heard.contains("content-length"), "{heard}");
        assert!(heard.contains("\r\ntransfer-encoding: chunked\r\n"), "{heard}");
    }
    for headers in [
        "Content-Length: 3\r\nContent_Length: 5",
        "Content-Length: 3\r\nTransfer_Encoding: chunked\r\nTransfer.Encoding: chunked",
    ] {
        assert_eq!(status(vip, post("1.1", headers, "abc")).await, 200);
        let heard = ear.heard().remove(0);
        assert!(heard.ends_with("\r\ncontent-length: 3\r\n\r\nabc"), "{heard}");
        assert!(!heard.contains("content_") && !heard.contains("transfer"), "{heard}");
    }
    node.close().await;
}

#[tokio::test]
async fn what_is_for_the_next_hop_ends_here() {
    let (mut node, mut ear) = node("127.77.5.4").await;
    let listener = node.graph.listeners.last_mut().unwrap();
    for header in [InsertHeader::ForwardedFor, InsertHeader::RealIp] {
        listener.insert_headers.insert(header, "true".to_owned());
    }
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let forged = "Host: a\r\nConnection: X-Real-IP, X-Forwarded-For\r\nKeep-Alive: timeout=9\r\n\
                  Proxy-Connection: close\r\nX-Real-IP: 1.1.1.1\r\nX_Real_IP: 1.1.1.2\r\n\
                  X.Real.IP: 1.1.1.3\r\nx-ReaL_iP: 1.1.1.4\r\nX-Forwarded-For: 1.1.1.5\r\n\
                  X_Forwarded-For: 1.1.1.6\r\nTE: trailers\r\nX.Y: 1\r\nx_y: 2\r\n~!: 3";
    assert_eq!(status(vip, request("GET / HTTP/1.1", forged)).await, 200);
    let heard = ear.heard().remove(0);
    assert_eq!(
        heard,
        "get / http/1.1\r\nhost: a\r\nte: trailers\r\nx.y: 1\r\nx_y: 2\r\n~!: 3\r\n\
         x-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\n\r\n",
        "legal names pass, and what is inserted is ours alone"
    );
    node.close().await;
}

#[tokio::test]
async fn a_connection_becomes_a_websocket_and_nothing_else() {
    let (mut node, mut ear) = node("127.77.5.5").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let h2c = "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
               HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";
    assert_eq!(status(vip, request("GET / HTTP/1.1", h2c)).await, 200);
    assert_eq!(ear.heard(), ["get / http/1.1\r\nhost: a\r\n\r\n"]);
    let websocket = "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(status(vip, request("GET / HTTP/1.1", websocket)).await, 200);
    let heard = ear.heard().remove(0);
    assert!(heard.contains("\r\nupgrade: websocket\r\n"), "{heard}");
    assert!(heard.contains("\r\nconnection: upgrade\r\n"), "{heard}");
    node.close().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let (mut node, mut ear) = node("127.77.5.6").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let many = (0..110).map(|at| format!("\r\nx{at}: 1")).collect::<Vec<_>>().concat();
    assert_eq!(status(vip, request("GET / HTTP/1.1", &format!("Host: a{many}"))).await, 400);
    let large = "a".repeat(17_000);
    let header = format!("Host: a\r\nx: {large}");
    assert_eq!(status(vip, request("GET / HTTP/1.1", &header)).await, 400);
    let line = format!("GET /{large} HTTP/1.1");
    assert_eq!(status(vip, request(&line, "Host: a")).await, 400);
    assert!(ear.heard().is_empty());
    node.close().await;
}

#[tokio::test]
async fn who_says_half_of_it_is_cut_off() {
    let (mut node, _ear) = node("127.77.5.7").await;
    let silence = Duration::from_millis(700);
    let timeouts = &mut node.graph.listeners[0].timeouts;
    timeouts.client_data = 700.try_into().unwrap();
    // While the member waits for the rest as well, it is its silence that HAProxy counts.
    timeouts.member_data = 700.try_into().unwrap();
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    for (what, half) in [
        ("nothing", &b""[..]),
        ("a line", b"GET / HTTP/1.1\r\n"),
        ("a header", b"GET / HTTP/1.1\r\nHost: a\r\nX: "),
        ("a preface", b"PRI * HTTP/2.0\r\n\r\nS"),
        ("a preface alone", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("a head of a frame", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x10\x01"),
        ("a body", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"),
        ("a chunk", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
    ] {
        let took = cut_after(vip, half).await;
        assert!(took < silence * 8, "{what}: {took:?}");
    }
    node.close().await;
}

#[tokio::test]
async fn an_early_answer_does_not_make_a_request_of_a_body() {
    let (mut node, mut ear) = node("127.77.5.8").await;
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    // Refused before its body has come; the body looks like a request.
    let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = inner.len();
    let outer = format!("POST / HTTP/1.1\r\nHost: u@a\r\nContent-Length: {length}\r\n\r\n{inner}");
    let answer = exchange(vip, outer.as_bytes(), 2).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(ear.heard().is_empty());
    node.close().await;
}
