//! A template that comes, changes and goes under a process that serves.

use evenkeel_driver::{Driver, DriverError};
use evenkeel_model::observed::Served;

use super::node::{Node, get};

/// What HTTP clients see of it.
const SHOWN: &str = "{% if section == 'backend' %}http-response set-status 299{% endif %}";
/// HAProxy refuses it; nobody checked it before.
const BROKEN: &str = "{% if section == 'backend' %}nonsense{% endif %}";

#[tokio::test]
async fn another_template_is_another_process_and_nobody_notices() {
    let mut node = Node::new("127.77.6.1");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let (before, vip) = (node.pid().await, node.vip(8080));
    assert_eq!(get(vip).await.unwrap(), (200, "one".to_owned()));

    node.restart_with(Some(SHOWN));
    assert_eq!(node.observe().await.served, Served::Remains, "it is to be made anew");
    apply_again(&node).await.unwrap();
    assert_eq!(get(vip).await.unwrap().0, 299);
    let after = node.pid().await;
    assert_ne!(after, before);

    // The same lines in other words need no process.
    node.restart_with(Some(&format!("{{# a comment #}}{SHOWN}")));
    assert_eq!(node.observe().await.served, Served::Remains);
    apply_again(&node).await.unwrap();
    node.graph.members[0].weight = 7.try_into().unwrap();
    node.apply().await.unwrap();
    assert_eq!(node.pid().await, after);

    node.restart_with(None);
    apply_again(&node).await.unwrap();
    assert_eq!(get(vip).await.unwrap().0, 200);
    node.close().await;
}

#[tokio::test]
async fn a_template_that_haproxy_refuses_replaces_nothing() {
    let mut node = Node::new("127.77.6.2");
    let pool = node.listener(8080);
    node.member(pool, "one").await;
    node.apply().await.unwrap();
    let file = node.site.directory.join("haproxy.cfg");
    let (pid, good) = (node.pid().await, std::fs::read_to_string(&file).unwrap());

    let vip = node.vip(8080);
    let client = tokio::spawn(async move {
        loop {
            assert_eq!(get(vip).await.unwrap().0, 200);
        }
    });
    for template in [BROKEN, "{{ nothing }}", "frontend mine"] {
        node.restart_with(Some(template));
        let refused = apply_again(&node).await.unwrap_err();
        assert!(matches!(refused, DriverError::Rejected { .. }), "{refused}");
        assert_eq!(get(node.vip(8080)).await.unwrap(), (200, "one".to_owned()));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), good);
    }
    node.restart_with(None);
    assert_eq!(node.pid().await, pid);
    assert!(!client.is_finished(), "a request failed");
    client.abort();
    node.close().await;
}

/// The graph that is there, as the agent applies it when its driver has nothing known to serve.
async fn apply_again(node: &Node) -> Result<(), DriverError> {
    node.driver.apply(&node.site, &node.graph, &evenkeel_vault::Material::default()).await
}
