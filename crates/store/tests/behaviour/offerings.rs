//! Flavors, availability zones and their profiles.

use evenkeel_model::flavor::Allowance;
use evenkeel_model::offering::{Offering, OfferingKind, Profile};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{Label, ProfileData};
use evenkeel_model::{LoadBalancer, OfferingId, ProfileId};
use evenkeel_store::{Store, StoreError};

use crate::node::{World, draft, new, on_subnet};
use crate::scenario::{Home, scenarios};

scenarios! {
    a_name_is_taken_once_in_each_kind,
    a_profile_in_use_can_only_be_renamed,
    an_offering_that_a_load_balancer_names_stays,
    only_what_is_there_can_be_named,
    an_edit_that_fails_changes_nothing,
}

const KINDS: [OfferingKind; 2] = [OfferingKind::Flavor, OfferingKind::AvailabilityZone];

fn label(text: &str) -> Label {
    Label::try_from(text.to_owned()).unwrap()
}

async fn profile(store: &Store, kind: OfferingKind) -> Profile {
    let profile = Profile {
        id: new(),
        kind,
        name: label("p"),
        provider: ProviderName::new("haproxy"),
        data: ProfileData::try_from("{}".to_owned()).unwrap(),
    };
    store.create_profile(profile.clone()).await.unwrap();
    profile
}

fn offering(profile: &Profile, name: &str) -> Offering {
    Offering {
        id: new(),
        kind: profile.kind,
        name: label(name),
        description: Label::empty(),
        enabled: true,
        profile: profile.id,
    }
}

async fn a_name_is_taken_once_in_each_kind(home: Home) {
    let store = home.open().await;
    for kind in KINDS {
        let profile = profile(&store, kind).await;
        let first = offering(&profile, "gold");
        store.create_offering(first.clone()).await.unwrap();
        let second = offering(&profile, "gold");
        let refused = store.create_offering(second.clone()).await.unwrap_err();
        let text = format!("A {} of gold already exists.", kind.title().to_lowercase());
        assert_eq!(refused.to_string(), text);
        let second = Offering { name: label("silver"), ..second };
        store.create_offering(second.clone()).await.unwrap();
        let rename = |stored: &Offering| Ok(Offering { name: label("gold"), ..stored.clone() });
        let refused = store.update_offering(kind, second.id, rename).await.unwrap_err();
        assert_eq!(refused.to_string(), text);
        assert_eq!(store.update_offering(kind, first.id, rename).await.unwrap(), first);
        assert_eq!(store.offering(kind, first.id).await.unwrap(), first);
        assert_eq!(store.offering_named(kind, label("silver")).await.unwrap(), second);
        assert_eq!(store.offerings(kind).await.unwrap().len(), 2);
        // Of another kind, it is not there.
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            store.offering(other, first.id).await.unwrap_err();
            store.profile(other, profile.id).await.unwrap_err();
            store.delete_offering(other, first.id).await.unwrap_err();
        }
    }
}

async fn a_profile_in_use_can_only_be_renamed(home: Home) {
    let store = home.open().await;
    for kind in KINDS {
        let profile = profile(&store, kind).await;
        let offering = offering(&profile, "gold");
        store.create_offering(offering.clone()).await.unwrap();
        let rename = |stored: &Profile| Ok(Profile { name: label("q"), ..stored.clone() });
        let renamed = store.update_profile(kind, profile.id, rename).await.unwrap();
        assert_eq!(renamed.name, label("q"));
        let move_away = |stored: &Profile| {
            Ok(Profile { provider: ProviderName::new("octavia"), ..stored.clone() })
        };
        let in_use = |error: &StoreError| matches!(error, StoreError::OfferingInUse { .. });
        let refused = store.update_profile(kind, profile.id, move_away).await.unwrap_err();
        assert!(in_use(&refused), "{refused}");
        assert!(in_use(&store.delete_profile(kind, profile.id).await.unwrap_err()));
        assert_eq!(store.profiles(kind).await.unwrap(), std::slice::from_ref(&renamed));

        store.delete_offering(kind, offering.id).await.unwrap();
        let moved = store.update_profile(kind, profile.id, move_away).await.unwrap();
        assert_eq!(store.profile(kind, profile.id).await.unwrap(), moved);
        store.delete_profile(kind, profile.id).await.unwrap();
        let gone = store.delete_profile(kind, profile.id).await.unwrap_err();
        let text = format!("{} {} not found.", kind.profile_title(), profile.id);
        assert_eq!(gone.to_string(), text);
    }
}

async fn an_offering_that_a_load_balancer_names_stays(home: Home) {
    let world = World::open(&home).await;
    let store = &world.store;
    let flavor = offering(&profile(store, OfferingKind::Flavor).await, "gold");
    let zone = offering(&profile(store, OfferingKind::AvailabilityZone).await, "here");
    for offering in [&flavor, &zone] {
        store.create_offering(offering.clone()).await.unwrap();
    }
    let mut wanted = draft();
    wanted.load_balancer.flavor = Some(flavor.id);
    wanted.load_balancer.availability_zone = Some(zone.name.clone());
    wanted.load_balancer.allowance =
        Allowance { threads: 3.try_into().unwrap(), connections: 7.try_into().ok() };
    let made = world.create(wanted.clone(), on_subnet()).await.unwrap();
    assert_eq!(made.allowance, wanted.load_balancer.allowance);
    assert!(store.place(made.id, world.agent, None).await.unwrap());
    world.converge(made.id).await;
    let graph = store.graph(world.agent, made.id).await.unwrap().1.unwrap();
    assert_eq!(graph.load_balancer, made);

    let texts = [
        (&flavor, format!("Flavor {} is in use and cannot be modified.", flavor.id)),
        (&zone, "Availability Zone here is in use and cannot be modified.".to_owned()),
    ];
    for (offering, text) in &texts {
        let refused = store.delete_offering(offering.kind, offering.id).await.unwrap_err();
        assert_eq!(&refused.to_string(), text);
    }
    // It still goes; until then its names are names.
    store.delete_load_balancer(made.id, false).await.unwrap();
    for (offering, text) in &texts {
        let refused = store.delete_offering(offering.kind, offering.id).await.unwrap_err();
        assert_eq!(&refused.to_string(), text);
    }
    world.settle(Vec::new()).await;
    assert!(!world.has::<LoadBalancer>(made.id).await);
    for (offering, _) in &texts {
        store.delete_offering(offering.kind, offering.id).await.unwrap();
    }
}

async fn only_what_is_there_can_be_named(home: Home) {
    let world = World::open(&home).await;
    let mut wanted = draft();
    wanted.load_balancer.flavor = Some(new::<OfferingId>());
    let refused = world.create(wanted, on_subnet()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Validation failure: Invalid flavor_id.");
    let mut wanted = draft();
    wanted.load_balancer.availability_zone = Some(label("nowhere"));
    let refused = world.create(wanted, on_subnet()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Validation failure: Invalid availability zone.");
    assert_eq!(world.store.ports().await.unwrap(), [], "no address is kept");

    let flavors = profile(&world.store, OfferingKind::Flavor).await;
    let nothing = Offering { profile: new::<ProfileId>(), ..offering(&flavors, "x") };
    let refused = world.store.create_offering(nothing).await.unwrap_err();
    assert_eq!(refused.to_string(), "Validation failure: Invalid flavor_profile_id.");
    let strange = Offering { kind: OfferingKind::AvailabilityZone, ..offering(&flavors, "x") };
    let refused = world.store.create_offering(strange).await.unwrap_err();
    let text = "Validation failure: Invalid availability_zone_profile_id.";
    assert_eq!(refused.to_string(), text);
}

async fn an_edit_that_fails_changes_nothing(home: Home) {
    let store = home.open().await;
    let profile = profile(&store, OfferingKind::Flavor).await;
    let flavor = offering(&profile, "gold");
    store.create_offering(flavor.clone()).await.unwrap();
    let no = || evenkeel_model::Violation::option("None", "name");
    store.update_offering(flavor.kind, flavor.id, move |_| Err(no())).await.unwrap_err();
    store.update_profile(profile.kind, profile.id, move |_| Err(no())).await.unwrap_err();
    let off = |stored: &Offering| Ok(Offering { enabled: false, ..stored.clone() });
    let changed = store.update_offering(flavor.kind, flavor.id, off).await.unwrap();
    assert_eq!(changed, Offering { enabled: false, ..flavor });
    assert_eq!(store.offerings(OfferingKind::Flavor).await.unwrap(), [changed]);
    assert_eq!(store.profiles(OfferingKind::Flavor).await.unwrap(), [profile]);
}
