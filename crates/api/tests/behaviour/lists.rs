//! How lists are asked for, and what pages say of each other (contract 4).

use evenkeel_api::Fault;
use evenkeel_api::list::{Direction, Fields, ListRequest, flag, page, single};
use evenkeel_model::PoolId;
use serde_json::json;

use crate::{defaults, id};

fn ask(query: &str) -> Result<ListRequest, Fault> {
    ListRequest::parse(query, &|name| matches!(name, "id" | "name" | "admin_state_up"), &defaults())
}

fn refused(query: &str) -> (u16, String, bool) {
    let fault = ask(query).unwrap_err();
    let routed = fault.body().get("description").is_some();
    (fault.status(), fault.message().to_owned(), routed)
}

#[test]
fn a_list_that_nobody_narrows_is_one_page() {
    let request = ask("").unwrap();
    assert_eq!(request.limit, Some(1000));
    assert!(request.filters.is_empty() && request.sort.is_empty() && request.marker.is_none());
}

#[test]
fn filters_are_known_and_said_once() {
    let request = ask("name=a%20b&admin_state_up=T&project_id=p").unwrap();
    let filters: Vec<_> = request.filters.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(filters, [("name", "a b"), ("admin_state_up", "T")]);
    assert_eq!(request.project.unwrap().as_str(), "p");
    let text = "One or more arguments are either duplicate or invalid";
    for query in ["nam=a", "name=a&name=b", "tenant_id=p", "project_id=a&project_id=b"] {
        assert_eq!(refused(query), (400, text.to_owned(), false), "{query}");
    }
}

#[test]
fn tags_are_lists_in_either_form() {
    let request = ask("tags=a,b&tags=c&tags-any=d&not-tags=e&not-tags-any=f,g").unwrap();
    assert_eq!(request.tags.all, ["a", "b", "c"]);
    assert_eq!(request.tags.any, ["d"]);
    assert_eq!(request.tags.not_all, ["e"]);
    assert_eq!(request.tags.not_any, ["f", "g"]);
    assert_eq!(ask("tags=").unwrap().tags.all, [""]);
    assert!(ask(&format!("tags={}", ["t"; 129].join(","))).is_err());
}

#[test]
fn both_forms_of_sorting_are_understood() {
    let sorted = |query: &str| -> Vec<(String, Direction)> {
        ask(query).unwrap().sort.into_iter().map(|it| (it.name, it.direction)).collect()
    };
    let key = |name: &str, direction| (name.to_owned(), direction);
    assert_eq!(
        sorted("sort=name:desc,id&sort_key=x"),
        [key("name", Direction::Descending), key("id", Direction::Ascending)]
    );
    assert_eq!(
        sorted("sort_key=name,id&sort_dir=desc"),
        [key("name", Direction::Descending), key("id", Direction::Ascending)]
    );
    assert_eq!(
        sorted("sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc"),
        [key("name", Direction::Ascending), key("id", Direction::Descending)]
    );
    assert_eq!(
        refused("sort=name:up"),
        (400, "Supplied sort direction 'up' is not valid.".to_owned(), true)
    );
    assert_eq!(refused("sort=name:asc:x").0, 400);
    assert!(refused("sort=name:asc:x").2);
}

#[test]
fn limits_are_capped_or_lifted() {
    assert_eq!(ask("limit=5").unwrap().limit, Some(5));
    assert_eq!(ask("limit=99999999999").unwrap().limit, Some(1000));
    for query in ["limit=0", "limit=-1", "limit=infinite"] {
        assert_eq!(ask(query).unwrap().limit, None, "{query}");
    }
    let text = "Supplied pagination limit 'x' is not valid.".to_owned();
    assert_eq!(refused("limit=x"), (400, text, true));
}

#[test]
fn markers_are_ids() {
    let marked = ask(&format!("marker={}", id(7))).unwrap();
    assert_eq!(marked.marker_id().unwrap(), Some(PoolId::new(id(7))));
    let fault = ask("marker=x").unwrap().marker_id::<PoolId>().unwrap_err();
    assert_eq!(fault.message(), "Supplied pagination marker 'x' is not valid.");
}

#[test]
fn links_lead_on_and_keep_what_was_asked() {
    let request = ask("limit=2&name=a%26b&sort=id:desc&fields=id").unwrap();
    let links = request.links("http://h/v2/lbaas/pools", ["1", "2"].into_iter());
    assert_eq!(
        links,
        json!([{
            "rel": "next",
            "href": "http://h/v2/lbaas/pools?limit=2&name=a%26b&sort=id:desc&fields=id&marker=2",
        }])
    );
    assert_eq!(request.links("c", ["1"].into_iter()), json!([]));
    assert_eq!(request.links("c", [].into_iter()), json!([]));
    let second = ask("limit=2&marker=2").unwrap();
    assert_eq!(
        second.links("c", ["3"].into_iter()),
        json!([{"rel": "previous", "href": "c?limit=2&marker=3&page_reverse=True"}])
    );
    assert_eq!(second.links("c", ["3", "4"].into_iter()).as_array().unwrap().len(), 2);
    assert_eq!(ask("limit=0&marker=2").unwrap().links("c", ["3"].into_iter()), json!([]));
    let back = ask("limit=2&marker=3&page_reverse=True").unwrap();
    assert!(back.page_reverse);
    assert_eq!(back.links("c", ["2"].into_iter())[1]["rel"], "next");
}

#[test]
fn fields_are_exactly_those_asked_for() {
    let object = json!({"id": 1, "name": 2, "project_id": 3, "tenant_id": 3});
    let select = |query: &str| Fields::parse(query, &defaults()).select(object.clone());
    assert_eq!(select(""), object);
    assert_eq!(select("fields=name"), json!({"name": 2}));
    assert_eq!(select("fields=project_id"), json!({"project_id": 3}));
    assert_eq!(select("fields=tenant_id"), json!({}));
    assert_eq!(select("fields=id,name"), json!({}));
    assert_eq!(select("fields=name&fields=id"), json!({"id": 1, "name": 2}));
}

#[test]
fn what_the_operator_switches_off_is_not_heard() {
    let mut deployment = defaults();
    deployment.allow_pagination = false;
    deployment.allow_sorting = false;
    deployment.allow_filtering = false;
    deployment.allow_field_selection = false;
    let query = "limit=x&marker=y&sort=a:b:c&nonsense=1&fields=id&tags=a";
    let request = ListRequest::parse(query, &|_| false, &deployment).unwrap();
    assert_eq!((request.limit, request.marker.as_deref()), (None, None));
    assert!(request.filters.is_empty() && request.tags.all.is_empty());
    assert_eq!(request.fields, Fields::default());
}

#[test]
fn flags_and_envelopes() {
    assert!(flag("cascade=True", "cascade"));
    assert!(!flag("cascade=perhaps", "cascade") && !flag("", "cascade"));
    assert_eq!(page("pools", vec![], json!([])), json!({"pools": [], "pools_links": []}));
    assert_eq!(single("pool", json!({})), json!({"pool": {}}));
}
