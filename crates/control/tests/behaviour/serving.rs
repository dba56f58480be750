//! The service over TCP: who is let in, for how long, and how everybody is sent home.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_control::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::lab::Lab;

const PATIENCE: Duration = Duration::from_secs(10);

async fn served(change: impl FnOnce(&mut Config)) -> (Lab, SocketAddr, JoinHandle<()>) {
    let lab = Lab::without_agent(|config, _| change(config)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (control, app) = (lab.control.clone(), lab.app.clone());
    let task = tokio::spawn(async move { control.serve(listener, app).await });
    (lab, address, task)
}

async fn say(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What comes back until the other side hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let end = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    end.expect("the other side hangs up").unwrap();
    text
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (_lab, address, _task) = served(|_| ()).await;
    let twice =
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let text = rest(&mut say(address, twice).await).await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
}

#[tokio::test]
async fn whoever_is_slow_is_sent_away() {
    let (_lab, address, _task) = served(|config| {
        config.bounds.request_head = Duration::from_millis(50);
        config.bounds.request_body = Duration::from_millis(50);
    })
    .await;
    let head = rest(&mut say(address, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow").await).await;
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 408"), "{head}");
    let body = "POST /v2/pools HTTP/1.1\r\nHost: x\r\nX-Roles: admin\r\nContent-Length: 9\r\n\r\n{";
    let mut stream = say(address, body).await;
    let mut start = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
}

#[tokio::test]
async fn too_large_a_body_is_refused_before_it_is_sent() {
    let (_lab, address, _task) = served(|_| ()).await;
    let head = "POST /v2/pools HTTP/1.1\r\nHost: x\r\nX-Roles: admin\r\n\
                Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = say(address, head).await;
    let mut start = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[tokio::test]
async fn those_who_find_no_place_wait_for_one() {
    let (_lab, address, _task) = served(|config| config.bounds.connections = 1).await;
    let idle = say(address, "").await;
    let mut second = say(address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut byte = [0];
    let early = timeout(Duration::from_millis(100), second.peek(&mut byte)).await;
    assert!(early.is_err(), "there is only one place");
    drop(idle);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_the_service() {
    let (lab, address, task) = served(|_| ()).await;
    let mut idle = say(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut byte = [0];
    timeout(PATIENCE, idle.peek(&mut byte)).await.unwrap().unwrap();
    lab.control.stop().await;
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200"));
    timeout(PATIENCE, task).await.unwrap().unwrap();
    let refused = TcpStream::connect(address).await;
    assert!(refused.is_err(), "nobody listens any more");
}
