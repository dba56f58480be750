//! Certificates with their chains and keys.

use evenkeel_vault::fixtures::{Algorithm, Authority, Identity, Request, openssl};
use evenkeel_vault::{Bundle, Parts, Pkcs12Fault, Unusable};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn of_parts(certificate: &str, key: &str, intermediates: Option<&str>) -> Result<String, Unusable> {
    let parts = Parts {
        certificate: certificate.as_bytes(),
        private_key: key.as_bytes(),
        intermediates: intermediates.map(str::as_bytes),
        passphrase: None,
    };
    Bundle::of_parts(&parts).map(|bundle| text_of(&bundle))
}

fn of_secret(secret: &[u8]) -> Result<String, Unusable> {
    Bundle::of_secret(secret).map(|bundle| text_of(&bundle))
}

fn text_of(bundle: &Bundle) -> String {
    String::from_utf8(bundle.pem().expose().to_vec()).expect("PEM is text")
}

/// A server of `one.test`, two authorities below a root.
fn chain() -> (Authority, Authority, Authority, Identity) {
    let root = Authority::new("Root");
    let upper = root.intermediate("Upper");
    let lower = upper.intermediate("Lower");
    let server = lower.server(&["one.test"]);
    (root, upper, lower, server)
}

#[test]
fn a_chain_is_put_in_order_without_root_doubles_and_strangers() {
    let (root, upper, lower, server) = chain();
    let stranger = Authority::new("Stranger").intermediate("Strange");
    let heap = [&root, &upper, &stranger, &lower, &upper].map(Authority::certificate).concat();
    let expected = server.pem();
    assert_eq!(of_parts(&server.certificate, &server.key, Some(&heap)).unwrap(), expected);
    let all = format!("{}{heap}", server.certificate);
    assert_eq!(of_parts(&all, &server.key, None).unwrap(), expected);
    let backwards = format!("{}{heap}{}", server.key, server.certificate);
    assert_eq!(of_secret(backwards.as_bytes()).unwrap(), expected);
    assert_eq!(
        expected,
        server.certificate + lower.certificate() + upper.certificate() + &server.key
    );
}

#[test]
fn of_two_authorities_of_one_name_the_one_that_has_signed_stays() {
    let root = Authority::new("Root");
    let (signer, namesake) = (root.intermediate("Middle"), root.intermediate("Middle"));
    for hash in ["sha256", "sha384", "sha512"] {
        let request = Request { hash: hash.to_owned(), ..Request::server(&["one.test"]) };
        let server = signer.certify(&request);
        let both = namesake.certificate().to_owned() + signer.certificate();
        let read = of_parts(&server.certificate, &server.key, Some(&both));
        assert_eq!(read, Ok(server.pem()), "{hash}");
    }
}

#[test]
fn every_algorithm_that_haproxy_takes_is_taken() {
    let root = Authority::new("Root");
    for algorithm in [
        Algorithm::Rsa(2048),
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::P521,
        Algorithm::Ed25519,
    ] {
        let server = root.certify(&Request { algorithm, ..Request::server(&["one.test"]) });
        assert_eq!(of_secret(server.pem().as_bytes()), Ok(server.pem()), "{algorithm:?}");
        let bundle = server.pkcs12("", &[]);
        assert_eq!(of_secret(&bundle), Ok(server.pem()), "{algorithm:?}");
    }
}

#[test]
fn what_openssl_would_not_serve_is_refused() {
    let root = Authority::new("Root");
    let request = Request::server(&["one.test"]);
    let short = root.certify(&Request { algorithm: Algorithm::Rsa(1024), ..request.clone() });
    assert_eq!(of_secret(short.pem().as_bytes()), Err(Unusable::KeyLength));
    let forged = root.certify(&Request { hash: "sha1".to_owned(), ..request });
    assert_eq!(of_secret(forged.pem().as_bytes()), Err(Unusable::Signature));
}

#[test]
fn what_is_taken_is_loaded_by_haproxy_and_what_is_too_weak_is_not() {
    let (root, old) = (Authority::new("Root"), Authority::of("Old", Algorithm::Rsa(2048)));
    let request = Request::server(&["one.test"]);
    let of = |algorithm| root.certify(&Request { algorithm, ..request.clone() });
    let signed = |by: &Authority, hash: &str| {
        by.certify(&Request { hash: hash.to_owned(), ..request.clone() })
    };
    for identity in [
        of(Algorithm::Rsa(2048)),
        of(Algorithm::P256),
        of(Algorithm::P384),
        of(Algorithm::P521),
        of(Algorithm::Ed25519),
        of(Algorithm::Rsa(1024)),
        signed(&root, "sha1"),
        signed(&root, "sha512"),
        signed(&old, "md5"),
        signed(&old, "sha1"),
        signed(&old, "sha224"),
        root.certify(&Request { days: -1, ..request.clone() }),
    ] {
        let taken = of_secret(identity.pem().as_bytes());
        assert_eq!(taken.is_ok(), haproxy_loads(&identity.pem()), "{taken:?}");
        assert!(taken.is_err() || haproxy_loads(&taken.expect("it was taken")));
    }
}

/// Whether HAProxy can serve what is in this file.
fn haproxy_loads(pem: &str) -> bool {
    let place = tempfile::tempdir().expect("there is room for a directory");
    let (certificate, configuration) = (place.path().join("a.pem"), place.path().join("a.cfg"));
    std::fs::write(&certificate, pem).expect("there is room for a file");
    let socket = place.path().join("a.sock");
    let text = format!(
        "defaults\n timeout client 1s\nfrontend f\n bind {} ssl crt {}\n",
        socket.display(),
        certificate.display()
    );
    std::fs::write(&configuration, text).expect("there is room for a file");
    #[expect(clippy::disallowed_methods, reason = "it ends before this returns")]
    let mut haproxy = std::process::Command::new("haproxy");
    let checked = haproxy.arg("-c").arg("-f").arg(&configuration).output();
    checked.expect("the Debian package haproxy is installed").status.success()
}

#[test]
fn an_expired_certificate_is_taken_and_tells_its_end() {
    let root = Authority::new("Root");
    let server = root.certify(&Request { days: -1, ..Request::server(&["one.test"]) });
    let bundle = Bundle::of_secret(server.pem().as_bytes()).unwrap();
    assert!(bundle.not_after() < time::OffsetDateTime::now_utc());
    let bundle = Bundle::of_secret(root.server(&["one.test"]).pem().as_bytes()).unwrap();
    assert!(bundle.not_after() > time::OffsetDateTime::now_utc());
    assert!(bundle.not_before() < bundle.not_after());
}

#[test]
fn the_names_of_a_certificate_are_read() {
    let root = Authority::new("Root");
    let mut request = Request::server(&["One.test", "*.two.test", "127.0.0.1"]);
    request.name = "three.test".to_owned();
    let bundle = Bundle::of_secret(root.certify(&request).pem().as_bytes()).unwrap();
    assert_eq!(bundle.names(), ["one.test", "*.two.test", "three.test"]);
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let root = Authority::new("Root");
    let (one, two) = (root.server(&["one.test"]), root.server(&["two.test"]));
    assert_eq!(of_parts(&one.certificate, &two.key, None), Err(Unusable::Mismatch));
    assert_eq!(of_parts(&one.certificate, "", None), Err(Unusable::Key));
    assert_eq!(of_parts(&one.certificate, &one.certificate, None), Err(Unusable::NoKey));
    assert_eq!(of_parts(&one.key, &one.key, None), Err(Unusable::NoCertificate));
    let both = one.key.clone() + &two.key;
    assert_eq!(of_parts(&one.certificate, &both, None), Err(Unusable::SeveralKeys));
}

#[test]
fn bundles_of_old_and_new_openssl_open_as_they_are_and_as_base64() {
    let server = chain().3;
    let ways: [&[&str]; 7] = [
        &[],
        &["-legacy"],
        &["-legacy", "-descert"],
        &["-keypbe", "NONE", "-certpbe", "NONE"],
        &[
            "-keypbe",
            "AES-128-CBC",
            "-certpbe",
            "PBE-SHA1-RC2-128",
            "-provider",
            "legacy",
            "-provider",
            "default",
        ],
        &["-macalg", "sha512", "-iter", "4096"],
        &["-nomac"],
    ];
    for words in ways {
        let bundle = server.pkcs12("", words);
        assert_eq!(of_secret(&bundle), Ok(server.pem()), "{words:?}");
        let mut base64 = STANDARD.encode(&bundle);
        base64.insert(64, '\n');
        assert_eq!(of_secret(base64.as_bytes()), Ok(server.pem()), "{words:?}");
    }
}

#[test]
fn a_bundle_with_a_pass_phrase_is_refused() {
    let server = Authority::new("Root").server(&["one.test"]);
    for words in [&[][..], &["-legacy"], &["-nomac"]] {
        let refused = of_secret(&server.pkcs12("secret", words)).unwrap_err();
        assert_eq!(refused, Unusable::Pkcs12(Pkcs12Fault::Passphrase), "{words:?}");
        let text = refused.to_string();
        assert!(text.starts_with("The PKCS12 bundle is unreadable. "));
        assert!(text.ends_with(" Error: it needs a pass phrase, or is damaged"));
    }
    assert_eq!(of_secret(b"0\x80"), Err(Unusable::Pkcs12(Pkcs12Fault::Form)));
    assert_eq!(of_secret(b""), Err(Unusable::Pkcs12(Pkcs12Fault::Form)));
}

#[test]
fn bundles_in_ber_open_as_well() {
    let server = chain().3;
    for (words, depth) in
        [(&[][..], 5), (&["-legacy"], 5), (&["-nomac", "-keypbe", "NONE", "-certpbe", "NONE"], 5)]
    {
        let bundle = server.pkcs12("", words);
        let ber = as_ber(&bundle, depth);
        assert_ne!(ber, bundle);
        assert_eq!(of_secret(&ber), Ok(server.pem()), "{words:?}");
    }
}

/// The same values with marks at their ends, and bytes in pieces, so many levels deep.
fn as_ber(der: &[u8], depth: usize) -> Vec<u8> {
    let mut ber = Vec::new();
    let mut rest = der;
    while !rest.is_empty() {
        let (head, length) = head(rest);
        let (whole, after) = rest.split_at(head + length);
        let content = &whole[head..];
        rest = after;
        match whole[0] {
            0x30 | 0x31 | 0xa0 if depth > 0 => {
                let inside = as_ber(content, depth - 1);
                ber.extend([&[whole[0], 0x80][..], &inside, &[0, 0]].concat());
            }
            4 if length > 100 => {
                let (one, two) = content.split_at(100);
                ber.extend([&[0x24, 0x80][..], &octets(one), &octets(two), &[0, 0]].concat());
            }
            _ => ber.extend_from_slice(whole),
        }
    }
    ber
}

/// How long the head of a value is, and its content.
fn head(value: &[u8]) -> (usize, usize) {
    match value[1] {
        0x81 => (3, usize::from(value[2])),
        0x82 => (4, usize::from(value[2]) << 8 | usize::from(value[3])),
        short => (2, usize::from(short)),
    }
}

fn octets(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("it is short").to_be_bytes();
    [&[4, 0x82][..], &length, content].concat()
}

#[test]
fn intermediates_are_read_in_every_form() {
    let (_, upper, lower, server) = chain();
    let place = tempfile::tempdir().expect("there is room for a directory");
    let (pem, out) = (place.path().join("all.pem"), place.path().join("out"));
    let text = upper.certificate().to_owned() + lower.certificate();
    std::fs::write(&pem, &text).expect("there is room for a file");
    let der = |certificate: &str| {
        let body = certificate.replace("-----BEGIN CERTIFICATE-----", "");
        let body = body.replace("-----END CERTIFICATE-----", "").replace('\n', "");
        STANDARD.decode(body).expect("openssl writes PEM")
    };
    let envelope = |form: &str| {
        let words = ["crl2pkcs7", "-nocrl", "-outform", form];
        openssl(&words, &[("-certfile", &pem), ("-out", &out)]);
        std::fs::read(&out).expect("openssl has written the envelope")
    };
    let windows = format!("{{comment: ä}}\r\n{}", text.replace('\n', "\r\n"));
    for intermediates in [
        windows.into_bytes(),
        [der(upper.certificate()), der(lower.certificate())].concat(),
        envelope("PEM"),
        envelope("DER"),
        as_ber(&envelope("DER"), 4),
    ] {
        let parts = Parts {
            certificate: &der(&server.certificate),
            private_key: server.key.as_bytes(),
            intermediates: Some(&intermediates),
            passphrase: None,
        };
        assert!(Bundle::of_parts(&parts).is_ok_and(|bundle| text_of(&bundle) == server.pem()));
    }
}
