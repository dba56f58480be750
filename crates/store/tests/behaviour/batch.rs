//! All members of a pool at once.

use std::sync::Arc;

use evenkeel_model::quota::{Limit, Limits};
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{Listener, ListenerId, LoadBalancerId, Member, Pool, PoolId};
use evenkeel_store::{ListQuery, MemberWish, Scope, Store, StoreError};

use crate::scenario::{Home, scenarios};
use crate::world::{listener, load_balancer, member, pool, serve, settled_in, status};

scenarios!(
    a_batch_adds_changes_and_removes,
    an_additive_batch_leaves_the_others,
    an_empty_batch_removes_all,
    a_batch_that_changes_nothing_moves_nothing,
    a_member_is_named_once,
    what_makes_a_member_is_its_spelling,
    a_batch_may_exchange_members_at_the_quota,
    a_member_that_goes_can_come_again,
);

use ProvisioningStatus::{Active, PendingCreate, PendingDelete, PendingUpdate};

struct Served {
    lb: LoadBalancerId,
    listener: ListenerId,
    pool: PoolId,
}

/// A listener and its pool with the members 10.0.0.1 and 10.0.0.2, all served.
async fn served(store: &Store) -> Served {
    settled_in(store).await;
    let lb = load_balancer(store).await;
    let listener = store.create_listener(listener(lb, 80)).await.unwrap().value.id;
    let pool = store.create_pool(pool(lb), Some(listener)).await.unwrap().value.id;
    for address in ["10.0.0.1", "10.0.0.2"] {
        store.create_member(member(pool, address)).await.unwrap();
    }
    serve(store).await;
    Served { lb, listener, pool }
}

/// A member of this address and weight shall be.
fn wish(pool: PoolId, address: &str, weight: i64) -> MemberWish {
    let weight = weight.try_into().unwrap();
    let new = Member { weight, ..member(pool, address) };
    MemberWish { new, change: Arc::new(move |it| Member { weight, ..it.clone() }) }
}

/// Address, weight and status of each, oldest first.
async fn members(store: &Store, pool: PoolId) -> Vec<(String, u16, ProvisioningStatus)> {
    let page = store.list::<Member>(Scope::Pool(pool), ListQuery::default()).await.unwrap();
    let shown = page.items.iter().map(|it| {
        let address = it.value.address.spelling().to_owned();
        (address, it.value.weight.get(), it.provisioning_status)
    });
    shown.collect()
}

fn line(address: &str, weight: u16, is: ProvisioningStatus) -> (String, u16, ProvisioningStatus) {
    (address.to_owned(), weight, is)
}

async fn a_batch_adds_changes_and_removes(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    let wishes = vec![wish(there.pool, "10.0.0.2", 5), wish(there.pool, "10.0.0.3", 1)];
    store.replace_members(there.pool, wishes, false).await.unwrap();
    let expected = [
        line("10.0.0.1", 1, PendingDelete),
        line("10.0.0.2", 5, PendingUpdate),
        line("10.0.0.3", 1, PendingCreate),
    ];
    assert_eq!(members(&store, there.pool).await, expected);
    assert_eq!(status::<Pool>(&store, there.pool).await, PendingUpdate);
    assert_eq!(status::<Listener>(&store, there.listener).await, PendingUpdate);
    serve(&store).await;
    let expected = [line("10.0.0.2", 5, Active), line("10.0.0.3", 1, Active)];
    assert_eq!(members(&store, there.pool).await, expected);
}

async fn an_additive_batch_leaves_the_others(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    let wishes = vec![wish(there.pool, "10.0.0.3", 1)];
    store.replace_members(there.pool, wishes, true).await.unwrap();
    let expected = [
        line("10.0.0.1", 1, Active),
        line("10.0.0.2", 1, Active),
        line("10.0.0.3", 1, PendingCreate),
    ];
    assert_eq!(members(&store, there.pool).await, expected);
}

async fn an_empty_batch_removes_all(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    store.replace_members(there.pool, Vec::new(), false).await.unwrap();
    serve(&store).await;
    assert_eq!(members(&store, there.pool).await, []);
    assert_eq!(status::<Pool>(&store, there.pool).await, Active);
}

async fn a_batch_that_changes_nothing_moves_nothing(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    let before = store.generation(there.lb).await.unwrap();
    let same = || vec![wish(there.pool, "10.0.0.1", 1), wish(there.pool, "10.0.0.2", 1)];
    store.replace_members(there.pool, same(), false).await.unwrap();
    store.replace_members(there.pool, same(), true).await.unwrap();
    store.replace_members(there.pool, Vec::new(), true).await.unwrap();
    assert_eq!(store.generation(there.lb).await.unwrap(), before);
    assert_eq!(status::<Pool>(&store, there.pool).await, Active);
}

async fn a_member_is_named_once(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    let before = members(&store, there.pool).await;
    let known = vec![wish(there.pool, "10.0.0.1", 7), wish(there.pool, "10.0.0.1", 8)];
    let refused = store.replace_members(there.pool, known, false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Validation failure: Member must be updated only once in the same request."
    );
    let new = vec![wish(there.pool, "10.0.0.9", 1), wish(there.pool, "10.0.0.9", 1)];
    let refused = store.replace_members(there.pool, new, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::MemberTaken { .. }), "{refused:?}");
    assert_eq!(members(&store, there.pool).await, before);
}

async fn what_makes_a_member_is_its_spelling(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    let wishes = vec![wish(there.pool, "2001:db8::1", 1), wish(there.pool, "2001:DB8:0::1", 1)];
    store.replace_members(there.pool, wishes, true).await.unwrap();
    assert_eq!(members(&store, there.pool).await.len(), 4);
}

async fn a_batch_may_exchange_members_at_the_quota(home: Home) {
    let store = home
        .open_with(|config| {
            config.count_quotas = true;
            config.default_limits = Limits { member: Limit::AtMost(2), ..Limits::default() };
        })
        .await;
    let there = served(&store).await;
    let exchange = vec![wish(there.pool, "10.0.0.1", 1), wish(there.pool, "10.0.0.3", 1)];
    store.replace_members(there.pool, exchange, false).await.unwrap();
    serve(&store).await;
    let more = vec![wish(there.pool, "10.0.0.4", 1)];
    let refused = store.replace_members(there.pool, more, true).await.unwrap_err();
    assert_eq!(refused.to_string(), "Quota has been met for resources: Member");
    assert_eq!(status::<Pool>(&store, there.pool).await, Active, "it leaves nothing behind");
}

async fn a_member_that_goes_can_come_again(home: Home) {
    let store = home.open().await;
    let there = served(&store).await;
    store.replace_members(there.pool, Vec::new(), false).await.unwrap();
    let again = vec![wish(there.pool, "10.0.0.1", 3)];
    store.replace_members(there.pool, again, false).await.unwrap();
    let expected = [
        line("10.0.0.1", 1, PendingDelete),
        line("10.0.0.2", 1, PendingDelete),
        line("10.0.0.1", 3, PendingCreate),
    ];
    assert_eq!(members(&store, there.pool).await, expected);
    serve(&store).await;
    assert_eq!(members(&store, there.pool).await, [line("10.0.0.1", 3, Active)]);
}
