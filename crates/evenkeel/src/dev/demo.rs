//! The demonstration: three members and a load balancer in front of them, made over the API like
//! anybody else's.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::members::{self, Temper};
use super::world;

/// The name of the demonstration's load balancer.
const NAME: &str = "demo";

/// How long the API may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A demonstration that runs. Its members end when it is dropped.
#[derive(Debug)]
pub(super) struct Demo {
    /// Where it answers.
    pub(super) vip: SocketAddr,
    _members: JoinSet<()>,
}

/// Starts the members and, unless an earlier run made it, the load balancer.
///
/// # Errors
///
/// A member's socket is taken, or the API refuses.
pub(super) async fn start(api: SocketAddr, token: &str) -> anyhow::Result<Demo> {
    let members = members::start().await?;
    let path = format!("/v2.0/lbaas/loadbalancers?name={NAME}");
    let found = call(api, token, "GET", &path, None).await?;
    let existing = found["loadbalancers"].as_array().and_then(|list| list.first().cloned());
    let load_balancer = if let Some(existing) = existing {
        existing
    } else {
        let path = "/v2.0/lbaas/loadbalancers";
        call(api, token, "POST", path, Some(tree())).await?["loadbalancer"].take()
    };
    let address = load_balancer["vip_address"].as_str().context("the demo has no VIP")?;
    Ok(Demo { vip: SocketAddr::new(address.parse()?, 8080), _members: members })
}

/// One listener, one pool, three members, and a monitor that sees one of them come and go.
fn tree() -> Value {
    let member = |temper: Temper| {
        let socket = temper.socket();
        json!({"name": temper.name(), "address": socket.ip(), "protocol_port": socket.port()})
    };
    json!({"loadbalancer": {
        "name": NAME,
        "description": "Three small members: fast, slow and flapping.",
        "vip_subnet_id": world::VIP_SUBNET,
        "listeners": [{
            "name": "demo-http",
            "protocol": "HTTP",
            "protocol_port": 80,
            "insert_headers": {"X-Forwarded-For": "true"},
            "default_pool": {
                "name": "demo-pool",
                "protocol": "HTTP",
                "lb_algorithm": "ROUND_ROBIN",
                "members": Temper::ALL.map(member),
                "healthmonitor": {
                    "name": "demo-monitor", "type": "HTTP", "url_path": "/", "delay": 2,
                    "timeout": 1, "max_retries": 1, "max_retries_down": 1,
                },
            },
        }],
    }})
}

/// One call of our own API, as a client would make it.
async fn call(
    api: SocketAddr,
    token: &str,
    method: &str,
    target: &str,
    body: Option<Value>,
) -> anyhow::Result<Value> {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {api}\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n\
         {body}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(api).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange).await.context("the API does not answer")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("the API answers no HTTP")?;
    if !head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        bail!("the demo was refused: {body}");
    }
    Ok(serde_json::from_str(body)?)
}
