//! What policies do with requests, and which of them.

use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};
use evenkeel_model::text::Url;
use evenkeel_model::{LoadBalancerGraph, PoolId};

use super::answerer::Answerer;
use super::client::get;
use super::scene::Scene;
use super::{Node, graph};

/// A text that means something to others.
const TARGET: &str = "https://example.check/%[env(PATH)]/%{+Q}o/$HOME?a='b'&c=\\1";

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    let (one, two) = (Answerer::start("one"), Answerer::start("two"));
    each_action_does_what_it_says(scene, &one, &two).await;
    the_first_that_holds_decides_whatever_it_does(scene, &one, &two).await;
    what_is_switched_off_is_passed_over(scene, &one).await;
    where_no_pool_is_the_answer_is_503(scene, &one, &two).await;
}

async fn each_action_does_what_it_says<N: Node>(
    scene: &mut Scene<'_, N>,
    one: &Answerer,
    two: &Answerer,
) {
    let other = begin(scene, one, two);
    graph::policy(&mut scene.graph, Action::Reject, vec![path("/reject")]);
    graph::policy(&mut scene.graph, Action::RedirectToPool { pool: other }, vec![path("/pool")]);
    for number in CODES {
        let (url, prefix) = (path(&format!("/url{number}")), path(&format!("/prefix{number}")));
        graph::policy(&mut scene.graph, to_url(number), vec![url]);
        graph::policy(&mut scene.graph, to_prefix(number), vec![prefix]);
    }
    scene.apply().await;
    assert_eq!(answer(scene, "/").await, "200 one");
    assert_eq!(answer(scene, "/reject").await, "403");
    assert_eq!(answer(scene, "/pool").await, "200 two");
    for number in CODES {
        let got = answer(scene, &format!("/url{number}")).await;
        assert_eq!(got, format!("{number} {TARGET}"));
        let rest = format!("/prefix{number}?b=%41");
        let got = answer(scene, &rest).await;
        assert_eq!(got, format!("{number} {TARGET}{rest}"));
    }
}

/// Each action before each, where both policies hold.
async fn the_first_that_holds_decides_whatever_it_does<N: Node>(
    scene: &mut Scene<'_, N>,
    one: &Answerer,
    two: &Answerer,
) {
    let other = begin(scene, one, two);
    let main = scene.pool();
    let actions = [
        (Action::Reject, "403".to_owned()),
        (to_url(301), format!("301 {TARGET}")),
        (to_prefix(308), format!("308 {TARGET}")),
        (Action::RedirectToPool { pool: other }, "200 two".to_owned()),
        (Action::RedirectToPool { pool: main }, "200 one".to_owned()),
    ];
    let mut wanted = Vec::new();
    for (first, answer) in &actions {
        for (second, _) in &actions {
            let place = format!("/{}", wanted.len());
            graph::policy(&mut scene.graph, first.clone(), vec![path(&place)]);
            graph::policy(&mut scene.graph, second.clone(), vec![path(&place)]);
            wanted.push((place, first, second, answer));
        }
    }
    scene.apply().await;
    for (place, first, second, wanted) in wanted {
        let got = answer(scene, &place).await;
        let got = got.strip_suffix(&place).unwrap_or(&got);
        assert_eq!(got, wanted, "{first:?} before {second:?}");
    }
}

async fn what_is_switched_off_is_passed_over<N: Node>(scene: &mut Scene<'_, N>, one: &Answerer) {
    scene.begin_with(&[one]);
    let graph = &mut scene.graph;
    graph::policy(graph, Action::Reject, vec![path("/off")]).admin_state_up = false;
    graph::policy(graph, Action::Reject, vec![]);
    graph::policy(graph, Action::Reject, vec![path("/rule")]);
    off(graph);
    graph::policy(graph, Action::Reject, vec![path("/half"), path("/never")]);
    off(graph);
    scene.apply().await;
    for place in ["/", "/off", "/rule", "/never"] {
        assert_eq!(answer(scene, place).await, "200 one", "{place}");
    }
    assert_eq!(answer(scene, "/half").await, "403", "a rule that is off is asked");
}

/// Switches the last rule off.
fn off(graph: &mut LoadBalancerGraph) {
    graph.l7_rules.last_mut().expect("one was added").admin_state_up = false;
}

async fn where_no_pool_is_the_answer_is_503<N: Node>(
    scene: &mut Scene<'_, N>,
    one: &Answerer,
    two: &Answerer,
) {
    let other = begin(scene, one, two);
    graph::policy(&mut scene.graph, Action::RedirectToPool { pool: other }, vec![path("/pool")]);
    scene.graph.pools[1].admin_state_up = false;
    scene.apply().await;
    assert_eq!(answer(scene, "/pool").await, "503");
    assert_eq!(answer(scene, "/").await, "200 one");

    scene.graph.pools[1].admin_state_up = true;
    scene.graph.pools[0].admin_state_up = false;
    scene.apply().await;
    assert_eq!(answer(scene, "/pool").await, "200 two");
    assert_eq!(answer(scene, "/").await, "503");

    scene.graph.pools[0].admin_state_up = true;
    scene.graph.listeners[0].default_pool = None;
    scene.apply().await;
    assert_eq!(answer(scene, "/pool").await, "200 two");
    assert_eq!(answer(scene, "/").await, "503");
}

/// One member in the default pool, and one in another.
fn begin<N: Node>(scene: &mut Scene<'_, N>, one: &Answerer, two: &Answerer) -> PoolId {
    scene.begin_with(&[one]);
    let other = graph::another_pool(&mut scene.graph);
    scene.join(other, two.socket);
    other
}

/// Its status, and where it sends the client, or who gave it.
async fn answer<N: Node>(scene: &Scene<'_, N>, path: &str) -> String {
    let Some(reply) = get(path).ask(scene.vip()).await else { return "none".to_owned() };
    match reply.status {
        200 => format!("200 {}", reply.body),
        301..=308 => format!("{} {}", reply.status, reply.field("location").unwrap_or_default()),
        status => status.to_string(),
    }
}

/// The path is this.
fn path(whole: &str) -> Condition {
    let condition = Condition::new(RuleKind::Path, Comparison::EqualTo, None, whole.to_owned());
    condition.expect("it is within the grammar")
}

fn to_url(number: u16) -> Action {
    Action::RedirectToUrl { url: target(), code: code(number) }
}

fn to_prefix(number: u16) -> Action {
    Action::RedirectPrefix { prefix: target(), code: code(number) }
}

fn target() -> Url {
    TARGET.to_owned().try_into().expect("it is within the grammar")
}

fn code(number: u16) -> RedirectCode {
    number.try_into().expect("it is the status of a redirect")
}
