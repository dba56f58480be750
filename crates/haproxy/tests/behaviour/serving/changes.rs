//! Every kind of change takes the cheapest way, and takes effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use evenkeel_model::observed::{MemberHealth, Served};
use evenkeel_model::text::Label;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, interval_at};

use super::node::{Node, PATIENCE, answers, each, get};
use crate::world::Build;

#[tokio::test]
async fn a_graph_is_served_and_the_same_graph_changes_nothing() {
    let mut node = Node::new("127.77.1.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.member(pool, "two").await;
    assert_eq!(node.observe().await.served, Served::Absent);
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 6).await, each(&["one", "two"], 3));

    let pid = node.pid().await;
    node.apply_again().await.unwrap();
    assert_eq!(node.pid().await, pid);
    node.close().await;
}

#[tokio::test]
async fn weights_switches_and_members_change_without_a_new_process() {
    let mut node = Node::new("127.77.1.2");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    let vip = node.vip(8080);

    // A rename reaches no file: only the generation is noted.
    node.graph.load_balancer.name = Label::try_from("other\nname".to_owned()).unwrap();
    node.apply().await.unwrap();
    assert_eq!(node.pid().await, pid);

    node.member(pool, "two").await;
    node.apply().await.unwrap();
    assert_eq!(answers(vip, 6).await, each(&["one", "two"], 3));

    node.graph.members[0].weight = 0.try_into().unwrap();
    node.apply().await.unwrap();
    assert_eq!(answers(vip, 3).await, each(&["two"], 3));

    node.graph.members[0].weight = 1.try_into().unwrap();
    node.graph.members[1].admin_state_up = false;
    node.apply().await.unwrap();
    assert_eq!(answers(vip, 3).await, each(&["one"], 3));
    let seen = node.observe().await.members;
    assert_eq!(seen[&node.graph.members[1].id], MemberHealth::Disabled);

    node.graph.members[1].admin_state_up = true;
    let gone = node.graph.members.remove(0);
    node.apply().await.unwrap();
    assert_eq!(answers(vip, 3).await, each(&["two"], 3));
    assert!(!node.observe().await.members.contains_key(&gone.id));

    assert_eq!(node.pid().await, pid, "none of these needs another process");
    node.close().await;
}

#[tokio::test]
async fn a_deleted_member_goes_with_its_last_connection() {
    let mut node = Node::new("127.77.1.8");
    let pool = node.listener(8080);
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = slow.local_addr().unwrap().port();
    let member = node.graph.member(pool, "127.0.0.1", port.into()).id;
    node.apply().await.unwrap();
    let (pid, vip) = (node.pid().await, node.vip(8080));

    let client = tokio::spawn(get(vip));
    let (mut held, _) = slow.accept().await.unwrap();
    node.member(pool, "two").await;
    node.graph.members.remove(0);
    node.apply().await.unwrap();
    assert_eq!(answers(vip, 2).await, each(&["two"], 2));
    node.observe().await;
    assert!(node.ask("show stat").await.contains(&member.to_string()), "it has a client yet");

    held.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast").await.unwrap();
    assert_eq!(client.await.unwrap().unwrap(), (200, "last".to_owned()));
    drop(held);
    let deadline = Instant::now() + PATIENCE;
    while node.ask("show stat").await.contains(&member.to_string()) {
        assert!(Instant::now() < deadline, "it stays");
        node.observe().await;
    }
    // The next change finds it gone, and goes through the socket all the same.
    node.graph.members[0].weight = 7.try_into().unwrap();
    node.apply().await.unwrap();
    assert_eq!(node.pid().await, pid);
    node.close().await;
}

#[tokio::test]
async fn a_new_listener_is_another_process_and_nobody_notices() {
    let mut node = Node::new("127.77.1.3");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let (pid, vip) = (node.pid().await, node.vip(8080));

    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let client = tokio::spawn({
        let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
        async move {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(get(vip).await.unwrap(), (200, "one".to_owned()));
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for port in [8081, 8082, 8083] {
        let other = node.listener(port);
        node.member(other, "two").await;
        node.apply().await.unwrap();
        let new = node.vip(u16::try_from(port).unwrap());
        assert_eq!(get(new).await.unwrap(), (200, "two".to_owned()));
    }
    over.store(true, Ordering::Relaxed);
    client.await.unwrap();
    node.eventually_at_most(1).await;
    assert!(asked.load(Ordering::Relaxed) > 3);
    assert_ne!(node.pid().await, pid);

    node.graph.listeners.truncate(1);
    node.apply().await.unwrap();
    assert!(get(node.vip(8083)).await.is_err(), "a deleted listener is closed");
    assert_eq!(get(vip).await.unwrap().1, "one");
    node.close().await;
}

#[tokio::test]
async fn a_storm_of_changes_shares_its_processes() {
    let mut node = Node::new("127.77.1.7");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let start = Instant::now();
    for port in 8081..8084 {
        node.listener(port);
        node.apply().await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_secs(2), "at most one a second");
    node.close().await;
}

#[tokio::test]
async fn a_request_of_some_seconds_survives_a_storm_of_reloads() {
    let mut node = Node::new("127.77.1.9");
    let pool = node.listener(8080);
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = slow.local_addr().unwrap().port();
    node.graph.member(pool, "127.0.0.1", port.into());
    node.apply().await.unwrap();
    let client = tokio::spawn(get(node.vip(8080)));
    let (mut held, _) = slow.accept().await.unwrap();
    let mut answer = interval_at(Instant::now() + Duration::from_secs(3), PATIENCE);
    let answering = tokio::spawn(async move {
        answer.tick().await;
        held.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").await.unwrap();
        held
    });
    // The third would be one process too many before the answer.
    for port in 8081..8085 {
        node.listener(port);
        node.apply().await.unwrap();
    }
    assert_eq!(client.await.unwrap().unwrap(), (200, "late".to_owned()));
    drop(answering.await.unwrap());
    node.close().await;
}

#[tokio::test]
async fn another_placement_is_another_process_and_nobody_notices() {
    let mut node = Node::new("127.77.1.6");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    node.site.epoch = node.site.epoch.next();
    for _ in 0..2 {
        node.apply_again().await.unwrap();
        assert_eq!(get(node.vip(8080)).await.unwrap().1, "one");
    }
    let replaced = node.pid().await;
    assert_ne!(replaced, pid);
    node.apply_again().await.unwrap();
    assert_eq!(node.pid().await, replaced, "once for each placement");
    node.close().await;
}

#[tokio::test]
async fn another_life_adopts_what_runs() {
    let mut node = Node::new("127.77.1.4");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let pid = node.pid().await;
    node.restart();
    assert_eq!(node.pid().await, pid);
    node.member(pool, "two").await;
    node.apply().await.unwrap();
    assert_eq!(node.pid().await, pid, "what was applied is known from the disk");
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one", "two"], 2));
    node.close().await;
}

#[tokio::test]
async fn a_life_that_ended_between_file_and_socket_is_mended() {
    let mut node = Node::new("127.77.1.5");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let before = node.pid().await;

    // The notes are of a later graph than the process: as if the commands were never sent.
    let notes = node.site.directory.join("applied.json");
    let text = std::fs::read_to_string(&notes).unwrap();
    let (old, new) = (node.graph.generation, node.graph.generation.next());
    let text = text.replace(&format!("\"generation\":{old}"), &format!("\"generation\":{new}"));
    std::fs::write(&notes, text).unwrap();
    node.member(pool, "two").await;
    node.apply().await.unwrap();
    assert_eq!(answers(node.vip(8080), 4).await, each(&["one", "two"], 2));
    assert_ne!(node.pid().await, before, "nobody can know what it has, so it is replaced");
    node.close().await;
}

#[tokio::test]
async fn processes_that_may_not_finish_leave_no_remains() {
    let mut node = Node::new("127.77.1.77");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let mut idle = Vec::new();
    for port in 8081..8085 {
        // Each process has a client that holds it.
        idle.push(TcpStream::connect(node.vip(8080)).await.unwrap());
        get(node.vip(8080)).await.unwrap();
        node.listener(port);
        node.apply().await.unwrap();
    }
    node.eventually_at_most(3).await;
    drop(idle);
    node.eventually_at_most(1).await;
    node.close().await;
}
