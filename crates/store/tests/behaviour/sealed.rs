//! What is sealed comes, changes and goes with what uses it.

use evenkeel_model::tls::{
    ListenerTls, MaterialId, MaterialKind, PoolTls, Sealed, SealedMaterial, Slot, TlsOwner,
};
use evenkeel_model::{Listener, LoadBalancerId, Pool, Violation};
use evenkeel_store::{Furnish, Furnished, KeptSecret, SecretKind, SecretQuery, Store};
use uuid::Uuid;

use crate::scenario::{Home, scenarios};
use crate::world::{
    agent, any_vip, draft, id, listener, load_balancer, place_all, pool, project, serve, settled_in,
};

scenarios!(
    material_comes_with_its_owner_and_goes_with_it,
    a_change_keeps_what_it_does_not_name,
    a_change_that_is_refused_leaves_the_material,
    a_load_balancer_has_so_much_material_and_no_more,
    a_whole_load_balancer_brings_its_material,
    everything_is_sealed_anew_in_batches,
    secrets_are_listed_by_project_and_name,
    a_secret_is_filled_by_one_of_two,
);

fn certificates(names: &[&str]) -> ListenerTls {
    let reference = |name: &&str| (*name).to_owned().try_into().unwrap();
    ListenerTls { sni_containers: names.iter().map(reference).collect(), ..ListenerTls::default() }
}

fn material(slot: Slot, content: &str) -> SealedMaterial {
    let sealed = Sealed::new(content.to_owned());
    SealedMaterial { slot, project: project(), id: MaterialId::new(Uuid::new_v4()), sealed }
}

/// Everything in `slots`, with this content.
fn all(slots: Vec<Slot>, content: &'static str) -> Furnish {
    Furnish::with(move |_, _| Ok(slots.iter().map(|it| material(it.clone(), content)).collect()))
}

async fn front(store: &Store, lb: LoadBalancerId, names: &[&str]) -> Listener {
    let value = Listener { tls: certificates(names), ..listener(lb, 443) };
    let furnish = all(value.tls.slots(value.id), "first");
    store.create_listener(Furnished { value, furnish }).await.unwrap().value
}

/// What the agent gets: references and contents.
async fn sent(store: &Store, lb: LoadBalancerId) -> Vec<(String, String)> {
    place_all(store).await;
    let graph = store.graph(agent(), lb).await.unwrap().1.unwrap();
    let pair = |it: &SealedMaterial| {
        (it.slot.reference.as_str().to_owned(), it.sealed.as_str().to_owned())
    };
    graph.material.iter().map(pair).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

async fn material_comes_with_its_owner_and_goes_with_it(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = front(&store, lb, &["a", "b"]).await;
    assert_eq!(sent(&store, lb).await, pairs(&[("a", "first"), ("b", "first")]));
    serve(&store).await;
    store.delete::<Listener>(front.id).await.unwrap();
    assert_eq!(sent(&store, lb).await, []);
    let owner = TlsOwner::Listener(front.id);
    assert_eq!(store.material_of(owner).await.unwrap().len(), 2);
    serve(&store).await;
    assert_eq!(store.material_of(owner).await.unwrap(), []);
}

async fn a_change_keeps_what_it_does_not_name(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = front(&store, lb, &["a", "b"]).await;
    let edit = |it: &Listener| Ok(Listener { tls: certificates(&["b", "c"]), ..it.clone() });
    let owner = TlsOwner::Listener(front.id);
    let slot = |name: &str| Slot {
        owner,
        kind: MaterialKind::Certificate,
        reference: name.to_owned().try_into().unwrap(),
    };
    let (c, other) = (slot("c"), slot("unused"));
    let furnish = Furnish::with(move |_, there| {
        assert_eq!(there.len(), 2);
        Ok(vec![material(c.clone(), "second"), material(other.clone(), "second")])
    });
    store.update_furnished::<Listener>(front.id, edit, furnish).await.unwrap();
    assert_eq!(sent(&store, lb).await, pairs(&[("b", "first"), ("c", "second")]));
    store.update::<Listener>(front.id, |it| Ok(it.clone())).await.unwrap();
    assert_eq!(sent(&store, lb).await, pairs(&[("b", "first"), ("c", "second")]));

    let again = all(vec![slot("b")], "third");
    store.update_furnished::<Listener>(front.id, |it| Ok(it.clone()), again).await.unwrap();
    assert_eq!(sent(&store, lb).await, pairs(&[("b", "third"), ("c", "second")]));
}

async fn a_change_that_is_refused_leaves_the_material(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = front(&store, lb, &["a"]).await;
    let before = store.generation(lb).await.unwrap();
    let edit = |it: &Listener| Ok(Listener { tls: certificates(&["b"]), ..it.clone() });
    let furnish = Furnish::with(|_, _| Err(Violation::rule("no.")));
    let refused = store.update_furnished::<Listener>(front.id, edit, furnish).await.unwrap_err();
    assert_eq!(refused.to_string(), "Validation failure: no.");
    assert_eq!(store.generation(lb).await.unwrap(), before);
    assert_eq!(sent(&store, lb).await, pairs(&[("a", "first")]));
}

async fn a_load_balancer_has_so_much_material_and_no_more(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let front = front(&store, lb, &["a", "b"]).await;
    let half = "x".repeat(8 * 1024 * 1024);
    let bring = async |names: &[&str]| {
        let tls = certificates(names);
        let (slots, half) = (tls.slots(front.id), half.clone());
        let edit = move |it: &Listener| Ok(Listener { tls: tls.clone(), ..it.clone() });
        let furnish = Furnish::with(move |_, _| {
            Ok(slots.iter().map(|it| material(it.clone(), &half)).collect())
        });
        store.update_furnished::<Listener>(front.id, edit, furnish).await
    };
    bring(&["a", "b"]).await.unwrap();
    // What goes makes room for what comes.
    bring(&["b", "c"]).await.unwrap();
    let refused = bring(&["a", "b", "c"]).await.unwrap_err().to_string();
    assert!(refused.contains("more than 16 MiB"), "{refused}");
    let names: Vec<_> = sent(&store, lb).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "c"]);
    // Less is always taken.
    bring(&["c"]).await.unwrap();
}

async fn a_whole_load_balancer_brings_its_material(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let mut draft = draft("web");
    let lb = draft.load_balancer.id;
    let front = Listener { tls: certificates(&["a"]), ..listener(lb, 443) };
    let ca = Some("ca".to_owned().try_into().unwrap());
    let back = Pool { tls: PoolTls { ca, ..PoolTls::default() }, ..pool(lb) };
    let slots = [front.tls.slots(front.id), back.tls.slots(back.id)].concat();
    let (listener, pool) = (front.id, back.id);
    (draft.listeners, draft.pools) = (vec![front], vec![back]);
    draft.furnish = all(slots, "first");
    store.create_tree(draft, any_vip(), project()).await.unwrap();
    let mut sent = sent(&store, lb).await;
    sent.sort();
    assert_eq!(sent, pairs(&[("a", "first"), ("ca", "first")]));

    serve(&store).await;
    store.delete_load_balancer(lb, true).await.unwrap();
    serve(&store).await;
    for owner in [TlsOwner::Listener(listener), TlsOwner::Pool(pool)] {
        assert_eq!(store.material_of(owner).await.unwrap(), []);
    }
}

fn secret(name: &str, sealed: Option<&str>) -> KeptSecret {
    KeptSecret {
        id: id(),
        kind: SecretKind::Secret,
        project: project(),
        name: name.to_owned(),
        created_at: evenkeel_model::Timestamp::from_micros(0),
        updated_at: None,
        about: "{}".to_owned(),
        sealed: sealed.map(|text| Sealed::new(text.to_owned())),
    }
}

async fn keep(store: &Store, secret: KeptSecret) -> KeptSecret {
    let make = move |created_at| KeptSecret { created_at, ..secret.clone() };
    store.keep_secret(make).await.unwrap()
}

async fn everything_is_sealed_anew_in_batches(home: Home) {
    let store = home.open().await;
    settled_in(&store).await;
    let lb = load_balancer(&store).await;
    let names: Vec<String> = (0..150).map(|number| format!("{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    front(&store, lb, &names).await;
    let (mut after, mut batches) = (None, 0);
    let anew = |it: &SealedMaterial| {
        (it.slot.reference.as_str() != "007").then(|| Sealed::new("second".to_owned()))
    };
    while let Some(last) = store.reseal_material(after, anew).await.unwrap() {
        (after, batches) = (Some(last), batches + 1);
    }
    assert_eq!(batches, 3);
    let left: Vec<_> =
        sent(&store, lb).await.into_iter().filter(|(_, content)| content == "first").collect();
    assert_eq!(left, pairs(&[("007", "first")]));

    let kept = keep(&store, secret("s", Some("first"))).await;
    let anew = |_: &KeptSecret| Some(Sealed::new("second".to_owned()));
    assert_eq!(store.reseal_secrets(None, anew).await.unwrap(), Some(kept.id));
    assert_eq!(store.reseal_secrets(Some(kept.id), anew).await.unwrap(), None);
    let now = store.secret(SecretKind::Secret, kept.id).await.unwrap().unwrap();
    assert_eq!(now.sealed.unwrap().as_str(), "second");
}

async fn secrets_are_listed_by_project_and_name(home: Home) {
    let store = home.open().await;
    let mut made = Vec::new();
    for name in ["one", "two", "two"] {
        made.push(keep(&store, secret(name, None)).await);
    }
    let query = |name: Option<&str>, limit, offset| SecretQuery {
        project: project(),
        kind: SecretKind::Secret,
        name: name.map(str::to_owned),
        limit,
        offset,
    };
    let found = store.secrets(query(None, 2, 1)).await.unwrap();
    assert_eq!(found, (made[1..].to_vec(), 3));
    assert_eq!(store.secrets(query(Some("two"), 1, 0)).await.unwrap(), (vec![made[1].clone()], 2));
    let containers = SecretQuery { kind: SecretKind::Container, ..query(None, 9, 0) };
    assert_eq!(store.secrets(containers).await.unwrap(), (vec![], 0));
    assert_eq!(store.secret(SecretKind::Container, made[0].id).await.unwrap(), None);

    store.forget_secret(SecretKind::Secret, made[0].id).await.unwrap();
    store.forget_secret(SecretKind::Secret, made[0].id).await.unwrap();
    assert_eq!(store.secrets(query(None, 9, 0)).await.unwrap().1, 2);
}

async fn a_secret_is_filled_by_one_of_two(home: Home) {
    let store = home.open().await;
    let kept = keep(&store, secret("s", None)).await;
    let fill = |content: &'static str| {
        move |mut it: KeptSecret| {
            it.sealed.is_none().then_some(())?;
            it.sealed = Some(Sealed::new(content.to_owned()));
            Some(it)
        }
    };
    let kind = SecretKind::Secret;
    assert!(store.change_secret(kind, kept.id, fill("first")).await.unwrap().is_some());
    assert!(store.change_secret(kind, kept.id, fill("second")).await.unwrap().is_none());
    let now = store.secret(kind, kept.id).await.unwrap().unwrap();
    assert_eq!(now.sealed.unwrap().as_str(), "first");
    assert!(now.updated_at > Some(now.created_at));
}
