//! What a listener of metrics tells.

use evenkeel_model::protocol::ListenerProtocol;

use super::answerer::{Answerer, who};
use super::client::get;
use super::scene::Scene;
use super::{Node, graph};

/// Where no other listener of the checks is.
const PORT: u16 = 8090;

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    let member = Answerer::start("one");
    scene.begin_with(&[&member]);
    let load_balancer = scene.graph.load_balancer.id;
    let metrics = graph::listener(load_balancer, ListenerProtocol::Prometheus, PORT, None);
    scene.graph.listeners.push(metrics);
    scene.apply().await;
    assert_eq!(who(scene.vip()).await.as_deref(), Some("one"));
    let socket = scene.bench.site.sockets_of(&scene.graph.listeners[1], &scene.graph)[0];
    let told = get("/metrics").ask(socket).await.expect("it answers");
    assert_eq!(told.status, 200);
    for (family, named) in [
        ("octavia_listener_", scene.graph.listeners[0].id.to_string()),
        ("octavia_pool_", scene.pool().to_string()),
        ("octavia_member_", scene.graph.members[0].id.to_string()),
    ] {
        let mut lines = told.body.lines();
        let is_told = lines.any(|line| line.starts_with(family) && line.contains(&named));
        assert!(is_told, "no {family}… names {named}: {}", told.body);
    }
    for path in ["/", "/metrics/", "/metrics/x", "/stats"] {
        let status = get(path).ask(socket).await.map(|reply| reply.status);
        assert_eq!(status, Some(404), "{path}");
    }
}
