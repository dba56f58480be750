//! Who signs clients, and which of those are revoked.

use evenkeel_vault::fixtures::{Algorithm, Authority};
use evenkeel_vault::{
    Authorities, Revocations, Secret, Unusable, UnusableAuthorities, UnusableRevocations,
};

fn text(secret: &Secret) -> &str {
    str::from_utf8(secret.expose()).expect("PEM is text")
}

fn authorities(text: &str) -> Authorities {
    Authorities::read(text.as_bytes()).expect("openssl has made the certificates")
}

#[test]
fn authorities_are_kept_in_their_order_each_once() {
    let (one, two) = (Authority::new("One"), Authority::of("Two", Algorithm::Ed25519));
    let all = [&two, &one, &two].map(Authority::certificate);
    let read = authorities(&all.join("\r\n# comment\r\n"));
    assert_eq!(text(&read.pem()), all[..2].concat());
}

#[test]
fn what_is_no_authority_is_refused_in_the_words_of_the_contract() {
    let server = Authority::new("One").server(&["one.test"]);
    for (text, fault) in [
        ("", Unusable::NoCertificate),
        ("nothing", Unusable::NoCertificate),
        (server.key.as_str(), Unusable::Foreign),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Unusable::Certificate),
    ] {
        let refused = Authorities::read(text.as_bytes()).err().unwrap();
        assert_eq!(refused, UnusableAuthorities(fault));
        let says = refused.to_string();
        assert!(says.starts_with("The client authentication CA certificate is invalid. "));
    }
}

#[test]
fn a_list_must_be_signed_by_an_authority() {
    for algorithm in [
        Algorithm::Rsa(2048),
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::P521,
        Algorithm::Ed25519,
    ] {
        let own = Authority::of("Same name", algorithm);
        let other = Authority::of("Same name", algorithm);
        let list = own.revocations(&[&own.client("mallory")]);
        let read = Revocations::read(list.as_bytes(), &authorities(own.certificate()));
        assert_eq!(text(&read.ok().unwrap().pem()), list, "{algorithm:?}");
        let read = Revocations::read(list.as_bytes(), &authorities(other.certificate()));
        assert!(read.err() == Some(UnusableRevocations::Unsigned), "{algorithm:?}");
    }
}

#[test]
fn an_old_list_is_taken_and_tells_its_end() {
    let root = Authority::new("Root");
    let below = root.intermediate("Below");
    let both = authorities(&[root.certificate(), below.certificate()].concat());
    let lists = [root.revocations(&[]), below.revocations_until(&[], "20210101000000Z")];
    let read = Revocations::read(lists.concat().as_bytes(), &both).ok().unwrap();
    assert_eq!(text(&read.pem()), lists.concat());
    assert_eq!(read.next_update().map(time::OffsetDateTime::unix_timestamp), Some(1_609_459_200));
}

#[test]
fn what_is_no_list_is_refused_in_the_words_of_the_contract() {
    let root = Authority::new("Root");
    let own = authorities(root.certificate());
    for text in ["", root.certificate(), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"]
    {
        let says = Revocations::read(text.as_bytes(), &own).err().unwrap().to_string();
        assert!(
            says.starts_with("The client authentication certificate revocation list is invalid.")
        );
    }
}
