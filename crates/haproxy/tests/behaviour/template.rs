//! What an operator's template adds, and what is said of one that cannot be used.

use std::path::Path;

use evenkeel_haproxy::change::{Change, between};
use evenkeel_haproxy::configuration::Configuration;
use evenkeel_haproxy::template::{Template, TemplateError};
use evenkeel_haproxy::{NodeLimits, render};
use evenkeel_model::LoadBalancerGraph;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_vault::Material;

use crate::real;
use crate::world::{self, Build};

/// The example of docs/haproxy.md.
const EXAMPLE: &str = include_str!("template/example.txt");

fn graph() -> LoadBalancerGraph {
    let mut graph = world::load_balancer();
    let http = graph.pair(PoolProtocol::Http);
    graph.serve(ListenerProtocol::Http, http);
    let tcp = graph.pair(PoolProtocol::Tcp);
    graph.serve(ListenerProtocol::Tcp, tcp);
    graph
}

fn rendered(graph: &LoadBalancerGraph, template: Option<&str>) -> Configuration {
    let limits = NodeLimits { descriptors: 20_000 };
    let mut configuration =
        render::render(graph, &world::site(graph), limits, &Material::none()).unwrap();
    if let Some(text) = template {
        let template = Template::new(text.to_owned()).unwrap();
        template.extend(&mut configuration, graph).unwrap();
    }
    configuration
}

fn failure(text: &str) -> TemplateError {
    let graph = graph();
    let mut configuration = rendered(&graph, None);
    let template = Template::new(text.to_owned());
    template.and_then(|it| it.extend(&mut configuration, &graph)).unwrap_err()
}

#[test]
fn lines_are_added_at_the_end_of_the_sections_they_are_meant_for() {
    let text = rendered(&graph(), Some(EXAMPLE)).to_string();
    real::accepts(&text);
    let documents = include_str!("../../../../docs/haproxy.md");
    assert!(documents.contains(EXAMPLE), "the example is the documented one");
    let of = |kind: &str| {
        let sections = text.split("\n\n").filter(|it| it.starts_with(kind)).collect::<Vec<_>>();
        sections.join("\n")
    };
    assert!(of("global").ends_with("    # Room for long cookies.\n    tune.maxrewrite 2048"));
    let frontends = of("frontend");
    let served_by = format!("X-Served-By {}", graph().load_balancer.id);
    assert_eq!(frontends.matches(&served_by).count(), 1, "{text}");
    assert_eq!(of("backend").matches("retry-on conn-failure").count(), 1, "{text}");
}

#[test]
fn an_empty_template_changes_nothing() {
    let graph = graph();
    let plain = rendered(&graph, None);
    for text in ["", "\n", "{# nothing #}", "{% if section == 'nowhere' %}x{% endif %}"] {
        assert_eq!(between(&plain, &rendered(&graph, Some(text))), Change::Nothing, "{text}");
    }
}

#[test]
fn what_the_template_gives_is_compared_like_all_else() {
    let start = graph();
    let applied = rendered(&start, Some(EXAMPLE));
    assert_eq!(between(&rendered(&start, None), &applied), Change::Reload);
    assert_eq!(between(&applied, &rendered(&start, Some(EXAMPLE))), Change::Nothing);
    let written = serde_json::to_string(&applied).unwrap();
    assert_eq!(serde_json::from_str::<Configuration>(&written).unwrap(), applied);
    // Members go through the socket as ever.
    let mut end = start;
    end.members[0].weight = 5.try_into().unwrap();
    let wanted = rendered(&end, Some(EXAMPLE));
    assert!(matches!(between(&applied, &wanted), Change::Commands(_)));
}

#[test]
fn whoever_writes_nonsense_is_told_where() {
    let fails = |text: &str| {
        let failure = failure(text);
        let TemplateError::Fails { line, reason } = failure else { panic!("{text}: {failure}") };
        (line, reason)
    };
    assert_eq!(fails("\n{% if section").0, 2);
    assert_eq!(fails("\n\n{{ tenant.name }}").0, 3, "what is not there is not empty");
    assert!(fails("{{ listener.id }}").1.contains("undefined"), "global has no listener");
    assert!(
        fails("{% for n in range(10000) %}{% for m in range(10000) %}x{% endfor %}{% endfor %}")
            .1
            .contains("fuel")
    );
    fails("{% include '/etc/passwd' %}");
    fails("{% import '/etc/passwd' as x %}");
}

#[test]
fn what_is_no_line_of_a_section_is_refused() {
    for text in ["backend mine", "  frontend other\n bind :80", "x\u{7}", &"x".repeat(3000)] {
        assert!(matches!(failure(text), TemplateError::Line { .. }), "{text}");
    }
    assert!(matches!(failure(&"#".repeat(20_000)), TemplateError::TooLong));
}

#[tokio::test]
async fn haproxy_is_asked_before_a_template_is_used() {
    let check = async |text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let template = Template::new(text.to_owned()).unwrap();
        template.check(Path::new("/usr/sbin/haproxy"), directory.path()).await
    };
    check(EXAMPLE).await.unwrap();
    let refused = check("{% if section == 'global' %}\nnonsense 1\n{% endif %}").await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("unknown keyword 'nonsense'") && said.contains("`nonsense 1`"), "{said}");
    assert!(!said.contains("/tmp"), "{said}");
}
