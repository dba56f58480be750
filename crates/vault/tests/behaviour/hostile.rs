//! Whatever is brought, it is read or refused: never a panic, and never for long.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evenkeel_model::ProjectId;
use evenkeel_model::tls::Sealed;
use evenkeel_vault::fixtures::{Algorithm, Authority, Request};
use evenkeel_vault::{
    Authorities, Bundle, Context, MasterKeys, NodeKey, Pkcs12Fault, Unusable, rereading,
};
use proptest::prelude::*;

/// Longer than anything may take in a test build on a busy machine; without bounds it would be
/// hours.
const LONG: Duration = Duration::from_secs(20);

/// Good things of each kind, to be spoilt.
struct Material {
    authorities: Authorities,
    server: String,
    all: Vec<Vec<u8>>,
}

static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let server = middle.server(&["one.test"]);
    let rsa = Request { algorithm: Algorithm::Rsa(2048), ..Request::server(&["two.test"]) };
    let rsa = root.certify(&rsa);
    let list = root.revocations(&[&server]);
    let mut all: Vec<Vec<u8>> = [&server, &rsa]
        .into_iter()
        .flat_map(|one| [one.pkcs12("", &[]), one.pkcs12("", &["-legacy"]), one.pkcs12("", PLAIN)])
        .collect();
    let texts = [server.pem(), rsa.pem(), rsa.key.clone(), root.certificate().to_owned(), list];
    all.extend(texts.iter().flat_map(|text| sections(text)));
    all.extend(texts.map(String::into_bytes));
    let authorities = Authorities::read(root.certificate().as_bytes());
    let authorities = authorities.expect("openssl has made the certificate");
    Material { authorities, server: server.pem(), all }
});

static MASTER: LazyLock<MasterKeys> = LazyLock::new(MasterKeys::generate);
static NODE: LazyLock<NodeKey> = LazyLock::new(NodeKey::generate);

fn project() -> ProjectId {
    ProjectId::new("p").expect("p is a project")
}

/// Bags that are not encrypted, so that what is spoilt in them is seen.
const PLAIN: &[&str] = &["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"];

/// The sections of a text, as DER.
fn sections(text: &str) -> Vec<Vec<u8>> {
    let bodies = text.split("-----").filter(|part| part.starts_with('\n') && part.len() > 1);
    bodies
        .map(|body| STANDARD.decode(body.replace('\n', "")).expect("openssl writes PEM"))
        .collect()
}

fn read_as_everything(bytes: &[u8]) {
    rereading::bundle(bytes);
    rereading::parts(bytes, MATERIAL.server.as_bytes());
    rereading::authorities(bytes, &MATERIAL.authorities);
}

/// As it is, and as what each label says.
fn read_under_every_label(der: &[u8]) {
    read_as_everything(der);
    for label in [
        "CERTIFICATE",
        "PKCS7",
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "X509 CRL",
    ] {
        let body = STANDARD.encode(der);
        read_as_everything(
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").as_bytes(),
        );
    }
}

/// A value of DER.
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short").to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

#[test]
fn what_is_cut_off_anywhere_is_read_or_refused() {
    for good in &MATERIAL.all {
        for part in 0..40 {
            read_as_everything(&good[..good.len() * part / 40]);
        }
        read_as_everything(&good[..good.len() - 1]);
    }
}

#[test]
fn every_length_that_lies_is_read_or_refused() {
    for good in &MATERIAL.all {
        for at in (1..good.len()).step_by(1 + good.len() / 25) {
            for lie in [0x00, 0x7f, 0x80, 0x81, 0x84, 0x88, 0xff] {
                let mut spoilt = good.clone();
                spoilt[at] = lie;
                read_as_everything(&spoilt);
            }
        }
    }
}

#[test]
fn what_is_nested_deeply_does_not_exhaust_the_stack() {
    for (tag, depth) in [(0x30, 15_000), (0xa0, 15_000), (0x31, 3_000), (0x24, 3_000)] {
        let mut nested = vec![];
        for _ in 0..depth {
            let length = u16::try_from(nested.len()).unwrap_or(u16::MAX).to_be_bytes();
            nested.splice(0..0, [tag, 0x82, length[0], length[1]]);
        }
        read_under_every_label(&nested);
        let indefinite: Vec<u8> = [tag, 0x80].repeat(depth);
        read_under_every_label(&indefinite);
    }
}

#[test]
fn odd_texts_are_read_or_refused() {
    let section = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in [
        section.repeat(5000),
        "-----BEGIN CERTIFICATE-----\n".repeat(2000),
        "-----BEGIN ".repeat(5000),
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "A".repeat(60_000)),
        format!("-----BEGIN {}-----\n-----END {0}-----\n", "É\u{202e}\u{0}".repeat(50)),
        "-----BEGIN PRIVATE KEY-----\n:\n-----END PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN -----\n\n-----END -----\n".to_owned(),
        "\u{feff}-----BEGIN CERTIFICATE-----".to_owned(),
        "=".repeat(70_000),
    ] {
        read_as_everything(text.as_bytes());
    }
    read_as_everything(&[0xff; 1000]);
    read_as_everything(
        &MATERIAL.server.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    );
}

/// The same number stands for the iterations wherever a bundle has some.
#[test]
fn millions_of_iterations_are_refused_before_they_are_run() {
    let server = Authority::new("Root").server(&["one.test"]);
    let begun = SystemTime::now();
    for words in [&[][..], &["-legacy"], &["-nomac"], &["-nomac", "-legacy"]] {
        let bundle = server.pkcs12("", &[&["-iter", "65537"], words].concat());
        assert!(Bundle::of_secret(&bundle).is_ok(), "{words:?}");
        for many in [[0x7f, 0xff, 0xff], [0x1e, 0x84, 0x81]] {
            let costly = replaced(&bundle, &[2, 3, 1, 0, 1], &[&[2, 3][..], &many].concat());
            let refused = Bundle::of_secret(&costly).err();
            assert_eq!(refused, Some(Unusable::Pkcs12(Pkcs12Fault::Costly)), "{words:?}");
        }
        let none = replaced(&bundle, &[2, 3, 1, 0, 1], &[2, 3, 0, 0, 0]);
        assert!(Bundle::of_secret(&none).is_err());
    }
    assert!(begun.elapsed().expect("the clock goes on") < LONG);
}

/// Everything that is iterated is counted together: also safes that are seen one by one.
#[test]
fn many_parts_with_some_iterations_each_are_refused_together() {
    let server = Authority::new("Root").server(&["one.test"]);
    let bundle = server.pkcs12("", &["-iter", "150000"]);
    let safes = safes(&bundle);
    let (certificates, key) = safes.split_at(length(&safes).1);
    for (safe, expected) in [
        (certificates, Unusable::Pkcs12(Pkcs12Fault::Costly)),
        // The second key is one too many, before there can be a tenth.
        (key, Unusable::SeveralKeys),
    ] {
        let octets = value(4, &value(0x30, &safe.repeat(40)));
        let data = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
        let info = value(0x30, &[&data[..], &value(0xa0, &octets)].concat());
        let many = value(0x30, &[&[2, 1, 3][..], &info].concat());
        let begun = SystemTime::now();
        assert_eq!(Bundle::of_secret(&many).err(), Some(expected));
        assert!(begun.elapsed().expect("the clock goes on") < LONG);
    }
}

/// What stands in the `AuthenticatedSafe` of a bundle.
fn safes(bundle: &[u8]) -> Vec<u8> {
    let mut rest = bundle;
    // The bundle, its version, its content, the kind of that, and the envelopes around the safes.
    for (tag, enter) in
        [(0x30, true), (2, false), (0x30, true), (6, false), (0xa0, true), (4, true), (0x30, true)]
    {
        assert_eq!(rest[0], tag);
        let (head, whole) = length(rest);
        rest = if enter { &rest[head..whole] } else { &rest[whole..] };
    }
    rest.to_vec()
}

/// How long the head of a value is, and all of it.
fn length(value: &[u8]) -> (usize, usize) {
    let (head, length) = match value[1] {
        0x81 => (3, usize::from(value[2])),
        0x82 => (4, usize::from(value[2]) << 8 | usize::from(value[3])),
        short => (2, usize::from(short)),
    };
    (head, head + length)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> =
        (0..=bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "there are iterations");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_under_every_label(&bytes);
    }

    #[test]
    fn nothing_opens_but_what_was_sealed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let context = Context::of_object(&project(), "secret", uuid::Uuid::nil());
        for text in [STANDARD.encode(&bytes), String::from_utf8_lossy(&bytes).into_owned()] {
            let sealed = Sealed::new(text);
            prop_assert!(MASTER.open(&sealed, &context).is_err());
            prop_assert!(MASTER.reseal(&sealed).is_err() && !MASTER.is_current(&sealed));
            prop_assert!(NODE.open(&sealed, &context).is_err());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s)(-----BEGIN (CERTIFICATE|PRIVATE KEY)-----\n)?.{0,200}") {
        read_as_everything(text.as_bytes());
    }

    #[test]
    fn what_is_spoilt_anywhere_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = which.get(&MATERIAL.all).clone();
        for (at, byte) in spoilt {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_under_every_label(&bytes);
    }
}
