//! The agent ends and starts again; the control plane comes and goes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_agent::{AgentError, Unbroken};
use evenkeel_model::ProjectId;
use evenkeel_model::tls::{MaterialKind, SealedMaterial, Slot, TlsOwner};
use evenkeel_vault::{Context, NodeKey, Secret};

use crate::node::Call;
use crate::world::{World, graph, id};

/// Lets everything happen that happens in this time.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_control_plane_what_serves_is_kept_and_not_touched() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;

    world.node.forget_calls();
    world.cable.cut(true);
    let _agent = world.start().await;
    pass(120).await;
    assert!(world.node.serves(id(7), 1));
    assert_eq!(world.node.calls(id(7)), []);
}

#[tokio::test(start_paused = true)]
async fn without_a_control_plane_what_died_is_brought_back_from_the_ledger() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.stop().await;

    world.cable.cut(true);
    world.node.crash(id(7));
    world.node.unplug(id(7));
    let _agent = world.start().await;
    pass(5).await;
    assert!(world.node.serves(id(7), 1));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_fetches_nothing_and_reports_all() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;

    world.node.forget_calls();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("converged", |control| control.converged(7, 1, 1)).await;
    control.until("observed", |control| control.observed.contains_key(&id(7))).await;
    assert_eq!(control.fetched, []);
    assert_eq!(world.node.calls(id(7)), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_agent_was_down_is_taken_down() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;

    let _agent = world.start().await;
    let mut control = world.session().await;
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn a_cut_cable_changes_nothing_and_the_agent_comes_back() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.forget_calls();
    world.cable.cut(true);
    drop(control);
    pass(600).await;
    assert!(world.node.serves(id(7), 1));

    world.cable.cut(false);
    let mut control = world.session().await;
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("converged", |control| control.converged(7, 1, 1)).await;
    control.until("observed", |control| control.observed.contains_key(&id(7))).await;
    assert_eq!(world.node.calls(id(7)), []);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_falls_silent_is_dialled_again() {
    let mut world = World::new();
    let _agent = world.start().await;
    let silent = world.session().await;
    let mut control = world.session().await;
    control.create(7).await;
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_graph_is_set_aside_and_fetched_while_its_data_plane_serves() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.create(8).await;
    agent.kill().await;

    fs::write(world.ledger(7, "json"), b"{\"epoch\":1,\"gra").unwrap();
    world.node.forget_calls();
    world.cable.cut(true);
    let _agent = world.start().await;
    pass(300).await;
    assert!(world.node.serves(id(7), 1));
    assert!(world.ledger(7, "broken").is_file());

    world.cable.cut(false);
    let mut control = world.session().await;
    control.want(1, graph(7, 1));
    control.want(1, graph(8, 1));
    control.index().await;
    control.until("converged", |control| control.converged(7, 1, 1)).await;
    assert_eq!(control.fetched, [id(7)]);
    assert!(world.node.serves(id(8), 1));
    assert_eq!(world.node.calls(id(7)), []);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_taken_down_once_the_index_says_that_nobody_wants_it() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;

    fs::remove_file(world.ledger(7, "json")).unwrap();
    world.cable.cut(true);
    let _agent = world.start().await;
    pass(300).await;
    assert!(world.node.serves(id(7), 1), "nobody has said that it is not wanted");

    world.cable.cut(false);
    let mut control = world.session().await;
    control.index().await;
    control.until("empty", |_| world.has_no_trace()).await;
    control.until("gone", |control| control.gone(7)).await;
}

#[tokio::test(start_paused = true)]
async fn drivers_hear_what_belongs_to_the_node_and_can_forget_the_rest() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    control.create(8).await;
    control.serve_for(Duration::from_mins(2)).await;
    assert_eq!(world.node.belonging(), [id(7), id(8)]);
    control.drop_it(7);
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    control.serve_for(Duration::from_mins(2)).await;
    assert_eq!(world.node.belonging(), [id(8)]);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_directory_is_refused_and_never_deleted() {
    let mut world = World::new();
    let strange = world.site(7);
    fs::create_dir_all(&strange).unwrap();
    fs::write(strange.join("theirs"), b"precious").unwrap();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.want(1, graph(7, 1));
    control.index().await;
    control.until("retrying", |control| control.retrying(7).is_some()).await;
    let (_, reason) = control.retrying(7).unwrap();
    assert!(reason.contains("ask the operator"), "{reason}");
    assert!(!reason.contains(world.directory.path().to_str().unwrap()), "{reason}");

    control.drop_it(7);
    control.index().await;
    control.until("gone", |control| control.gone(7)).await;
    control.serve_for(Duration::from_mins(3)).await;
    assert_eq!(fs::read(strange.join("theirs")).unwrap(), b"precious");
    assert_eq!(world.node.calls(id(7)), []);

    control.want(2, graph(7, 2));
    control.index().await;
    control.until("retrying", |control| control.retrying(7).is_some()).await;
    fs::remove_dir_all(&strange).unwrap();
    control.until("healed", |control| control.converged(7, 2, 2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_taking_down_that_was_interrupted_goes_on_without_a_control_plane() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;
    fs::rename(world.ledger(7, "json"), world.ledger(7, "leaving")).unwrap();
    world.cable.cut(true);
    let _agent = world.start().await;
    pass(5).await;
    assert!(world.has_no_trace());
}

#[tokio::test(start_paused = true)]
async fn a_state_directory_has_one_agent_at_a_time() {
    let world = World::new();
    let agent = world.start().await;
    let second = world.start_with(Arc::new(Unbroken)).await;
    assert!(matches!(second, Err(AgentError::Taken)));
    agent.stop().await;
    let _third = world.start().await;
}

#[tokio::test(start_paused = true)]
async fn a_vip_that_vanished_is_brought_back() {
    let mut world = World::new();
    let _agent = world.start().await;
    let mut control = world.session().await;
    control.create(7).await;
    world.node.forget_calls();
    world.node.unplug(id(7));
    control.serve_for(Duration::from_mins(1)).await;
    assert_eq!(
        world.node.calls(id(7)),
        [Call::Remove, Call::Ensure, Call::Apply(graph(7, 1).generation)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_ledger_bears_what_crashes_and_strangers_leave_in_it() {
    let mut world = World::new();
    let agent = world.start().await;
    world.session().await.create(7).await;
    agent.kill().await;

    // It had come back while it was leaving; a write was broken off; a file was copied.
    fs::copy(world.ledger(7, "json"), world.ledger(7, "leaving")).unwrap();
    fs::write(world.ledger(7, "json.tmp"), b"{").unwrap();
    fs::copy(world.ledger(7, "json"), world.ledger(8, "json")).unwrap();
    let notes = world.directory.path().join("ledger/notes.txt");
    fs::write(&notes, b"").unwrap();

    world.node.forget_calls();
    world.cable.cut(true);
    let _agent = world.start().await;
    pass(5).await;
    assert!(world.node.serves(id(7), 1));
    assert_eq!(world.node.calls(id(7)), []);
    assert_eq!(world.node.calls(id(8)), []);
    let is_there = |number, ending| world.ledger(number, ending).exists();
    assert!(is_there(7, "json") && !is_there(7, "leaving") && !is_there(7, "json.tmp"));
    assert!(is_there(8, "broken") && !is_there(8, "json"));
    assert!(notes.exists());
}

/// A graph whose certificate is sealed for the node key of these bytes.
fn sealed_for(key: [u8; 32]) -> evenkeel_model::LoadBalancerGraph {
    let (project, slot) = (ProjectId::new("p").unwrap(), slot());
    let node = NodeKey::of(Secret::new(key.into())).ok().unwrap();
    let context = Context::of_slot(&project, &slot);
    let sealed = node.public().seal(&Secret::new(b"pem".to_vec()), &context).unwrap();
    let material = SealedMaterial { slot, project, id: uuid::Uuid::from_u128(1).into(), sealed };
    evenkeel_model::LoadBalancerGraph { material: vec![material], ..graph(7, 1) }
}

fn slot() -> Slot {
    Slot {
        owner: TlsOwner::Listener(uuid::Uuid::from_u128(7).into()),
        kind: MaterialKind::Certificate,
        reference: "a".to_owned().try_into().unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sealed_for_a_lost_key_is_fetched_again_and_served() {
    let mut world = World::new();
    let agent = world.start().await;
    let mut control = world.session().await;
    control.want(1, sealed_for([7; 32]));
    control.index().await;
    control.until("created", |control| control.converged(7, 1, 1)).await;
    agent.kill().await;

    fs::write(world.directory.path().join("node.key"), [9; 32]).unwrap();
    world.node.crash(id(7));
    let agent = world.start().await;
    let mut control = world.session().await;
    pass(5).await;
    assert!(!world.node.serves(id(7), 1), "nothing opens yet");
    control.want(1, sealed_for([9; 32]));
    control.index().await;
    control.until("served again", |control| control.converged(7, 1, 1)).await;
    assert!(world.node.serves(id(7), 1));
    control.serve_for(Duration::from_secs(10)).await;
    assert_eq!(control.fetched, [id(7)]);
    agent.kill().await;

    // What was fetched is in the ledger now.
    world.cable.cut(true);
    world.node.crash(id(7));
    let _agent = world.start().await;
    pass(5).await;
    assert!(world.node.serves(id(7), 1));
}
