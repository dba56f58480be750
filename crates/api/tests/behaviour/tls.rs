//! The rules of TLS (contract 3.7, 3.8), when something is created and when it is changed.

use evenkeel_api::{Deployment, listener, pool};
use evenkeel_model::tls::{Alpn, TlsVersion};
use evenkeel_model::{Listener, ListenerId, LoadBalancerId, Pool, PoolId, Violation};
use serde_json::{Value, json};

use crate::{decode, defaults, id};

fn with(mut body: Value, with: Value) -> Value {
    let Value::Object(fields) = with else { panic!("{with}") };
    body.as_object_mut().unwrap().extend(fields);
    body
}

fn listener_in(
    protocol: &str,
    fields: Value,
    deployment: &Deployment,
) -> Result<Listener, Violation> {
    let body = json!({"loadbalancer_id": id(1), "protocol": protocol, "protocol_port": 443});
    let create: listener::Create = decode(&json!({"listener": with(body, fields)})).unwrap();
    create.into_listener(ListenerId::new(id(2)), deployment)
}

fn listener(protocol: &str, fields: Value) -> Result<Listener, Violation> {
    listener_in(protocol, fields, &defaults())
}

fn change(stored: &Listener, fields: Value) -> Result<Listener, Violation> {
    let update: listener::Update = decode(&json!({"listener": fields})).unwrap();
    update.apply(stored, &defaults())
}

fn pool(fields: Value) -> Result<Pool, Violation> {
    let body = json!({"loadbalancer_id": id(1), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"});
    let create: pool::Create = decode(&json!({"pool": with(body, fields)})).unwrap();
    create.into_pool(PoolId::new(id(2)), LoadBalancerId::new(id(1)), &defaults())
}

fn change_pool(stored: &Pool, fields: Value) -> Result<Pool, Violation> {
    let update: pool::Update = decode(&json!({"pool": fields})).unwrap();
    update.apply(stored, &defaults())
}

#[track_caller]
fn refused<T>(made: Result<T, Violation>, text: &str) {
    assert_eq!(made.err().expect("refused").to_string(), format!("Validation failure: {text}"));
}

/// A listener that ends TLS and asks for certificates.
fn mutual() -> Listener {
    let fields = json!({
        "default_tls_container_ref": "c", "client_ca_tls_container_ref": "ca",
        "client_crl_container_ref": "crl", "client_authentication": "MANDATORY",
    });
    listener("TERMINATED_HTTPS", fields).unwrap()
}

const NEEDED: &str = "An SNI or default certificate container reference must be provided for TERMINATED_HTTPS \
     protocol listeners.";

#[test]
fn whoever_ends_tls_has_a_certificate_and_nobody_else() {
    refused(listener("TERMINATED_HTTPS", json!({})), NEEDED);
    assert!(listener("TERMINATED_HTTPS", json!({"sni_container_refs": ["a"]})).is_ok());
    let stored = mutual();
    refused(change(&stored, json!({"default_tls_container_ref": null})), NEEDED);
    let moved = json!({"default_tls_container_ref": null, "sni_container_refs": ["a"]});
    assert!(change(&stored, moved).is_ok());

    let metrics = |fields| listener("PROMETHEUS", fields);
    assert!(metrics(json!({})).is_ok());
    assert!(metrics(json!({"default_tls_container_ref": "c"})).is_ok());
    refused(
        metrics(json!({"client_ca_tls_container_ref": "ca"})),
        "An SNI or default certificate container reference must be provided for PROMETHEUS with \
         TLS protocol listeners.",
    );
    for protocol in ["TCP", "HTTP", "HTTPS"] {
        for fields in [
            json!({"default_tls_container_ref": "c"}),
            json!({"sni_container_refs": ["c"]}),
            json!({"client_ca_tls_container_ref": "ca"}),
            json!({"client_crl_container_ref": "crl"}),
        ] {
            let text = format!(
                "Certificate container references are not allowed on {protocol} protocol \
                 listeners."
            );
            refused(listener(protocol, fields.clone()), &text);
            refused(change(&listener(protocol, json!({})).unwrap(), fields), &text);
        }
    }
}

#[test]
fn datagrams_have_no_tls() {
    for protocol in ["UDP", "SCTP"] {
        let stored = listener(protocol, json!({})).unwrap();
        for fields in [
            json!({"default_tls_container_ref": "c"}),
            json!({"client_ca_tls_container_ref": "ca"}),
            json!({"client_authentication": "OPTIONAL"}),
        ] {
            let text = format!("{protocol} protocol listener does not support TLS");
            refused(listener(protocol, fields.clone()), &format!("{text}."));
            refused(change(&stored, fields), &format!("{text} or header insertion."));
        }
    }
}

#[test]
fn clients_are_asked_only_with_an_authority() {
    let own = json!({"default_tls_container_ref": "c"});
    for wanted in ["OPTIONAL", "MANDATORY"] {
        let text = format!(
            "Client authentication setting {wanted} requires a client CA container reference."
        );
        let fields = with(own.clone(), json!({"client_authentication": wanted}));
        refused(listener("TERMINATED_HTTPS", fields), &text);
    }
    let crl = "A client authentication CA reference is required to specify a client \
               authentication revocation list.";
    let fields = with(own, json!({"client_crl_container_ref": "crl"}));
    refused(listener("TERMINATED_HTTPS", fields), crl);

    let stored = mutual();
    refused(
        change(&stored, json!({"client_ca_tls_container_ref": null})),
        "Client authentication setting MANDATORY requires a client CA container reference.",
    );
    let off = json!({"client_ca_tls_container_ref": null, "client_authentication": "NONE"});
    refused(change(&stored, off.clone()), crl);
    let all_off = with(off, json!({"client_crl_container_ref": null}));
    assert!(change(&stored, all_off).is_ok());
    // Null is NONE where there is an authority.
    let asked = change(&stored, json!({"client_authentication": null})).unwrap();
    assert_eq!(asked.tls.client_authentication.word(), "NONE");
}

#[test]
fn defaults_are_stored_where_tls_ends_and_nowhere_else() {
    let ended = mutual().tls;
    assert_eq!(ended.versions, Some(vec![TlsVersion::V1_2, TlsVersion::V1_3]));
    assert_eq!(ended.alpn, Some(vec![Alpn::H2, Alpn::Http11, Alpn::Http10]));
    assert!(ended.ciphers.is_some());
    for (protocol, fields) in
        [("HTTP", json!({})), ("PROMETHEUS", json!({"default_tls_container_ref": "c"}))]
    {
        let tls = listener(protocol, fields).unwrap().tls;
        assert_eq!((tls.ciphers, tls.versions, tls.alpn), (None, None, None), "{protocol}");
    }
    // But null in a change is the default, whatever the protocol.
    let plain = listener("HTTP", json!({})).unwrap();
    let nulls = json!({"tls_ciphers": null, "tls_versions": null, "alpn_protocols": null});
    let reset = change(&plain, nulls).unwrap().tls;
    assert!(reset.ciphers.is_some() && reset.versions.is_some() && reset.alpn.is_some());
}

#[test]
fn what_is_said_about_tls_is_judged_where_it_ends() {
    let own = json!({"default_tls_container_ref": "c"});
    for (fields, text) in [
        (json!({"tls_versions": []}), "Empty TLS version list."),
        (json!({"alpn_protocols": []}), "Empty ALPN protocol list."),
    ] {
        let begins = |made: Result<Listener, Violation>| {
            let said = made.expect_err("refused").to_string();
            assert!(said.starts_with(&format!("Validation failure: {text}")), "{said}");
        };
        begins(listener("TERMINATED_HTTPS", with(own.clone(), fields.clone())));
        begins(listener("PROMETHEUS", with(own.clone(), fields.clone())));
        begins(change(&mutual(), fields.clone()));
        begins(change(&listener("HTTP", json!({})).unwrap(), fields.clone()));
        // Elsewhere it is stored as it is said.
        assert!(listener("HTTP", fields.clone()).is_ok());
        assert!(pool(with(json!({"tls_enabled": true}), fields.clone())).is_err());
        assert!(pool(fields.clone()).is_ok());
        assert!(change_pool(&pool(json!({})).unwrap(), fields).is_err());
    }
}

#[test]
fn an_operator_can_forbid_old_versions_and_weak_ciphers() {
    let mut strict = defaults();
    strict.minimum_tls_version = Some(TlsVersion::V1_2);
    strict.tls_cipher_prohibit_list = vec!["AES128-SHA".to_owned(), "RC4-SHA".to_owned()];
    let own = json!({"default_tls_container_ref": "c"});
    let made = |fields| listener_in("TERMINATED_HTTPS", with(own.clone(), fields), &strict);
    refused(
        made(json!({"tls_versions": ["TLSv1", "TLSv1.2"]})),
        "Requested TLS versions are less than the minimum: TLSv1 < TLSv1.2",
    );
    refused(
        made(json!({"tls_ciphers": "RC4-SHA:AES256-SHA:AES128-SHA"})),
        "The following ciphers have been prohibited by an administrator: RC4-SHA, AES128-SHA",
    );
    assert!(made(json!({"tls_ciphers": "AES256-SHA"})).is_ok());
    strict.allow_tls_terminated_listeners = false;
    let made = listener_in("TERMINATED_HTTPS", own, &strict).unwrap_err().to_string();
    assert_eq!(made, "The selected protocol is not allowed in this deployment: TERMINATED_HTTPS");
}

#[test]
fn hsts_is_for_tls_and_its_options_for_those_with_an_age() {
    let stored = mutual();
    for option in ["hsts_include_subdomains", "hsts_preload"] {
        refused(
            change(&stored, json!({option: true})),
            "Cannot enable hsts_include_subdomains or hsts_preload if hsts_max_age was not set \
             as well.",
        );
        let both = change(&stored, json!({option: true, "hsts_max_age": 5})).unwrap();
        assert!(change(&both, json!({"hsts_max_age": null})).is_err());
        assert!(change(&both, json!({"hsts_max_age": null, option: null})).is_ok());
    }
    let only = "The HSTS feature can only be used for listeners using the TERMINATED_HTTPS \
                protocol.";
    for protocol in ["HTTP", "TCP", "PROMETHEUS"] {
        refused(listener(protocol, json!({"hsts_max_age": 5})), only);
        refused(change(&listener(protocol, json!({})).unwrap(), json!({"hsts_max_age": 5})), only);
    }
}

#[test]
fn headers_about_clients_are_for_tls() {
    let headers = json!({"insert_headers": {"X-SSL-Client-DN": "true"}});
    assert!(change(&mutual(), headers.clone()).is_ok());
    let told = change(&listener("HTTP", json!({})).unwrap(), headers).unwrap_err().to_string();
    assert_eq!(told, "['X-SSL-Client-DN'] is not a valid option for HTTP protocol listener.");
}

#[test]
fn a_pool_has_revocations_only_with_an_authority() {
    refused(
        pool(json!({"crl_container_ref": "crl"})),
        "A CA certificate reference is required to specify a revocation list.",
    );
    let both = pool(json!({"ca_tls_container_ref": "ca", "crl_container_ref": "crl"})).unwrap();
    refused(
        change_pool(&both, json!({"ca_tls_container_ref": null})),
        "A CA reference cannot be removed when a certificate revocation list is present.",
    );
    let off = json!({"ca_tls_container_ref": null, "crl_container_ref": null});
    assert!(change_pool(&both, off).is_ok());
    refused(
        change_pool(&pool(json!({})).unwrap(), json!({"crl_container_ref": "crl"})),
        "A CA reference is required to specify a certificate revocation list.",
    );
}

#[test]
fn a_pool_has_defaults_only_with_tls() {
    let plain = pool(json!({})).unwrap().tls;
    assert_eq!((plain.ciphers, plain.versions, plain.alpn), (None, None, None));
    let tls = pool(json!({"tls_enabled": true})).unwrap();
    assert!(tls.tls.ciphers.is_some() && tls.tls.versions.is_some() && tls.tls.alpn.is_some());
    let nulls = json!({"tls_ciphers": null, "tls_versions": null, "alpn_protocols": null});
    let reset = change_pool(&tls, nulls).unwrap().tls;
    assert!(reset.ciphers.is_some() && reset.versions.is_some() && reset.alpn.is_none());
    assert!(!change_pool(&tls, json!({"tls_enabled": null})).unwrap().tls.enabled);
}

#[test]
fn a_change_names_the_secrets_that_it_says() {
    let update: listener::Update = decode(&json!({"listener": {
        "default_tls_container_ref": "a", "sni_container_refs": ["b", "c"],
        "client_ca_tls_container_ref": null,
    }}))
    .unwrap();
    let named: Vec<&str> = update.secrets().iter().map(|it| it.as_str()).collect();
    assert_eq!(named, ["a", "b", "c"]);
    let update: pool::Update = decode(&json!({"pool": {"crl_container_ref": "d"}})).unwrap();
    assert_eq!(update.secrets().iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["d"]);
}
