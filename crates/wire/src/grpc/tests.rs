//! Both ends, over a socket of the test's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_model::{Epoch, Generation};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::DOCUMENT_BYTES;
use super::client::connect;
use super::server::{Welcome, serve};
use super::socket::Socket;
use crate::link::pair;
use crate::proto::tests::sample;
use crate::{Graph, Index, ToAgent};

#[tokio::test]
async fn a_graph_that_does_not_arrive_is_said_to_be_unusable_and_the_session_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run/agent.sock");
    let socket = Socket::bind(&path, BTreeSet::new()).await.unwrap();
    let (welcomed, mut sessions) = mpsc::unbounded_channel();
    let welcome: Welcome = Arc::new(move |_| {
        let (agent, control) = pair();
        welcomed.send(control).unwrap();
        agent
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(socket, welcome, stop.clone()));
    let mut agent = connect(&path).await.unwrap();
    let control = sessions.recv().await.unwrap();

    let mut graph = sample::graph(5, "large");
    let tag = "x".repeat(DOCUMENT_BYTES);
    graph.load_balancer.tags = serde_json::from_value(serde_json::json!([tag])).unwrap();
    let (load_balancer, epoch) = (sample::id(), Epoch::new(2));
    let graph = Graph { load_balancer, epoch, graph: Some(graph) };
    control.send.send(ToAgent::Graph(Box::new(graph))).await.unwrap();
    let index = ToAgent::Index(Index { serial: 7, entries: Vec::new() });
    control.send.send(index.clone()).await.unwrap();

    let Some(ToAgent::Unusable(unusable)) = agent.receive.recv().await else {
        panic!("it is not unusable")
    };
    let expected = (load_balancer, epoch, Generation::new(5));
    assert_eq!((unusable.load_balancer, unusable.epoch, unusable.generation), expected);
    assert!(unusable.reason.contains("divide"), "{}", unusable.reason);
    assert_eq!(agent.receive.recv().await, Some(index));
    drop((agent, control));
    stop.cancel();
    serving.await.unwrap().unwrap();
}
