//! When rules hold.

use evenkeel_model::l7_policy::Action;
use evenkeel_model::l7_rule::Comparison::{Contains, EndsWith, EqualTo, Regex, StartsWith};
use evenkeel_model::l7_rule::RuleKind::{Cookie, FileType, Header, HostName, Path};
use evenkeel_model::l7_rule::{Comparison, Condition, RuleKind};

use super::answerer::Answerer;
use super::client::{Request, get};
use super::scene::Scene;
use super::{Node, graph};

/// The header that says which policies a request is meant for.
const CASE: &str = "X-Case";

/// The header, and the cookie, that rules ask for.
const KEY: &str = "X-Tested";

/// How a rule compares with what, texts for which it holds, and texts for which it does not.
type Row = (Comparison, &'static str, &'static [&'static str], &'static [&'static str]);

const HOSTS: &[Row] = &[
    (EqualTo, "WWW.check", &["www.check", "www.CHECK:8080"], &["www.check.x", "a.www.check"]),
    (StartsWith, "www.", &["www.check", "WWW.x"], &["a.www.check", "ww"]),
    (EndsWith, ".check", &["www.check", "www.check:80", "www.CHECK"], &["check", "a.check.x"]),
    (Contains, "w.ch", &["www.check", "WWW.CHECK"], &["www-check"]),
    (Regex, r"^w{3}\.(check|test)$", &["www.check", "WWW.TEST"], &["www.checks", "ww.check"]),
];

const PATHS: &[Row] = &[
    (EqualTo, "/a.b", &["/a.b", "/a.b?c=d"], &["/aXb", "/a.b/", "/A.b"]),
    (StartsWith, "/api/", &["/api/", "/api/v1"], &["/api", "/v1/api/", "/API/"]),
    (EndsWith, "/end", &["/end", "/the/end?x=/y"], &["/end/", "/x?y=/end"]),
    (Contains, "%2e'$", &["/a%2e'$b"], &["/a.'$b", "/?a%2e'$b"]),
    (Regex, r"^/v[0-9]+/", &["/v1/", "/v12/x"], &["/v/", "/a/v1/", "/V1/"]),
];

const FILE_TYPES: &[Row] = &[
    (
        EqualTo,
        "jpg",
        &["/a.jpg", "/a.b/c.d.jpg?x=.png"],
        &["/jpg", "/a.jpg/b", "/a.jpeg", "/a?.jpg"],
    ),
    (Regex, "^(gif|png)$", &["/a.gif", "/a.x.png"], &["/a.gift", "/gif", "/a"]),
    (Regex, "gif", &["/a.gif", "/a.gift"], &["/gif", "/a.gif/b", "/a.gif/gif", "/gif.png"]),
];

const HEADERS: &[Row] = &[
    (EqualTo, "gold", &["gold"], &["golden", "Gold", ""]),
    (EqualTo, "\"go ld\"", &["go ld"], &["gold"]),
    (StartsWith, "v1.", &["v1.", "v1.2"], &["v1", "xv1.2", "v12"]),
    (EndsWith, "'#", &["a'#"], &["a'#b"]),
    (Contains, "a$b", &["a$b", "xa$bx"], &["a b", "A$b"]),
    (Regex, r"(?i)bot/[0-9]+$", &["bot/1", "x BOT/12"], &["bot/", "bot/1x"]),
];

const COOKIES: &[Row] = &[
    (EqualTo, "gold", &["gold"], &["golden", "Gold", "silver"]),
    (StartsWith, "v1.", &["v1.", "v1.2"], &["v1", "xv1.2"]),
    (EndsWith, "=", &["a=", "a=="], &["a=b"]),
    (Contains, "a/b", &["a/b", "xa/bx"], &["ab"]),
    (Regex, "^[0-9a-f]{4}$", &["0af9"], &["0af", "0af9a"]),
];

/// Each rule has two policies, the second with the rule inverted. What selects them is a rule as
/// well, and all rules of a policy must hold.
pub(super) async fn check<N: Node>(scene: &mut Scene<'_, N>) {
    let member = Answerer::start("one");
    scene.begin_with(&[&member]);
    let tables = [
        (HostName, HOSTS),
        (Path, PATHS),
        (FileType, FILE_TYPES),
        (Header, HEADERS),
        (Cookie, COOKIES),
    ];
    let rows = tables.iter().flat_map(|(kind, rows)| rows.iter().map(|row| (*kind, row)));
    let rows: Vec<_> = rows.collect();
    for (number, (kind, (comparison, value, ..))) in rows.iter().enumerate() {
        let tested = condition(*kind, *comparison, KEY, value);
        for name in names(number) {
            let selects = condition(Header, EqualTo, CASE, &name);
            graph::policy(&mut scene.graph, Action::Reject, vec![selects, tested.clone()]);
        }
        scene.graph.l7_rules.last_mut().expect("one was added").invert = true;
    }
    scene.apply().await;
    for (number, (kind, row)) in rows.iter().enumerate() {
        row_holds(scene, number, *kind, row).await;
    }
    what_a_request_lacks_is_equal_to_nothing(scene, &rows).await;
}

async fn row_holds<N: Node>(scene: &Scene<'_, N>, number: usize, kind: RuleKind, row: &Row) {
    let (comparison, value, held, others) = row;
    for (texts, is_held) in [(held, true), (others, false)] {
        for text in *texts {
            let got = rejections(scene, number, &request(kind, text)).await;
            assert_eq!(got, [is_held, !is_held], "{kind} {comparison} {value}: {text:?}");
        }
    }
}

/// Neither the header nor the cookie nor a file type is there.
async fn what_a_request_lacks_is_equal_to_nothing<N: Node>(
    scene: &Scene<'_, N>,
    rows: &[(RuleKind, &Row)],
) {
    for (number, (kind, row)) in rows.iter().enumerate() {
        if matches!(kind, FileType | Header | Cookie) {
            let bare = get("/").field("X-Other", row.1).field("Cookie", "other=gold");
            let got = rejections(scene, number, &bare).await;
            assert_eq!(got, [false, true], "{kind} {row:?}");
        }
    }
}

/// Whether the plain and the inverted policy of this number reject the request.
async fn rejections<N: Node>(scene: &Scene<'_, N>, number: usize, request: &Request) -> [bool; 2] {
    let [plain, inverted] = names(number);
    [is_rejected(scene, request, &plain).await, is_rejected(scene, request, &inverted).await]
}

async fn is_rejected<N: Node>(scene: &Scene<'_, N>, request: &Request, case: &str) -> bool {
    let reply = request.clone().field(CASE, case).ask(scene.vip()).await;
    let status = reply.map(|reply| reply.status);
    assert!(matches!(status, Some(200 | 403)), "{status:?} to {request:?}");
    status == Some(403)
}

fn request(kind: RuleKind, text: &str) -> Request {
    match kind {
        HostName => get("/").host(text),
        Path | FileType => get(text),
        Header => get("/").field(KEY, text),
        Cookie => get("/").field("Cookie", &format!("a=b; {KEY}={text}; c=d")),
        RuleKind::SslConnHasCert | RuleKind::SslVerifyResult | RuleKind::SslDnField => {
            unreachable!("no table has them: they need TLS")
        }
    }
}

/// What selects the plain and the inverted policy of a row.
fn names(number: usize) -> [String; 2] {
    [format!("{number}"), format!("not-{number}")]
}

fn condition(kind: RuleKind, comparison: Comparison, key: &str, value: &str) -> Condition {
    let key = matches!(kind, Header | Cookie).then(|| key.to_owned());
    let condition = Condition::new(kind, comparison, key, value.to_owned());
    condition.expect("it is within the grammar")
}
