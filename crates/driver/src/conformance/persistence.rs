//! Who stays with which member.

use evenkeel_model::observed::MemberHealth;
use evenkeel_model::pool::{Persistence, PersistenceKind};

use super::answerer::Answerer;
use super::client::{Reply, Request, client, get};
use super::scene::Scene;
use super::{Driver, Node};

/// How many clients there are; by turns, both members have some of them.
const CLIENTS: u8 = 8;

/// The cookie that members set.
const COOKIE: &str = "check'SID";

/// Somebody who came, and whom he met.
struct Visitor {
    /// What he asks when he comes again.
    again: Request,
    met: String,
}

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    for kind in scene.bench.driver.capabilities().persistence {
        let (one, mut two) = (Answerer::start("one"), Answerer::start("two"));
        scene.begin_with(&[&one, &two]);
        scene.graph.pools[0].persistence = Some(persistence(*kind));
        let is_monitored = scene.monitor();
        scene.apply().await;
        if is_monitored {
            scene.until(&[0, 1], MemberHealth::Up).await;
        }
        let visitors = all_come(scene, *kind).await;
        all_meet_the_same(scene, &visitors, "at once").await;
        scene.graph.members[1].weight = 3.try_into().expect("a weight of ours");
        scene.apply().await;
        all_meet_the_same(scene, &visitors, "after a change that is not theirs").await;
        if is_monitored {
            the_dead_are_left(scene, &visitors, &mut two).await;
        }
    }
}

async fn all_come<N: Node>(scene: &Scene<'_, N>, kind: PersistenceKind) -> Vec<Visitor> {
    let mut visitors = Vec::new();
    for number in 1..=CLIENTS {
        visitors.push(comes(scene, kind, number).await);
    }
    for name in ["one", "two"] {
        assert!(visitors.iter().any(|visitor| visitor.met == name), "{kind}: nobody met {name}");
    }
    visitors
}

async fn comes<N: Node>(scene: &Scene<'_, N>, kind: PersistenceKind, number: u8) -> Visitor {
    let (first, from) = (get("/"), client(number));
    let first = match kind {
        PersistenceKind::SourceIp => first.of(from),
        PersistenceKind::HttpCookie => first,
        PersistenceKind::AppCookie => get(&format!("/login/{COOKIE}={number}")),
    };
    let reply = answered(scene, &first).await;
    let again = match kind {
        PersistenceKind::SourceIp => first,
        PersistenceKind::HttpCookie | PersistenceKind::AppCookie => {
            get("/").field("Cookie", &format!("other=1; {}", cookie(&reply)))
        }
    };
    Visitor { again, met: reply.body }
}

/// The cookie that an answer sets, as a client shows it.
fn cookie(reply: &Reply) -> &str {
    let set = reply.field("set-cookie").expect("who has no cookie is given one");
    set.split(';').next().unwrap_or_default()
}

async fn answered<N: Node>(scene: &Scene<'_, N>, request: &Request) -> Reply {
    let reply = request.ask(scene.vip()).await.expect("there is somebody to answer");
    assert_eq!(reply.status, 200, "{request:?}");
    reply
}

/// Twice in a row: by turns, the second time would be another's.
async fn all_meet_the_same<N: Node>(scene: &Scene<'_, N>, visitors: &[Visitor], when: &str) {
    for Visitor { again, met } in visitors.iter().flat_map(|visitor| [visitor; 2]) {
        assert_eq!(&answered(scene, again).await.body, met, "{when}: {again:?}");
    }
}

/// Those who met them meet others. Whether they return with them is the driver's choice.
async fn the_dead_are_left<N: Node>(
    scene: &Scene<'_, N>,
    visitors: &[Visitor],
    two: &mut Answerer,
) {
    two.close().await;
    scene.until(&[1], MemberHealth::Down).await;
    for Visitor { again, .. } in visitors {
        assert_eq!(answered(scene, again).await.body, "one", "after a death: {again:?}");
    }
    two.open();
    scene.until(&[1], MemberHealth::Up).await;
    for Visitor { again, .. } in visitors {
        let first = answered(scene, again).await.body;
        assert_eq!(answered(scene, again).await.body, first, "after a return: {again:?}");
    }
}

fn persistence(kind: PersistenceKind) -> Persistence {
    match kind {
        PersistenceKind::SourceIp => Persistence::SourceIp { timeout: None, granularity: None },
        PersistenceKind::HttpCookie => Persistence::HttpCookie,
        PersistenceKind::AppCookie => {
            let name = COOKIE.to_owned().try_into().expect("a name of ours");
            Persistence::AppCookie { name }
        }
    }
}
