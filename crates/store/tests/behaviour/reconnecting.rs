//! PostgreSQL goes away and comes back: whoever asks is served, or told to try again.

use std::sync::Arc;

use evenkeel_model::address::AddressRules;
use evenkeel_model::quota::Limits;
use evenkeel_model::{Listener, LoadBalancer};
use evenkeel_store::{Backend, ListQuery, Scope, Store, StoreConfig, StoreError, SystemClock};

use crate::postgres::Server;
use crate::world::{empty, listener, load_balancer, settled_in};

/// How often all connections are lost.
const TIMES: i64 = 8;

fn config(url: &str) -> StoreConfig {
    StoreConfig {
        backend: Backend::Postgres { url: url.to_owned() },
        inline: false,
        strict_immutable: false,
        count_quotas: false,
        default_limits: Limits::default(),
        address_rules: AddressRules::default(),
        clock: Arc::new(SystemClock),
    }
}

/// A server, and the address of an empty schema in it. Its client blocks.
async fn server() -> (Server, String) {
    let start = || {
        let server = Server::start();
        let url = server.create_schema("own");
        (server, url)
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// Ends all sessions but the one that asks for it.
async fn end_all_sessions(url: &str) {
    let url = url.to_owned();
    let end = move || {
        let mut client = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
        let all = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        client.batch_execute(all).unwrap();
    };
    tokio::task::spawn_blocking(end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_made_anew() {
    let (server, url) = server().await;
    let store = Store::open(config(&url)).await.unwrap();
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let mut written = Vec::new();
    for port in 1..=TIMES {
        end_all_sessions(&url).await;
        // Nobody was writing: not even one request fails.
        written.push(store.create_listener(listener(lb, port)).await.unwrap().value.id);
        end_all_sessions(&url).await;
        store.get::<LoadBalancer>(lb).await.unwrap();
    }
    for port in 1..=TIMES {
        // Now somebody is.
        let create = store.create_listener(listener(lb, 1000 + port));
        let (outcome, ()) = tokio::join!(create, end_all_sessions(&url));
        match outcome {
            Ok(record) => written.push(record.value.id),
            Err(error) => assert!(matches!(error, StoreError::Busy), "{error:?}"),
        }
    }
    let page = store.list::<Listener>(Scope::All, ListQuery::default()).await.unwrap();
    for id in &written {
        assert!(page.items.iter().any(|it| it.value.id == *id), "{id} was acknowledged");
    }

    drop(server);
    let gone = store.get::<LoadBalancer>(lb).await.unwrap_err();
    assert!(matches!(gone, StoreError::Busy), "{gone:?}");
    let gone = empty(&store, "late").await.unwrap_err();
    assert!(matches!(gone, StoreError::Busy), "{gone:?}");
    let gone = Store::open(config(&url)).await.unwrap_err();
    assert!(matches!(gone, StoreError::Busy), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_migrate_once() {
    let (_server, url) = server().await;
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let config = config(&url);
        starts.spawn(async move { Store::open(config).await });
    }
    let stores: Vec<Store> = starts.join_all().await.into_iter().map(Result::unwrap).collect();
    settled_in(&stores[0]).await;
    let lb = load_balancer(&stores[1]).await;
    stores[2].get::<LoadBalancer>(lb).await.unwrap();
}
