//! Lists: filters, tags, order and pages (contract 4).

use evenkeel_model::text::{Label, Tags};
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Pool, ProjectId, Record,
};
use evenkeel_store::{
    Direction, Filter, ListQuery, Scope, Store, StoreError, Stored, TagFilter, TreeDraft,
};
use uuid::Uuid;

use crate::scenario::{Home, scenarios};
use crate::world::{
    any_vip, draft, listener, load_balancer, member, monitor, pool, project, serve, settled_in,
};

scenarios!(
    a_filter_is_exact,
    filters_make_what_they_can_of_a_value,
    every_column_filters_and_sorts,
    tags_are_sets,
    the_order_is_age_if_nothing_else_is_asked,
    pages_follow_each_other_in_both_directions,
    pages_follow_each_other_where_values_are_equal_or_missing,
    what_is_unknown_is_refused,
    a_scope_holds_only_its_own,
    a_list_without_end_shows_what_belongs_to_each,
);

fn named(name: &str, tags: &[&str]) -> TreeDraft {
    let mut draft = draft(name);
    draft.load_balancer.tags = tags.iter().map(|tag| (*tag).to_owned()).collect::<Tags>();
    draft
}

/// Load balancers of these names, oldest first.
async fn create(store: &Store, names: &[&str]) {
    for name in names {
        store.create_tree(named(name, &[]), any_vip(), project()).await.unwrap();
    }
}

fn filter(column: &str, value: &str) -> ListQuery {
    let filter = Filter { column: column.to_owned(), value: value.to_owned() };
    ListQuery { filters: vec![filter], ..ListQuery::default() }
}

fn sorted(keys: &[(&str, Direction)]) -> ListQuery {
    let sort = keys.iter().map(|(key, direction)| ((*key).to_owned(), *direction)).collect();
    ListQuery { sort, ..ListQuery::default() }
}

async fn names(store: &Store, query: ListQuery) -> Vec<String> {
    let page = store.list::<LoadBalancer>(Scope::All, query).await.unwrap();
    page.items.into_iter().map(|it| it.value.name.to_string()).collect()
}

async fn refusal<T: Stored>(store: &Store, query: ListQuery) -> String {
    store.list::<T>(Scope::All, query).await.unwrap_err().to_string()
}

async fn a_filter_is_exact(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    create(&store, &["web", "web2", "Web", "we_"]).await;
    assert_eq!(names(&store, filter("name", "web")).await, ["web"]);
    assert_eq!(names(&store, filter("name", "we_")).await, ["we_"]);
    assert_eq!(names(&store, filter("name", "we%")).await, [""; 0]);
    assert_eq!(names(&store, filter("name", "' OR '1' = '1")).await, [""; 0]);
    let mut both = filter("name", "web");
    both.filters.extend(filter("provider", "amphora").filters);
    assert_eq!(names(&store, both).await, [""; 0]);
}

async fn filters_make_what_they_can_of_a_value(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    store.create_listener(listener(lb, 80)).await.unwrap();
    store.create_listener(Listener { admin_state_up: false, ..listener(lb, 81) }).await.unwrap();
    let ports = async |column, value| {
        let page = store.list::<Listener>(Scope::All, filter(column, value)).await.unwrap();
        page.items.iter().map(|it| it.value.protocol_port.get()).collect::<Vec<_>>()
    };
    assert_eq!(ports("admin_state_up", "Yes").await, [80]);
    assert_eq!(ports("admin_state_up", "whatever").await, [81]);
    assert_eq!(ports("protocol_port", "81").await, [81]);
    assert_eq!(ports("protocol_port", "http").await, [0; 0]);
    assert_eq!(ports("protocol", "http").await, [0; 0], "words are exact");
    assert_eq!(ports("provisioning_status", "PENDING_CREATE").await, [80, 81]);
    assert_eq!(ports("provisioning_status", "ACTIVE").await, [0; 0]);
    let id = lb.to_string();
    assert_eq!(ports("load_balancer_id", &id).await, [80, 81]);
    assert_eq!(ports("loadbalancer_id", &id).await, [80, 81]);
    // The clock of a scenario stands at this second.
    assert_eq!(ports("created_at", "2023-11-14T22:13:20").await, [80, 81]);
    assert_eq!(ports("created_at", "yesterday").await, [0; 0]);
    serve(&store).await;
    assert_eq!(ports("provisioning_status", "ACTIVE").await, [80, 81]);
}

/// Narrows and sorts by every column that the resource declares.
async fn try_columns<T: Stored>(store: &Store) {
    let marker = store.list::<T>(Scope::All, ListQuery::default()).await.unwrap().items;
    let marker: Option<Uuid> = marker.first().map(|record| record.value.id().into());
    assert!(marker.is_some(), "there is something to list");
    for column in store.columns::<T>().map(|column| column.name) {
        for value in ["", "1", "text", "2023-11-14T22:13:20"] {
            let found = store.list::<T>(Scope::All, filter(column, value)).await;
            assert!(found.is_ok(), "{column}={value}: {found:?}");
        }
        for direction in [Direction::Ascending, Direction::Descending] {
            let query = ListQuery { marker, ..sorted(&[(column, direction)]) };
            match store.list::<T>(Scope::All, query).await {
                Ok(_) => {}
                // Another name of a column is for filters only.
                Err(StoreError::UnknownSortKey(key)) => assert_eq!(key, column),
                Err(error) => panic!("{column}: {error:?}"),
            }
        }
    }
}

async fn every_column_filters_and_sorts(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut whole = crate::world::draft("all");
    let lb = whole.load_balancer.id;
    let (front, back) = (listener(lb, 80), pool(lb));
    let policy = crate::world::policy(front.id, 1, evenkeel_model::l7_policy::Action::Reject);
    whole.l7_rules = vec![crate::world::rule(policy.id)];
    whole.members = vec![member(back.id, "10.0.0.1")];
    whole.health_monitors = vec![monitor(back.id)];
    (whole.listeners, whole.pools, whole.l7_policies) = (vec![front], vec![back], vec![policy]);
    store.create_tree(whole, any_vip(), project()).await.unwrap();
    try_columns::<LoadBalancer>(&store).await;
    try_columns::<Listener>(&store).await;
    try_columns::<Pool>(&store).await;
    try_columns::<Member>(&store).await;
    try_columns::<HealthMonitor>(&store).await;
    try_columns::<L7Policy>(&store).await;
    try_columns::<L7Rule>(&store).await;
}

async fn tags_are_sets(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    for (name, tags) in [("none", &[][..]), ("a", &["a"]), ("b", &["b"]), ("ab", &["b", "a"])] {
        store.create_tree(named(name, tags), any_vip(), project()).await.unwrap();
    }
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let found =
        async |tags: TagFilter| names(&store, ListQuery { tags, ..Default::default() }).await;
    let both = tags(&["a", "b"]);
    let none = TagFilter::default;
    assert_eq!(found(TagFilter { all: both.clone(), ..none() }).await, ["ab"]);
    assert_eq!(found(TagFilter { any: both.clone(), ..none() }).await, ["a", "b", "ab"]);
    assert_eq!(found(TagFilter { not_all: both.clone(), ..none() }).await, ["none", "a", "b"]);
    assert_eq!(found(TagFilter { not_any: both.clone(), ..none() }).await, ["none"]);
    let one_of_them = TagFilter { any: both.clone(), not_all: both, ..none() };
    assert_eq!(found(one_of_them).await, ["a", "b"]);
    let page = store.list::<LoadBalancer>(Scope::All, filter("name", "ab")).await.unwrap();
    let id = page.items[0].value.id;
    let untagged =
        Box::new(|it: &LoadBalancer| Ok(LoadBalancer { tags: Tags::default(), ..it.clone() }));
    store.update::<LoadBalancer>(id, untagged).await.unwrap();
    assert_eq!(found(TagFilter { any: tags(&["b"]), ..none() }).await, ["b"]);
}

async fn the_order_is_age_if_nothing_else_is_asked(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    create(&store, &["c", "a", "b", "a"]).await;
    assert_eq!(names(&store, ListQuery::default()).await, ["c", "a", "b", "a"]);
    let by_name = sorted(&[("name", Direction::Ascending)]);
    assert_eq!(names(&store, by_name).await, ["a", "a", "b", "c"]);
    let backwards = sorted(&[("created_at", Direction::Descending)]);
    assert_eq!(names(&store, backwards).await, ["a", "b", "a", "c"]);
    let by_address =
        sorted(&[("name", Direction::Descending), ("vip_address", Direction::Ascending)]);
    assert_eq!(names(&store, by_address).await, ["c", "b", "a", "a"]);
}

/// Walks through all pages and back; `query` has the order.
async fn walk(store: &Store, query: &ListQuery) {
    let all = store.list::<LoadBalancer>(Scope::All, query.clone()).await.unwrap().items;
    let ids =
        |items: &[Record<LoadBalancer>]| items.iter().map(|it| it.value.id).collect::<Vec<_>>();
    let page = async |marker: Option<Uuid>, reverse| {
        let query = ListQuery { limit: Some(2), marker, reverse, ..query.clone() };
        store.list::<LoadBalancer>(Scope::All, query).await.unwrap().items
    };
    let (mut there, mut marker) = (Vec::new(), None);
    loop {
        let items = page(marker, false).await;
        let Some(last) = items.last() else { break };
        marker = Some(last.value.id.into());
        there.extend(ids(&items));
    }
    assert_eq!(there, ids(&all), "{query:?}");
    let last: Uuid = (*there.last().unwrap()).into();
    let (mut back, mut marker) = (vec![*there.last().unwrap()], Some(last));
    loop {
        let items = page(marker, true).await;
        let Some(first) = items.first() else { break };
        marker = Some(first.value.id.into());
        back.splice(0..0, ids(&items));
    }
    assert_eq!(back, ids(&all), "{query:?} backwards");
}

async fn pages_follow_each_other_in_both_directions(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    create(&store, &["c", "a", "b", "a", "e"]).await;
    for direction in [Direction::Ascending, Direction::Descending] {
        walk(&store, &ListQuery::default()).await;
        walk(&store, &sorted(&[("name", direction)])).await;
        walk(&store, &sorted(&[("id", direction)])).await;
        walk(&store, &sorted(&[("vip_address", direction), ("created_at", direction)])).await;
    }
    let last = ListQuery { limit: Some(2), reverse: true, ..ListQuery::default() };
    assert_eq!(names(&store, last).await, ["a", "e"], "without a marker, the last page");
}

async fn pages_follow_each_other_where_values_are_equal_or_missing(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    create(&store, &["", "a", "", "a", ""]).await;
    let page = store.list::<LoadBalancer>(Scope::All, filter("name", "a")).await.unwrap();
    let unchanged = Box::new(|it: &LoadBalancer| Ok(it.clone()));
    store.update::<LoadBalancer>(page.items[0].value.id, unchanged).await.unwrap();
    for direction in [Direction::Ascending, Direction::Descending] {
        for key in ["name", "updated_at", "admin_state_up", "flavor_id", "provisioning_status"] {
            walk(&store, &sorted(&[(key, direction)])).await;
        }
    }
}

async fn what_is_unknown_is_refused(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    load_balancer(&store).await;
    let text = "One or more arguments are either duplicate or invalid";
    for column in ["tenant_id", "listeners", "additional_vips", "nonsense", "id; --"] {
        assert_eq!(refusal::<LoadBalancer>(&store, filter(column, "x")).await, text);
    }
    assert_eq!(refusal::<Pool>(&store, filter("listener_id", "x")).await, text);
    let mut twice = filter("name", "a");
    twice.filters.extend(filter("name", "b").filters);
    assert_eq!(refusal::<LoadBalancer>(&store, twice).await, text);
    let sort = sorted(&[("pools", Direction::Ascending)]);
    assert_eq!(
        refusal::<LoadBalancer>(&store, sort).await,
        "Supplied sort key 'pools' is not valid."
    );
    let marker = Uuid::from_u128(9);
    let query = ListQuery { marker: Some(marker), ..ListQuery::default() };
    let text = format!("Supplied pagination marker '{marker}' is not valid.");
    assert_eq!(refusal::<LoadBalancer>(&store, query).await, text);
}

async fn a_scope_holds_only_its_own(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let other = ProjectId::new("other").unwrap();
    store.create_tree(named("theirs", &[]), any_vip(), other.clone()).await.unwrap();
    let lb = load_balancer(&store).await;
    let count = async |scope| {
        store.list::<LoadBalancer>(scope, ListQuery::default()).await.unwrap().items.len()
    };
    assert_eq!(count(Scope::All).await, 2);
    assert_eq!(count(Scope::Project(other.clone())).await, 1);
    assert_eq!(count(Scope::Project(ProjectId::new("nobody").unwrap())).await, 0);
    let mut members = Vec::new();
    for _ in 0..2 {
        let back = store.create_pool(pool(lb), None).await.unwrap().value.id;
        members.push(store.create_member(member(back, "10.0.0.1")).await.unwrap().value);
    }
    let scope = Scope::Pool(members[1].pool);
    let page = store.list::<Member>(scope, ListQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].value, members[1]);
    assert_eq!(page.items[0].value.name, Label::empty());
}

/// More objects than a statement names at once.
async fn a_list_without_end_shows_what_belongs_to_each(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut whole = draft("wide");
    let lb = whole.load_balancer.id;
    whole.pools = (0..1100).map(|_| pool(lb)).collect();
    whole.members = whole.pools.iter().step_by(100).map(|it| member(it.id, "10.0.0.1")).collect();
    store.create_tree(whole, any_vip(), project()).await.unwrap();
    let page = store.list::<Pool>(Scope::All, ListQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1100);
    for (at, record) in page.items.iter().enumerate() {
        assert_eq!(record.related.members.len(), usize::from(at % 100 == 0), "pool {at}");
    }
    let shown = store.get::<LoadBalancer>(lb).await.unwrap().related.pools;
    assert!(shown.iter().eq(page.items.iter().map(|it| &it.value.id)));
}
