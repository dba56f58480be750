//! What members are told of clients.

use evenkeel_model::listener::InsertHeader;

use super::Node;
use super::answerer::Answerer;
use super::client::{Request, client, fields, get};
use super::scene::Scene;

/// What a client would have members believe.
const LIE: &str = "192.0.2.1";

pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    let member = Answerer::start("one");
    scene.begin_with(&[&member]);
    set(scene, "True");
    scene.apply().await;
    let from = client(7);
    for request in [get("/").of(from), lying().of(from)] {
        ask(scene, &request).await;
        for header in offered() {
            let (told, value) = (told(&member, header), value(scene, header));
            assert_eq!(told, [value], "{header} of {request:?}");
        }
    }
    set(scene, "false");
    scene.apply().await;
    ask(scene, &get("/").of(from)).await;
    for header in offered() {
        let told = told(&member, header);
        assert!(told.is_empty(), "{header} is off, and {told:?}");
    }
}

fn set<N: Node>(scene: &mut Scene<'_, N>, value: &str) {
    let headers = offered().map(|header| (header, value.to_owned()));
    scene.graph.listeners[0].insert_headers = headers.collect();
}

/// Those that need no TLS.
fn offered() -> impl Iterator<Item = InsertHeader> {
    InsertHeader::ALL.iter().copied().filter(|header| !header.needs_tls())
}

fn value<N: Node>(scene: &Scene<'_, N>, header: InsertHeader) -> String {
    match header {
        InsertHeader::ForwardedPort => scene.vip().port().to_string(),
        InsertHeader::ForwardedProto => "http".to_owned(),
        InsertHeader::ForwardedFor
        | InsertHeader::ForwardedIp
        | InsertHeader::ClientIp
        | InsertHeader::RealIp => client(7).ip().to_string(),
        InsertHeader::SslClientVerify
        | InsertHeader::SslClientHasCert
        | InsertHeader::SslClientDn
        | InsertHeader::SslClientCn
        | InsertHeader::SslIssuer
        | InsertHeader::SslClientSha1
        | InsertHeader::SslClientNotBefore
        | InsertHeader::SslClientNotAfter => unreachable!("they need TLS"),
    }
}

/// A request with all headers, each in several spellings that some servers take for one.
fn lying() -> Request {
    offered().fold(get("/"), |request, header| {
        let name = header.word();
        let spellings = [
            name.to_owned(),
            name.to_uppercase(),
            name.to_lowercase().replace('-', "_"),
            name.replace('-', "."),
            name.replacen('-', "_", 1),
        ];
        spellings.iter().fold(request, |request, name| request.field(name, LIE))
    })
}

async fn ask<N: Node>(scene: &Scene<'_, N>, request: &Request) {
    let reply = request.ask(scene.vip()).await;
    assert_eq!(reply.map(|reply| reply.status), Some(200), "{request:?}");
}

/// What a member was told last that reads one punctuation mark as well as another.
fn told(member: &Answerer, header: InsertHeader) -> Vec<String> {
    let plain =
        |name: &str| name.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), "-");
    let head = member.asked().head;
    let same = fields(&head).filter(|(name, _)| plain(name) == plain(header.word()));
    same.map(|(_, value)| value.to_owned()).collect()
}
