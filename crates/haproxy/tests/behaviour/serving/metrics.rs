//! What a PROMETHEUS listener tells.

use evenkeel_driver::Driver;
use evenkeel_model::protocol::ListenerProtocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::node::{Node, get};
use crate::world::Build;

/// The whole answer, as text.
pub(super) async fn asked(node: &Node, port: u16, request: &str) -> String {
    let mut client = TcpStream::connect(node.vip(port)).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_have_the_names_and_labels_of_the_api() {
    let mut node = Node::new("127.86.31.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.graph.listener(ListenerProtocol::Prometheus, 9100);
    node.apply().await.unwrap();
    assert_eq!(get(node.vip(8080)).await.unwrap(), (200, "one".to_owned()));

    let answer = asked(&node, 9100, "GET /metrics").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let (listener, member) = (node.graph.listeners[0].id, node.graph.members[0].id);
    for line in [
        format!(r#"octavia_listener_http_requests_total{{listener="{listener}"}} 1"#),
        format!(r#"octavia_pool_active_members{{pool="{pool}"}} 1"#),
        format!(r#"octavia_member_weight{{pool="{pool}",member="{member}"}} 1"#),
        format!(
            r#"octavia_member_http_responses_total{{pool="{pool}",member="{member}",code="2xx"}} 1"#
        ),
        "# TYPE octavia_loadbalancer_requests_total counter".to_owned(),
        "# TYPE octavia_loadbalancer_cpu gauge".to_owned(),
        "# TYPE octavia_memory_pool_used_bytes gauge".to_owned(),
    ] {
        assert!(body.lines().any(|it| it == line), "{line} is not in\n{body}");
    }
    for foreign in ["haproxy_", "proxy=", "server=", "uptime", "max_fds", "\"metrics\""] {
        assert!(!body.contains(foreign), "{foreign} is in\n{body}");
    }

    assert!(asked(&node, 9100, "GET /").await.starts_with("HTTP/1.1 404 "));
    assert!(asked(&node, 9100, "DELETE /metrics").await.starts_with("HTTP/1.1 405 "));
    assert_eq!(node.observe().await.listeners.len(), 2, "the exporter is no listener of anybody's");

    // Another process takes over, and is asked in its turn.
    node.graph.listener(ListenerProtocol::Tcp, 9200);
    node.apply().await.unwrap();
    let third = node.graph.listeners[2].id;
    let answer = asked(&node, 9100, "GET /metrics").await;
    assert!(
        answer.contains(&format!(r#"octavia_listener_status{{listener="{third}""#)),
        "{answer}"
    );
    node.close().await;
}

#[tokio::test]
async fn nothing_of_metrics_is_left() {
    let mut node = Node::new("127.86.31.2");
    node.graph.listener(ListenerProtocol::Prometheus, 9100);
    node.apply().await.unwrap();
    assert!(node.site.directory.join("metrics.lua").exists());
    node.driver.remove(&node.site).await.unwrap();
    assert_eq!(std::fs::read_dir(&node.site.directory).unwrap().count(), 0);
}
