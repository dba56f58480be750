//! What must hold whatever is brought, for tests and for the fuzz targets in `fuzz/`.

use crate::{Authorities, Bundle, Parts, Revocations, Secret};

/// Reads `bytes` as a secret with everything in it. It panics if what comes out is not read as the
/// same again.
pub fn bundle(bytes: &[u8]) {
    check(Bundle::of_secret(bytes).ok());
}

/// Reads `bytes` as each part of a container beside the parts of `whole`, a bundle's PEM.
pub fn parts(bytes: &[u8], whole: &[u8]) {
    let passphrase = Secret::new(b"x".to_vec());
    let good = Parts {
        certificate: whole,
        private_key: whole,
        intermediates: None,
        passphrase: Some(&passphrase),
    };
    for parts in [
        Parts { certificate: bytes, ..good },
        Parts { private_key: bytes, ..good },
        Parts { intermediates: Some(bytes), ..good },
        Parts { certificate: bytes, private_key: bytes, intermediates: Some(bytes), ..good },
    ] {
        check(Bundle::of_parts(&parts).ok());
    }
}

/// Reads `bytes` as authorities and as lists of revocations that `authorities` have signed.
pub fn authorities(bytes: &[u8], authorities: &Authorities) {
    if let Ok(read) = Authorities::read(bytes) {
        let pem = read.pem();
        is_normal(&pem);
        assert!(Authorities::read(pem.expose()).is_ok_and(|again| again.pem() == pem));
    }
    if let Ok(read) = Revocations::read(bytes, authorities) {
        let pem = read.pem();
        is_normal(&pem);
        let again = Revocations::read(pem.expose(), authorities);
        assert!(again.is_ok_and(|again| again.pem() == pem));
    }
}

fn check(bundle: Option<Bundle>) {
    let Some(bundle) = bundle else { return };
    let pem = bundle.pem();
    is_normal(&pem);
    let again = Bundle::of_secret(pem.expose());
    assert!(again.is_ok_and(|again| again.pem() == pem), "what is written is read as the same");
}

/// Whether it is as [`crate::Piece::pem`] promises.
fn is_normal(pem: &Secret) {
    let text = str::from_utf8(pem.expose()).expect("PEM is text");
    assert!(text.ends_with("-----\n") && !text.contains("\n\n"), "there is no empty line");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=- \n".contains(&byte);
    assert!(text.bytes().all(fits), "there is nothing but PEM");
}
