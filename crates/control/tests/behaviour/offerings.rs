//! What operators offer: flavors, availability zones, and their profiles (contract 2.8–2.11).

use evenkeel_model::number::Connections;
use serde_json::{Value, json};

use crate::lab::{Client, Lab, NETWORK, OWN, SUBNET, id};

const NOTHING: &str = "00000000-0000-0000-0000-000000000000";

/// A kind of thing that is offered, and how the API spells it.
#[derive(Clone, Copy)]
struct Kind {
    path: &'static str,
    root: &'static str,
    collection: &'static str,
    title: &'static str,
    profiles: &'static str,
    profile_root: &'static str,
    profile_collection: &'static str,
    profile_links: &'static str,
    profile_title: &'static str,
    data: &'static str,
}

const FLAVOR: Kind = Kind {
    path: "/flavors",
    root: "flavor",
    collection: "flavors",
    title: "Flavor",
    profiles: "/flavorprofiles",
    profile_root: "flavorprofile",
    profile_collection: "flavorprofiles",
    profile_links: "flavorprofile_links",
    profile_title: "Flavor Profile",
    data: "flavor_data",
};

const ZONE: Kind = Kind {
    path: "/availabilityzones",
    root: "availability_zone",
    collection: "availability_zones",
    title: "Availability Zone",
    profiles: "/availabilityzoneprofiles",
    profile_root: "availability_zone_profile",
    profile_collection: "availability_zone_profiles",
    profile_links: "availability_zone_profile_links",
    profile_title: "Availability Zone Profile",
    data: "availability_zone_data",
};

impl Kind {
    /// Creates a profile with these data; gives its id.
    async fn profile(self, client: Client<'_>, data: &Value) -> String {
        self.profile_of(client, "haproxy", data).await
    }

    async fn profile_of(self, client: Client<'_>, provider: &str, data: &Value) -> String {
        let body = json!({self.profile_root: {
            "name": "p", "provider_name": provider, self.data: data.to_string(),
        }});
        id(&client.create(self.profiles, body).await)
    }

    /// Creates one with this profile; gives what tenants name it by.
    async fn offer(self, client: Client<'_>, name: &str, profile: &str) -> String {
        let made = client.create(self.path, self.body(name, profile)).await;
        made["id"].as_str().map_or_else(|| name.to_owned(), str::to_owned)
    }

    fn body(self, name: &str, profile: &str) -> Value {
        let key = format!("{}_id", self.profile_field());
        json!({self.root: {"name": name, key: profile}})
    }

    fn profile_field(self) -> &'static str {
        if self.root == "flavor" { "flavor_profile" } else { "availability_zone_profile" }
    }
}

#[tokio::test]
async fn profiles_and_what_is_offered_with_them_live_and_go() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    for kind in [FLAVOR, ZONE] {
        let Kind { path, profiles, .. } = kind;
        let profile = kind.profile(admin, &json!({})).await;
        let shown = admin.get(&format!("{profiles}/{profile}")).await.is(200).json();
        let expected = json!({kind.profile_root: {
            "id": profile, "name": "p", "provider_name": "haproxy", kind.data: "{}",
        }});
        assert_eq!(shown, expected);

        let name = kind.offer(admin, "gold", &profile).await;
        let shown = admin.get(&format!("{path}/{name}")).await.is(200).only();
        let mut expected = json!({
            "name": "gold", "description": "", "enabled": true,
            format!("{}_id", kind.profile_field()): profile,
        });
        if kind.root == "flavor" {
            expected["id"] = json!(name);
        }
        assert_eq!(shown, expected);
        let again = admin.post(path, kind.body("gold", &profile)).await;
        let text = format!("A {} of gold already exists.", kind.title.to_lowercase());
        again.refused(409, &text);

        let body = json!({kind.root: {"description": "best", "enabled": false}});
        let changed = admin.put(&format!("{path}/{name}"), body).await.is(200).only();
        assert_eq!((&changed["description"], &changed["enabled"]), (&json!("best"), &json!(false)));
        let body = json!({kind.root: {"description": null}});
        let changed = admin.put(&format!("{path}/{name}"), body).await.is(200).only();
        assert_eq!((&changed["description"], &changed["enabled"]), (&json!(""), &json!(false)));
        let body = json!({kind.root: {}});
        admin.put(&format!("{path}/{name}"), body).await.is(200);

        let item = format!("{profiles}/{profile}");
        let words = if kind.root == "flavor" { "Flavor profile" } else { kind.profile_title };
        let text = format!("{words} {profile} is in use and cannot be modified.");
        admin.delete(&item).await.refused(409, &text);
        let other = json!({kind.profile_root: {"provider_name": "octavia"}});
        admin.put(&item, other.clone()).await.refused(409, &text);
        let other_data = json!({kind.profile_root: {kind.data: "{ }"}});
        admin.put(&item, other_data).await.refused(409, &text);
        let renamed = json!({kind.profile_root: {"name": "q"}});
        assert_eq!(admin.put(&item, renamed).await.is(200).only()["name"], "q");

        assert_eq!(admin.delete(&format!("{path}/{name}")).await.is(204).text, "");
        admin
            .get(&format!("{path}/{name}"))
            .await
            .refused(404, &format!("{} {name} not found.", kind.title));
        assert_eq!(admin.put(&item, other).await.is(200).only()["provider_name"], "octavia");
        assert_eq!(admin.delete(&item).await.is(204).text, "");
        let text = format!("{} {profile} not found.", kind.profile_title);
        admin.get(&item).await.refused(404, &text);
        admin.delete(&item).await.refused(404, &text);
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_to_whoever_may_ask() {
    let lab = Lab::new().await;
    for kind in [FLAVOR, ZONE] {
        for name in [NOTHING, "x"] {
            let item = format!("{}/{name}", kind.path);
            let text = format!("{} {name} not found.", kind.title);
            lab.member().get(&item).await.refused(404, &text);
            lab.admin().delete(&item).await.refused(404, &text);
            lab.admin().put(&item, json!({kind.root: {}})).await.refused(404, &text);
            let item = format!("{}/{name}", kind.profiles);
            let text = format!("{} {name} not found.", kind.profile_title);
            lab.admin().get(&item).await.refused(404, &text);
            lab.admin().put(&item, json!({kind.profile_root: {}})).await.refused(404, &text);
        }
    }
}

#[tokio::test]
async fn bodies_are_judged_in_the_words_of_the_contract() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    for kind in [FLAVOR, ZONE] {
        let profile = kind.profile(admin, &json!({})).await;
        let field = format!("{}_id", kind.profile_field());
        let refused = admin.post(kind.path, kind.body("x", NOTHING)).await;
        refused.refused(400, &format!("Validation failure: Invalid {field}."));
        let unnamed = admin.post(kind.path, json!({kind.root: {field.as_str(): profile}})).await;
        unnamed.refused(
            400,
            "Invalid input for field/attribute name. Value: 'None'. Mandatory field missing.",
        );
        let long = admin.post(kind.path, kind.body(&"x".repeat(256), &profile)).await;
        assert!(long.is(400).fault().ends_with("a maximum character requirement of 255"));
        let argument = format!("{}_", kind.root);
        admin
            .post(kind.path, json!({}))
            .await
            .refused(400, &format!("Missing argument: \"{argument}\""));

        let name = kind.offer(admin, "x", &profile).await;
        let item = format!("{}/{name}", kind.path);
        let null = admin.put(&item, json!({kind.root: {"enabled": null}})).await;
        null.refused(400, "None is not a valid option for enabled");
        let other = admin.put(&item, json!({kind.root: {field.as_str(): profile}})).await;
        let root = kind.root;
        let text = format!("Unknown attribute for argument {argument}.{root}: {field}");
        other.refused(400, &text);
    }
}

#[tokio::test]
async fn bodies_of_profiles_are_judged_in_the_words_of_the_contract() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    for kind in [FLAVOR, ZONE] {
        let profile = kind.profile(admin, &json!({})).await;
        let item = format!("{}/{profile}", kind.profiles);
        for field in ["name", "provider_name", kind.data] {
            let null = admin.put(&item, json!({kind.profile_root: {field: null}})).await;
            null.refused(400, &format!("None is not a valid option for {field}"));
        }
        let post = async |provider: &str, data: &str| {
            let body = json!({kind.profile_root: {
                "name": "x", "provider_name": provider, kind.data: data,
            }});
            admin.post(kind.profiles, body).await
        };
        let text = format!("{{bad is not a valid option for {}", kind.data);
        post("haproxy", "{bad").await.refused(400, &text);
        post("nobody", "{}").await.refused(400, "Provider 'nobody' is not enabled.");
        let text = "Provider 'haproxy' does not support a requested option: colour is not \
                    supported by this driver.";
        post("haproxy", r#"{"colour": "red"}"#).await.refused(501, text);
        assert!(post("haproxy", &" ".repeat(4097)).await.is(400).fault().contains("4096"));
        let object = json!({kind.profile_root: {
            "name": "x", "provider_name": "haproxy", kind.data: {},
        }});
        let object = admin.post(kind.profiles, object).await;
        assert!(object.is(400).fault().ends_with("Value should be string"), "{}", object.text);
        // Another provider is asked about what stays.
        if kind.root == "flavor" {
            let threads = kind.profile(admin, &json!({"nbthread": 2})).await;
            let body = json!({kind.profile_root: {"provider_name": "small"}});
            admin.put(&format!("{}/{threads}", kind.profiles), body).await.is(501);
        }
    }
}

#[tokio::test]
async fn a_name_belongs_to_one() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let taken = FLAVOR.profile(admin, &json!({})).await;
    let one = FLAVOR.offer(admin, "one", &taken).await;
    FLAVOR.offer(admin, "two", &taken).await;
    let item = format!("/flavors/{one}");
    let rename = admin.put(&item, json!({"flavor": {"name": "two"}})).await;
    rename.refused(409, "A flavor of two already exists.");
    admin.put(&item, json!({"flavor": {"name": "one"}})).await.is(200);
    let null = admin.put(&item, json!({"flavor": {"name": null}})).await;
    null.refused(400, "None is not a valid option for name");
    let zone = ZONE.profile(admin, &json!({})).await;
    ZONE.offer(admin, "x", &zone).await;
    let renamed = admin.put("/availabilityzones/x", json!({"availability_zone": {"name": "y"}}));
    let text = "Unknown attribute for argument availability_zone_.availability_zone: name";
    renamed.await.refused(400, text);
    for name in ["", ".", ".."] {
        admin.post("/availabilityzones", ZONE.body(name, &zone)).await.is(400);
    }
    // A profile of the other kind is none.
    admin.post("/flavors", FLAVOR.body("three", &zone)).await.is(400);
    admin.get(&format!("/flavorprofiles/{zone}")).await.is(404);
}

#[tokio::test]
async fn lists_are_sorted_narrowed_and_paged() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    for kind in [FLAVOR, ZONE] {
        let profile = kind.profile(admin, &json!({})).await;
        let mut named = Vec::new();
        for name in ["b", "c", "a"] {
            named.push(kind.offer(admin, name, &profile).await);
        }
        named.sort();
        let links = format!("{}_links", kind.collection);
        let key = if kind.root == "flavor" { "id" } else { "name" };
        let list = async |query: &str| {
            let whole = lab.member().get(&format!("{}{query}", kind.path)).await.is(200).json();
            let found = whole[kind.collection].as_array().unwrap().clone();
            (found, whole[&links].clone())
        };
        let (all, none) = list("").await;
        let keys: Vec<&str> = all.iter().map(|it| it[key].as_str().unwrap()).collect();
        assert_eq!((keys, none), (named.iter().map(String::as_str).collect(), json!([])));
        let (found, _) = list("?sort=name:desc&fields=name").await;
        assert_eq!(found, ["c", "b", "a"].map(|name| json!({"name": name})));
        assert_eq!(list("?name=b&enabled=true").await.0.len(), 1);
        assert_eq!(list("?enabled=false").await.0.len(), 0);
        assert_eq!(list(&format!("?{}_id={profile}", kind.profile_field())).await.0.len(), 3);

        let (page, links) = list("?limit=2&sort=name&fields=name").await;
        assert_eq!(page, ["a", "b"].map(|name| json!({"name": name})));
        assert!(links[0]["href"].as_str().unwrap().contains("limit=2&sort=name"), "{links}");
        let marker = all.iter().find(|it| it["name"] == "b").unwrap()[key].as_str().unwrap();
        let (rest, links) = list(&format!("?limit=2&sort=name&fields=name&marker={marker}")).await;
        assert_eq!(rest, [json!({"name": "c"})]);
        assert_eq!(links[0]["rel"], "previous");
        let bad = lab.member().get(&format!("{}?colour=red", kind.path)).await;
        bad.refused(400, "One or more arguments are either duplicate or invalid");

        let whole = admin.get(&format!("{}?provider_name=haproxy", kind.profiles)).await.json();
        assert_eq!(whole[kind.profile_collection][0]["id"], json!(profile));
        assert_eq!(whole[kind.profile_links], json!([]));
    }
}

#[tokio::test]
async fn a_zone_is_named_by_its_name_whatever_it_is() {
    let lab = Lab::new().await;
    let profile = ZONE.profile(lab.admin(), &json!({})).await;
    for (name, path) in [("a/b ü?", "a%2Fb%20%C3%BC%3F"), ("x%y", "x%25y"), (NOTHING, NOTHING)] {
        ZONE.offer(lab.admin(), name, &profile).await;
        let shown = lab.member().get(&format!("/availabilityzones/{path}")).await;
        assert_eq!(shown.is(200).only()["name"], name);
        lab.admin().delete(&format!("/availabilityzones/{path}")).await.is(204);
    }
}

#[tokio::test]
async fn a_load_balancer_has_the_flavor_it_asks_for() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let data = json!({"loadbalancer_topology": "SINGLE", "nbthread": 3, "connection_limit": 99});
    let profile = FLAVOR.profile_of(admin, "octavia", &data).await;
    let flavor = FLAVOR.offer(admin, "gold", &profile).await;
    let asked = |more: Value| {
        let mut body = json!({"vip_subnet_id": SUBNET, "flavor_id": flavor});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"loadbalancer": body})
    };
    let member = lab.member();
    let made = member.create("/loadbalancers", asked(json!({}))).await;
    assert_eq!((&made["flavor_id"], &made["provider"]), (&json!(flavor), &json!("octavia")));
    let root = format!("/loadbalancers/{}", id(&made));
    member.until_active(&root).await;
    let graphs = lab.agent.as_ref().unwrap().graphs.borrow().clone();
    let allowance = graphs[&id(&made).parse().unwrap()].load_balancer.allowance;
    assert_eq!(
        (allowance.threads.get(), allowance.connections.map(Connections::get)),
        (3, Some(99))
    );

    let mismatch = member.post("/loadbalancers", asked(json!({"provider": "haproxy"}))).await;
    let text = format!("Flavor '{flavor}' is not compatible with provider 'haproxy'");
    mismatch.refused(400, &text);
    member.create("/loadbalancers", asked(json!({"provider": "octavia"}))).await;
    member.create("/loadbalancers", asked(json!({"provider": null}))).await;
    let count = async |query: &str| {
        let list = member.get(&format!("/loadbalancers?{query}")).await.is(200).json();
        list["loadbalancers"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("flavor_id={flavor}")).await, 3);
    assert_eq!(count(&format!("flavor_id={NOTHING}")).await, 0);

    let text = format!("Flavor {flavor} is in use and cannot be modified.");
    admin.delete(&format!("/flavors/{flavor}")).await.refused(409, &text);
    let off = json!({"flavor": {"enabled": false}});
    admin.put(&format!("/flavors/{flavor}"), off).await.is(200);
    let disabled = member.post("/loadbalancers", asked(json!({}))).await;
    let text = format!("The selected flavor is not allowed in this deployment: {flavor}");
    disabled.refused(400, &text);
    let changed = member.put(&root, json!({"loadbalancer": {"name": "x"}})).await.is(200).only();
    assert_eq!(changed["flavor_id"], json!(flavor), "it keeps what it has");

    for body in [json!({"flavor_id": null}), json!({"flavor_id": NOTHING})] {
        let refused = member.post("/loadbalancers", asked(body)).await;
        refused.refused(400, "Validation failure: Invalid flavor_id.");
    }
    for found in member.get("/loadbalancers").await.json()["loadbalancers"].as_array().unwrap() {
        let root = format!("/loadbalancers/{}", id(found));
        member.delete(&root).await.is(204);
        member.until_gone(&root).await;
    }
    admin.delete(&format!("/flavors/{flavor}")).await.is(204);
}

#[tokio::test]
async fn a_load_balancer_is_in_the_zone_it_asks_for() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let here = ZONE.profile(admin, &json!({"valid_vip_networks": [NETWORK]})).await;
    let elsewhere = ZONE.profile(admin, &json!({"valid_vip_networks": [NOTHING]})).await;
    let anywhere = ZONE.profile(admin, &json!({})).await;
    for (name, profile) in [("here", here), ("elsewhere", elsewhere), ("anywhere", anywhere)] {
        ZONE.offer(admin, name, &profile).await;
    }
    let member = lab.member();
    let create = async |zone: Value| {
        let body = json!({"vip_subnet_id": SUBNET, "availability_zone": zone});
        member.post("/loadbalancers", json!({"loadbalancer": body})).await
    };
    create(json!("anywhere")).await.is(201);
    let made = create(json!("here")).await.is(201).only();
    assert_eq!(made["availability_zone"], "here");
    let root = format!("/loadbalancers/{}", id(&made));
    assert_eq!(member.get(&root).await.only()["availability_zone"], "here");
    create(json!("elsewhere")).await.refused(
        400,
        "Validation failure: Supplied VIP network_id is not allowed by the configuration of this \
         deployment.",
    );
    for zone in [json!(null), json!("nowhere")] {
        create(zone).await.refused(400, "Validation failure: Invalid availability zone.");
    }
    let list = member.get("/loadbalancers?availability_zone=here").await.json();
    assert_eq!(list["loadbalancers"].as_array().unwrap().len(), 1);
    let text = "Availability Zone here is in use and cannot be modified.";
    admin.delete("/availabilityzones/here").await.refused(409, text);
    admin.put("/availabilityzones/here", json!({"availability_zone": {"enabled": false}})).await;
    let text = "The selected availability_zone is not allowed in this deployment: here";
    create(json!("here")).await.refused(400, text);
}

#[tokio::test]
async fn a_zone_says_more_than_the_configuration() {
    let lab = Lab::with(|config, _| {
        config.deployment.valid_vip_networks = vec![uuid::Uuid::from_u128(0x99).into()];
    })
    .await;
    let profile = ZONE.profile(lab.admin(), &json!({"valid_vip_networks": [NETWORK]})).await;
    ZONE.offer(lab.admin(), "here", &profile).await;
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET}});
    lab.member().post("/loadbalancers", body).await.is(400);
    let body = json!({"loadbalancer": {"vip_subnet_id": SUBNET, "availability_zone": "here"}});
    lab.member().post("/loadbalancers", body).await.is(201);
}

#[tokio::test]
async fn providers_say_what_can_be_asked_of_them() {
    let lab = Lab::new().await;
    let admin = lab.admin();
    let names = async |path: &str, root: &str| {
        let list = admin.get(path).await.is(200).json();
        assert_eq!(list.as_object().unwrap().len(), 1, "no links: {list}");
        let found = list[root].as_array().unwrap().clone();
        found.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let flavors = "/providers/octavia/flavor_capabilities";
    let known = ["loadbalancer_topology", "nbthread", "connection_limit"];
    assert_eq!(names(flavors, "flavor_capabilities").await, known);
    let narrowed = format!("{flavors}?name=nbthread");
    assert_eq!(names(&narrowed, "flavor_capabilities").await, ["nbthread"]);
    let zones = "/providers/haproxy/availability_zone_capabilities";
    let known = ["valid_vip_networks", "compute_zone"];
    assert_eq!(names(zones, "availability_zone_capabilities").await, known);
    let fields = admin.get(&format!("{zones}?fields=name")).await.json();
    let only = json!({"availability_zone_capabilities": known.map(|name| json!({"name": name}))});
    assert_eq!(fields, only);
    let small = admin.get("/providers/small/flavor_capabilities").await.json();
    assert_eq!(small, json!({"flavor_capabilities": []}));
    for path in [flavors, zones] {
        lab.caller(OWN, "reader,member").get(path).await.is(403);
        admin.get(&format!("{path}?id=x")).await.is(400);
    }
    for key in ["flavor_capabilities", "availability_zone_capabilities"] {
        let nobody = admin.get(&format!("/providers/nobody/{key}")).await;
        nobody.refused(400, "Provider 'nobody' is not enabled.");
    }
}
