//! Certificates: fetched when they are named, judged, kept, and handed to the node that serves.

use std::pin::pin;

use evenkeel_control::{ControlPlane, Services, rotation};
use evenkeel_model::tls::{MaterialId, MaterialKind, SealedMaterial, TlsOwner, TlsVersion};
use evenkeel_model::{ListenerId, LoadBalancerGraph};
use evenkeel_vault::fixtures::{Authority, Identity, openssl};
use evenkeel_vault::{Context, MasterKeys};
use serde_json::{Value, json};

use crate::lab::{Answer, Lab, OTHER, OWN, SUBNET, id};
use crate::shelf::Kept;

/// A lab in which the project has a certificate `a`, an authority `ca` and its revocations `crl`.
async fn furnished() -> (Lab, Authority) {
    let lab = Lab::new().await;
    let authority = Authority::new("Clients");
    let server = authority.server(&["www.example.test"]);
    let mallory = authority.client("mallory");
    lab.shelf.put(OWN, "a", container(&server));
    lab.shelf.put(OWN, "ca", Kept::Secret(authority.certificate().to_owned()));
    lab.shelf.put(OWN, "crl", Kept::Secret(authority.revocations(&[&mallory])));
    (lab, authority)
}

fn container(identity: &Identity) -> Kept {
    Kept::Certificate {
        certificate: identity.certificate.clone(),
        private_key: identity.key.clone(),
        passphrase: None,
    }
}

fn listener(load_balancer: &str, fields: impl Into<Value>) -> Value {
    let mut listener = json!({
        "loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
        "default_tls_container_ref": "a",
    });
    for (name, value) in fields.into().as_object().unwrap() {
        listener[name] = value.clone();
    }
    json!({"listener": listener})
}

impl Lab {
    /// What the agent holds of the only load balancer, once it is served.
    async fn held(&self, load_balancer: &str) -> LoadBalancerGraph {
        self.member().until_active(&format!("/loadbalancers/{load_balancer}")).await;
        let graphs = self.agent.as_ref().unwrap().graphs.borrow().clone();
        graphs.into_values().find(|it| it.load_balancer.id.to_string() == load_balancer).unwrap()
    }

    /// What the node opens: kinds, references, ids and contents.
    async fn opened(&self, load_balancer: &str) -> Vec<(MaterialKind, String, MaterialId, String)> {
        let node = &self.agent.as_ref().unwrap().key;
        let open = |it: &SealedMaterial| {
            let context = Context::of_slot(&it.project, &it.slot);
            let pem = node.open(&it.sealed, &context).unwrap();
            let text = String::from_utf8(pem.expose().to_vec()).unwrap();
            (it.slot.kind, it.slot.reference.as_str().to_owned(), it.id, text)
        };
        self.held(load_balancer).await.material.iter().map(open).collect()
    }

    async fn kept(&self, listener: &str) -> Vec<SealedMaterial> {
        let owner = TlsOwner::Listener(listener.parse::<ListenerId>().unwrap());
        self.control.store().material_of(owner).await.unwrap()
    }
}

#[tokio::test]
async fn versions_and_ciphers_that_nobody_chose_are_those_of_today() {
    let (lab, _) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let made = lab.member().create("/listeners", listener(&lb, json!({}))).await;
    assert_eq!(made["tls_versions"], json!(["TLSv1.2", "TLSv1.3"]));
    assert!(made["tls_ciphers"].as_str().is_some_and(|it| it.contains("GCM")), "{made}");
    let held = lab.held(&lb).await;
    let tls = &held.listeners[0].tls;
    assert_eq!(tls.versions, Some(vec![TlsVersion::V1_2, TlsVersion::V1_3]));
    assert!(tls.ciphers.is_some());
}

#[tokio::test]
async fn the_node_gets_what_the_listener_names() {
    let (lab, _) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let fields = json!({
        "sni_container_refs": ["a"], "client_ca_tls_container_ref": "ca",
        "client_crl_container_ref": "crl", "client_authentication": "MANDATORY",
    });
    lab.member().create("/listeners", listener(&lb, fields)).await;
    assert_eq!(lab.shelf.take_fetched(), ["a", "ca", "crl"]);
    let opened = lab.opened(&lb).await;
    let kinds: Vec<_> = opened.iter().map(|(kind, ..)| *kind).collect();
    let expected =
        [MaterialKind::Authorities, MaterialKind::Certificate, MaterialKind::Revocations];
    assert_eq!(kinds, expected);
    assert!(opened[1].3.contains("PRIVATE KEY") && opened[1].3.contains("BEGIN CERTIFICATE"));
    assert!(!opened[0].3.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_pool_and_a_whole_load_balancer_bring_theirs_as_well() {
    let (lab, _) = furnished().await;
    let tree = json!({"loadbalancer": {
        "vip_subnet_id": SUBNET,
        "listeners": [{
            "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
            "default_tls_container_ref": "a", "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "tls_enabled": true, "ca_tls_container_ref": "ca",
            },
        }],
    }});
    let lb = id(&lab.member().create("/loadbalancers", tree).await);
    assert_eq!(lab.opened(&lb).await.len(), 2);
    let body = json!({"pool": {
        "loadbalancer_id": lb, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "tls_enabled": true, "tls_container_ref": "a", "ca_tls_container_ref": "ca",
        "crl_container_ref": "crl",
    }});
    let pool = id(&lab.member().create("/pools", body).await);
    assert_eq!(lab.opened(&lb).await.len(), 5);
    let off = json!({"pool": {"crl_container_ref": null, "tls_container_ref": null}});
    lab.member().put(&format!("/pools/{pool}"), off).await.is(200);
    assert_eq!(lab.opened(&lb).await.len(), 3);
}

#[tokio::test]
async fn what_is_not_named_is_neither_fetched_nor_lost() {
    let (lab, _) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let made = lab.member().create("/listeners", listener(&lb, json!({}))).await;
    let before = lab.opened(&lb).await;
    lab.shelf.silence(true);
    lab.shelf.take_fetched();
    let path = format!("/listeners/{}", id(&made));
    lab.member().put(&path, json!({"listener": {"name": "other"}})).await.is(200);
    assert_eq!(lab.opened(&lb).await, before);
    assert_eq!(lab.shelf.take_fetched(), [""; 0]);

    let named = json!({"listener": {"default_tls_container_ref": "a"}});
    let refused = lab.member().put(&path, named).await;
    refused.refused(503, "The key manager does not answer. Please try again.");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(lab.opened(&lb).await, before);
    // Deleting asks nobody.
    lab.member().delete(&format!("/loadbalancers/{lb}?cascade=true")).await.is(204);
    lab.member().until_gone(&format!("/loadbalancers/{lb}")).await;
    assert_eq!(lab.kept(&id(&made)).await, []);
}

#[tokio::test]
async fn a_reference_named_again_is_fetched_again_and_only_news_is_another_material() {
    let (lab, authority) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let made = lab.member().create("/listeners", listener(&lb, json!({}))).await;
    let first = lab.opened(&lb).await;
    let path = format!("/listeners/{}", id(&made));
    let again = json!({"listener": {"default_tls_container_ref": "a"}});
    lab.member().put(&path, again.clone()).await.is(200);
    assert_eq!(lab.opened(&lb).await, first);

    lab.shelf.put(OWN, "a", container(&authority.server(&["www.example.test"])));
    lab.member().put(&path, json!({"listener": {"name": "other"}})).await.is(200);
    assert_eq!(lab.opened(&lb).await, first);
    lab.member().put(&path, again).await.is(200);
    let second = lab.opened(&lb).await;
    assert_eq!(second.len(), 1);
    assert_ne!(second[0].2, first[0].2);
    assert_ne!(second[0].3, first[0].3);
}

async fn attempt(lab: &Lab, lb: &str, fields: Value) -> Answer {
    lab.member().post("/listeners", listener(lb, fields)).await
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_nothing_remains() {
    let (lab, authority) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let (one, other) = (authority.server(&["one.test"]), authority.server(&["two.test"]));
    let mismatched = Kept::Certificate {
        certificate: one.certificate.clone(),
        private_key: other.key,
        passphrase: None,
    };
    lab.shelf.put(OWN, "mismatched", mismatched);
    lab.shelf.put(OWN, "text", Kept::Secret("no certificate".to_owned()));
    lab.shelf.put(OTHER, "theirs", container(&one));
    let stranger = Authority::new("Stranger");
    lab.shelf.put(OWN, "foreign crl", Kept::Secret(stranger.revocations(&[])));

    attempt(&lab, &lb, json!({"default_tls_container_ref": "mismatched"})).await.refused(
        400,
        "Validation failure: The certificate 'mismatched' cannot be used. The private key does \
         not belong to the certificate.",
    );
    // Somebody else's is no other than none.
    for unknown in ["theirs", "nobody's"] {
        let text = format!("Could not retrieve certificate: ['{unknown}']");
        let fields = json!({"default_tls_container_ref": unknown});
        attempt(&lab, &lb, fields).await.refused(400, &text);
    }
    attempt(&lab, &lb, json!({"sni_container_refs": ["y", "a", "x"]}))
        .await
        .refused(400, "Could not retrieve certificate: ['x', 'y']");
    for (fields, begin) in [
        (
            json!({"client_ca_tls_container_ref": "text"}),
            "Validation failure: The client authentication CA certificate is invalid.",
        ),
        (
            json!({"client_ca_tls_container_ref": "ca", "client_crl_container_ref": "text"}),
            "Validation failure: The client authentication certificate revocation list is invalid.",
        ),
        (
            json!({"client_ca_tls_container_ref": "ca", "client_crl_container_ref": "foreign crl"}),
            "Validation failure: The CRL specified is not valid for client certificate authority \
             reference supplied.",
        ),
        (json!({"client_ca_tls_container_ref": "a"}), "Could not retrieve certificate: ['a']"),
        (json!({"default_tls_container_ref": "text"}), "The PKCS12 bundle is unreadable."),
    ] {
        let refused = attempt(&lab, &lb, fields.clone()).await;
        assert_eq!(refused.status.as_u16(), 400, "{fields}: {}", refused.text);
        assert!(refused.fault().starts_with(begin), "{fields}: {}", refused.text);
    }
    let listeners = lab.member().get("/listeners").await.json();
    assert_eq!(listeners["listeners"], json!([]));
}

#[tokio::test]
async fn what_takes_long_to_open_delays_nobody_else() {
    let (lab, authority) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let one = authority.server(&["one.test"]);
    let place = tempfile::tempdir().unwrap();
    let key = place.path().join("key");
    std::fs::write(&key, &one.key).unwrap();
    let words = ["pkcs8", "-topk8", "-passout", "pass:right", "-iter", "1900000"];
    let encrypted = openssl(&words, &[("-in", &key)]);
    let slow = Kept::Certificate {
        certificate: one.certificate,
        private_key: encrypted,
        passphrase: Some("wrong".to_owned()),
    };
    lab.shelf.put(OWN, "slow", slow);
    lab.shelf.take_fetched();
    let slow = attempt(&lab, &lb, json!({"default_tls_container_ref": "slow"}));
    let mut slow = pin!(slow);
    // From when it is fetched, a second is spent on it.
    let quick = async {
        while lab.shelf.take_fetched().is_empty() {
            tokio::task::yield_now().await;
        }
        lab.member().get("/listeners").await.is(200);
    };
    tokio::select! {
        biased;
        answer = &mut slow => panic!("it was waited for: {}", answer.text),
        () = quick => {}
    }
    let refused = slow.await;
    assert!(refused.fault().contains("the pass phrase is wrong"), "{}", refused.text);
}

#[tokio::test]
async fn a_secret_counts_as_often_as_it_is_kept() {
    let (lab, _) = furnished().await;
    lab.shelf.take_fetched();
    let listener = |port: u16| {
        json!({
            "protocol": "TERMINATED_HTTPS", "protocol_port": port,
            "default_tls_container_ref": "a",
        })
    };
    let tree = |count: u16| {
        let listeners: Vec<Value> = (1000..1000 + count).map(listener).collect();
        json!({"loadbalancer": {"vip_subnet_id": SUBNET, "listeners": listeners}})
    };
    let refused = lab.member().post("/loadbalancers", tree(101)).await;
    refused.refused(400, "Validation failure: A request can name at most 100 secrets.");
    assert_eq!(lab.shelf.take_fetched(), [""; 0]);
    lab.member().create("/loadbalancers", tree(100)).await;
    assert_eq!(lab.shelf.take_fetched(), ["a"]);
}

#[tokio::test]
async fn revocations_alone_are_judged_by_the_authority_that_is_kept() {
    let (lab, authority) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let stranger = Authority::new("Stranger");
    lab.shelf.put(OWN, "stranger", Kept::Secret(stranger.certificate().to_owned()));
    lab.shelf.put(OWN, "foreign crl", Kept::Secret(stranger.revocations(&[])));
    lab.shelf.put(OWN, "second crl", Kept::Secret(authority.revocations(&[])));
    let fields = json!({"client_ca_tls_container_ref": "ca", "client_crl_container_ref": "crl"});
    let made = lab.member().create("/listeners", listener(&lb, fields)).await;
    let path = format!("/listeners/{}", id(&made));
    let unsigned = "Validation failure: The CRL specified is not valid for client certificate \
                    authority reference supplied.";
    for body in [
        json!({"listener": {"client_crl_container_ref": "foreign crl"}}),
        json!({"listener": {"client_ca_tls_container_ref": "stranger"}}),
    ] {
        lab.member().put(&path, body).await.refused(400, unsigned);
    }
    lab.shelf.take_fetched();
    let body = json!({"listener": {"client_crl_container_ref": "second crl"}});
    lab.member().put(&path, body).await.is(200);
    assert_eq!(lab.shelf.take_fetched(), ["second crl"]);
    let both = json!({"listener": {
        "client_ca_tls_container_ref": "stranger", "client_crl_container_ref": "foreign crl",
    }});
    lab.member().put(&path, both).await.is(200);
    assert_eq!(lab.opened(&lb).await.len(), 3);
}

#[tokio::test]
async fn nothing_in_the_store_opens_for_another_purpose() {
    let (lab, _) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let made = lab.member().create("/listeners", listener(&lb, json!({}))).await;
    let kept = lab.kept(&id(&made)).await.remove(0);
    let keys = lab.keyring.keys();
    let own = Context::of_slot(&kept.project, &kept.slot);
    assert!(keys.open(&kept.sealed, &own).is_ok());
    let mut elsewhere = kept.slot.clone();
    elsewhere.owner = TlsOwner::Listener(ListenerId::new(uuid::Uuid::from_u128(9)));
    assert!(keys.open(&kept.sealed, &Context::of_slot(&kept.project, &elsewhere)).is_err());
}

#[tokio::test]
async fn a_lost_master_key_is_told_and_stops_no_other_load_balancer() {
    let lab = Lab::with(|config, _| {
        config.bounds.pending = std::time::Duration::from_millis(300);
    });
    let lab = lab.await;
    let authority = Authority::new("CA");
    lab.shelf.put(OWN, "a", container(&authority.server(&["a.test"])));
    let first = lab.member().load_balancer().await;
    let path = format!("/loadbalancers/{first}");
    let made = lab.member().create("/listeners", listener(&first, json!({}))).await;
    lab.member().until_active(&path).await;
    lab.keyring.replace(MasterKeys::generate());
    lab.member().put(&path, json!({"loadbalancer": {"name": "x"}})).await.is(200);
    let broken = lab.member().until(&path, "provisioning_status", "ERROR").await;
    let reason = broken["status_reason"].as_str().unwrap();
    assert!(reason.contains("'a'") && reason.contains("update the listener"), "{reason}");

    let second = lab.member().load_balancer().await;
    lab.member().create("/listeners", listener(&second, json!({}))).await;
    lab.member().until_active(&format!("/loadbalancers/{second}")).await;

    let cure = json!({"listener": {"default_tls_container_ref": "a"}});
    lab.member().put(&format!("/listeners/{}", id(&made)), cure).await.is(200);
    lab.member().until_active(&path).await;
}

#[tokio::test]
async fn everything_is_sealed_with_the_new_master_key_and_opens_without_the_old_one() {
    let (lab, _) = furnished().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("master.key");
    let ring = evenkeel_vault::Keyring::open_or_make(&path).unwrap();
    lab.keyring.replace(MasterKeys::read(&path).unwrap());
    let lb = lab.member().load_balancer().await;
    let made = lab.member().create("/listeners", listener(&lb, json!({}))).await;
    let before = lab.opened(&lb).await;

    let old = ring.keys().ids();
    MasterKeys::rotate(&path).unwrap();
    rotation::finish(lab.control.store(), &ring).await.unwrap();
    let new = MasterKeys::read(&path).unwrap();
    assert_eq!(new.ids().len(), 1);
    assert_ne!(new.ids(), old);
    assert!(lab.kept(&id(&made)).await.iter().all(|it| new.is_current(&it.sealed)));
    rotation::finish(lab.control.store(), &ring).await.unwrap();
    assert_eq!(MasterKeys::read(&path).unwrap().ids(), new.ids());

    lab.keyring.replace(new);
    let body = json!({"loadbalancer": {"name": "x"}});
    lab.member().put(&format!("/loadbalancers/{lb}"), body).await.is(200);
    assert_eq!(lab.opened(&lb).await, before);
}

#[tokio::test]
async fn without_a_key_manager_no_secret_can_be_named() {
    let mut lab = Lab::new().await;
    let lb = lab.member().load_balancer().await;
    let services = Services { identity: None, key_store: None, keyring: lab.keyring.clone() };
    let (config, store) = (lab.control.config().clone(), lab.control.store().clone());
    lab.app = ControlPlane::start(config, store, services).unwrap().router();
    lab.member().post("/listeners", listener(&lb, json!({}))).await.refused(
        501,
        "Certificates cannot be used, because no key manager is configured. Ask the operator to \
         configure one, or use another protocol.",
    );
    lab.member().listener(&lb, 80).await;
}

#[tokio::test]
async fn a_request_names_no_more_secrets_than_are_fetched_in_time() {
    let (lab, _) = furnished().await;
    let lb = lab.member().load_balancer().await;
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    attempt(&lab, &lb, json!({"sni_container_refs": many}))
        .await
        .refused(400, "Validation failure: A request can name at most 100 secrets.");
    assert_eq!(lab.shelf.take_fetched(), [""; 0]);
    attempt(&lab, &lb, json!({"sni_container_refs": vec!["a"; 200]})).await.is(201);
}
