//! Private keys in the forms in which people have them.

use evenkeel_vault::fixtures::{Algorithm, Authority, Identity, Request, openssl};
use evenkeel_vault::{Bundle, Parts, Secret, Unusable};

fn server(algorithm: Algorithm) -> Identity {
    Authority::new("Root").certify(&Request { algorithm, ..Request::server(&["one.test"]) })
}

/// The key as `openssl` converts it with these words.
fn converted(server: &Identity, words: &[&str]) -> Vec<u8> {
    let place = tempfile::tempdir().expect("there is room for a directory");
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    std::fs::write(&from, &server.key).expect("there is room for a key");
    openssl(words, &[("-in", &from), ("-out", &to)]);
    std::fs::read(to).expect("openssl has written the key")
}

fn read(server: &Identity, key: &[u8], passphrase: Option<&str>) -> Result<String, Unusable> {
    let passphrase = passphrase.map(|text| Secret::new(text.as_bytes().to_vec()));
    let parts = Parts {
        certificate: server.certificate.as_bytes(),
        private_key: key,
        intermediates: None,
        passphrase: passphrase.as_ref(),
    };
    let bundle = Bundle::of_parts(&parts)?;
    Ok(String::from_utf8(bundle.pem().expose().to_vec()).expect("PEM is text"))
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let rsa: [&[&str]; 3] = [
        &["rsa", "-traditional"],
        &["rsa", "-traditional", "-outform", "DER"],
        &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"],
    ];
    let ec: [&[&str]; 3] =
        [&["ec"], &["ec", "-outform", "DER"], &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"]];
    for (algorithm, forms) in [
        (Algorithm::Rsa(2048), rsa),
        (Algorithm::P256, ec),
        (Algorithm::P384, ec),
        (Algorithm::P521, ec),
    ] {
        let server = server(algorithm);
        for words in forms {
            let key = converted(&server, words);
            assert_eq!(read(&server, &key, None), Ok(server.pem()), "{algorithm:?} {words:?}");
        }
    }
}

/// A certificate of its own for a key on P-256 that openssl makes in its way.
#[test]
fn a_point_may_be_compressed_and_parameters_stand_beside() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let (key, short, certificate) = (path("key"), path("short"), path("certificate"));
    openssl(&["ecparam", "-name", "prime256v1", "-genkey"], &[("-out", &key)]);
    openssl(&["ec", "-conv_form", "compressed"], &[("-in", &key), ("-out", &short)]);
    for (name, own) in [("long", &key), ("compressed", &short)] {
        openssl(&["req", "-x509", "-subj", "/CN=a"], &[("-key", own), ("-out", &certificate)]);
        let certificate = std::fs::read_to_string(&certificate).unwrap();
        let key = std::fs::read_to_string(&key).unwrap();
        assert!(key.contains("EC PARAMETERS"));
        assert!(Bundle::of_secret((certificate.clone() + &key).as_bytes()).is_ok(), "{name}");
        let other = server(Algorithm::P256);
        assert!(
            Bundle::of_secret((certificate + &other.key).as_bytes()).err()
                == Some(Unusable::Mismatch)
        );
    }
}

#[test]
fn an_encrypted_key_opens_with_its_pass_phrase_only() {
    let server = server(Algorithm::P256);
    let ways: [&[&str]; 7] = [
        &[],
        &["-v2", "aes-128-cbc"],
        &["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
        &["-v2", "des3"],
        &["-v2prf", "hmacWithSHA1"],
        &["-v1", "PBE-SHA1-3DES"],
        &["-outform", "DER"],
    ];
    for words in ways {
        let key =
            converted(&server, &[&["pkcs8", "-topk8", "-passout", "pass:pä"], words].concat());
        assert_eq!(read(&server, &key, Some("pä")), Ok(server.pem()), "{words:?}");
        assert_eq!(read(&server, &key, Some("no")), Err(Unusable::Passphrase), "{words:?}");
        assert_eq!(read(&server, &key, None), Err(Unusable::NoPassphrase), "{words:?}");
    }
}

/// Once in 256 times what comes out looks padded as it should be.
#[test]
fn a_wrong_pass_phrase_is_never_taken_for_a_damaged_key() {
    let server = server(Algorithm::P256);
    let words = ["pkcs8", "-topk8", "-passout", "pass:right", "-iter", "1"];
    let key = converted(&server, &words);
    for number in 0..2000 {
        let wrong = format!("wrong {number}");
        assert_eq!(read(&server, &key, Some(&wrong)), Err(Unusable::Passphrase), "{wrong}");
    }
    assert_eq!(read(&server, &key, Some("right")), Ok(server.pem()));
}

#[test]
fn a_key_that_is_encrypted_otherwise_tells_the_cure() {
    let server = server(Algorithm::Rsa(2048));
    let old = converted(&server, &["rsa", "-traditional", "-aes128", "-passout", "pass:x"]);
    let refused = read(&server, &old, Some("x")).unwrap_err();
    assert_eq!(refused, Unusable::OldEncryption);
    assert!(refused.to_string().contains("openssl pkcs8 -topk8"));
    let scrypt = converted(&server, &["pkcs8", "-topk8", "-scrypt", "-passout", "pass:x"]);
    assert_eq!(read(&server, &scrypt, Some("x")), Err(Unusable::Encryption));
}

#[test]
fn a_key_of_too_many_iterations_is_not_even_tried() {
    let server = server(Algorithm::P256);
    let words = ["pkcs8", "-topk8", "-passout", "pass:x", "-iter", "2000001"];
    let key = converted(&server, &words);
    assert_eq!(read(&server, &key, Some("x")), Err(Unusable::Costly));
}
