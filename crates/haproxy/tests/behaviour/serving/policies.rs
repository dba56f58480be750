//! What policies do with requests, seen from outside.

use std::net::SocketAddr;

use evenkeel_model::l7_policy::{Action, RedirectCode};
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::{ListenerId, PoolId};

use super::node::Node;
use crate::raw::exchange;
use crate::world::Build;

use Comparison::{Contains, EndsWith, EqualTo, Regex, StartsWith};
use RuleKind::{Cookie, FileType, Header, HostName, Path};

/// A node with a listener whose pool answers `main`, and a pool that answers `other`.
async fn node(vip: &str) -> (Node, ListenerId, PoolId) {
    let mut node = Node::new(vip);
    let main = node.listener(8080);
    node.member(main, "main").await;
    let other = Build::pool(&mut node.graph, evenkeel_model::protocol::PoolProtocol::Http).id;
    node.member(other, "other").await;
    let listener = node.graph.listeners[0].id;
    (node, listener, other)
}

/// Status and either the location or the body of the answer.
async fn ask(vip: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let host = if headers.to_lowercase().contains("host:") { "" } else { "Host: a\r\n" };
    let request = format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    let answer = exchange(vip, request.as_bytes(), usize::MAX).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, location.unwrap_or(body).to_owned())
}

fn url(text: &str) -> evenkeel_model::text::Url {
    text.to_owned().try_into().unwrap()
}

#[tokio::test]
async fn each_action_does_what_it_says() {
    let (mut node, listener, other) = node("127.77.6.1").await;
    let code = RedirectCode::try_from(308).unwrap();
    let graph = &mut node.graph;
    graph.policy(listener, Action::Reject);
    graph.rule(Path, EqualTo, "", "/reject");
    // Nothing in a target is evaluated, whatever it looks like.
    let odd = r"http://b/%[env(PATH)]/%%/$HOME/${HOME}/\n'%{+Q}o";
    graph.policy(listener, Action::RedirectToUrl { url: url(odd), code: RedirectCode::Found });
    graph.rule(Path, EqualTo, "", "/url");
    graph.policy(listener, Action::RedirectPrefix { prefix: url("https://c/%d"), code });
    graph.rule(Path, StartsWith, "", "/prefix");
    graph.policy(listener, Action::RedirectToPool { pool: other });
    graph.rule(Path, StartsWith, "", "/pool");
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    assert_eq!(ask(vip, "/reject", "").await.0, 403);
    assert_eq!(ask(vip, "/url", "").await, (302, odd.to_owned()));
    assert_eq!(ask(vip, "/prefix/x?y=z", "").await, (308, "https://c/%d/prefix/x?y=z".to_owned()));
    assert_eq!(ask(vip, "/pool/x", "").await, (200, "other".to_owned()));
    assert_eq!(ask(vip, "/", "").await, (200, "main".to_owned()));
    node.close().await;
}

#[tokio::test]
async fn the_first_policy_that_applies_decides_whatever_it_does() {
    let (mut node, listener, other) = node("127.77.6.2").await;
    let graph = &mut node.graph;
    graph.policy(listener, Action::RedirectToPool { pool: other });
    graph.rule(Path, StartsWith, "", "/a/pool");
    graph.policy(listener, Action::Reject);
    graph.rule(Path, StartsWith, "", "/a");
    let target = Action::RedirectToUrl { url: url("http://b/"), code: RedirectCode::Found };
    graph.policy(listener, target);
    graph.rule(Path, StartsWith, "", "/");
    // Disabled ones are passed over, and all rules of a policy have to hold.
    graph.policy(listener, Action::Reject).admin_state_up = false;
    graph.rule(Path, StartsWith, "", "/");
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    assert_eq!(ask(vip, "/a/pool", "").await, (200, "other".to_owned()));
    assert_eq!(ask(vip, "/a", "").await.0, 403);
    assert_eq!(ask(vip, "/b", "").await.0, 302);

    for policy in &mut node.graph.l7_policies {
        policy.position = (5 - i64::from(policy.position)).try_into().unwrap();
    }
    node.graph.l7_policies.reverse();
    node.apply().await.unwrap();
    assert_eq!(ask(vip, "/a/pool", "").await.0, 302, "the same in the other order");
    node.graph.l7_rules[0].invert = true;
    node.graph.l7_policies.retain(|it| it.action.pool().is_some());
    node.apply().await.unwrap();
    assert_eq!(ask(vip, "/a/pool", "").await.1, "main");
    assert_eq!(ask(vip, "/b", "").await.1, "other", "what does not begin so");
    node.graph.l7_rules[0].admin_state_up = false;
    node.apply().await.unwrap();
    assert_eq!(ask(vip, "/b", "").await.1, "main", "a policy without rules takes nothing");
    node.close().await;
}

#[tokio::test]
async fn each_kind_of_rule_compares_in_each_way() {
    let (mut node, listener, _) = node("127.77.6.3").await;
    // Rule, path and headers that it holds for, and such that it does not.
    let table = [
        (
            HostName,
            EqualTo,
            "",
            "WWW.example.com",
            "/",
            "Host: www.Example.com:8080\r\n",
            "Host: example.com\r\n",
        ),
        (
            HostName,
            Regex,
            "",
            r"^(www\.)?b\.de$",
            "/",
            "Host: WWW.B.de\r\n",
            "Host: www.b.de.x\r\n",
        ),
        (HostName, EndsWith, "", ".org", "/", "Host: x.ORG:1\r\n", "Host: org\r\n"),
        (FileType, EqualTo, "", "jpg", "/a.b/c.d.jpg?x=.png", "", "Host: a\r\n"),
        (FileType, Regex, "", "^(gif|png)$", "/x.gif", "", ""),
        (Header, EqualTo, "X-Tier", "gold", "/", "x-tier: silver, gold\r\n", "X-Tier: golden\r\n"),
        (Header, EqualTo, "X-Q", "\"go ld\"", "/", "X-Q: go ld\r\n", "X-Q: \"go ld\"\r\n"),
        (Header, Contains, "!#$%&'*+-.^_`|~", "'#", "/", "!#$%&'*+-.^_`|~: a'#b\r\n", "X: '#\r\n"),
        (
            Header,
            Regex,
            "User-Agent",
            r"(?i)bot/\d+",
            "/",
            "User-Agent: x BOT/12\r\n",
            "User-Agent: bot/x\r\n",
        ),
        (Cookie, EqualTo, "$Tier", "1", "/", "Cookie: a=2; $Tier=1\r\n", "Cookie: $Tier=2\r\n"),
        (Cookie, StartsWith, "t", "v1.", "/", "Cookie: t=v1.x\r\n", "Cookie: tt=v1.x\r\n"),
        (Path, Contains, "", "%2e'\\\"#$", "/a%2e'\\\"x", "", ""),
        (Path, EndsWith, "", "/end", "/the/end?q=/x", "", ""),
        (Path, Regex, "", r"^/v\d+/.*/x(/|$)", "/v12/a/b/x", "", ""),
    ];
    for (kind, how, key, value, ..) in table {
        let target = format!("http://t/{}", node.graph.l7_policies.len());
        let code = RedirectCode::Found;
        node.graph.policy(listener, Action::RedirectToUrl { url: url(&target), code });
        node.graph.rule(kind, how, key, value);
    }
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    for (at, (kind, how, _, value, path, yes, no)) in table.into_iter().enumerate() {
        let target = format!("http://t/{at}");
        // HAProxy takes no such bytes in a path, so that nothing begins with it.
        if value.contains('#') && kind == Path {
            assert_eq!(ask(vip, "/a%2e'x#$", yes).await.0, 400);
            continue;
        }
        assert_eq!(ask(vip, path, yes).await, (302, target.clone()), "{kind} {how} {value}");
        assert_ne!(ask(vip, "/no.jpeg", no).await.1, target, "{kind} {how} {value}");
    }
    node.close().await;
}

#[tokio::test]
async fn a_text_that_an_expression_is_too_dear_for_is_refused() {
    let (mut node, listener, _) = node("127.77.6.4").await;
    node.graph.policy(listener, Action::Reject);
    node.graph.rule(Path, Regex, "", "<script[^>]*>").invert = true;
    node.graph.rule(Header, Regex, "X-Long", "<a[^>]*>");
    node.apply().await.unwrap();
    let vip = node.vip(8080);
    let long = "a".repeat(5_000);
    assert_eq!(ask(vip, "/a", "").await.0, 200);
    assert_eq!(ask(vip, &format!("/{long}"), "").await.0, 414);
    assert_eq!(ask(vip, "/", &format!("X-Long: {long}\r\n")).await.0, 431);
    assert_eq!(ask(vip, "/", &format!("X-Other: {long}\r\n")).await.0, 200);
    assert_eq!(ask(vip, "/", "X-Long: <a b>\r\n").await.0, 403);
    node.close().await;
}
