//! A private key, in the forms in which people have it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};

use crate::Secret;
use crate::certificate::Certificate;
use crate::encryption::{Budget, Encrypted};
use crate::pem::{self, Label, Section};
use crate::stretch::Passphrase;
use crate::unusable::{Unusable, within_bounds};

/// A private key that serves, as PKCS#8 (RFC 5958, version 1: OpenSSL 3.0 reads no other).
#[derive(Clone)]
pub(crate) struct PrivateKey {
    pub(crate) pkcs8: Secret,
    /// The public half, as it stands in a certificate.
    public: Vec<u8>,
}

impl PrivateKey {
    /// The only key of a PEM text, or that of a file in DER. Certificates beside it are not looked
    /// at.
    pub(crate) fn read(bytes: &[u8], passphrase: Option<&Secret>) -> Result<Self, Unusable> {
        within_bounds(bytes)?;
        if pem::is_pem(bytes) {
            Self::of_sections(&pem::sections(bytes)?, passphrase)
        } else {
            Self::of_der(bytes).or_else(|_| decrypt(bytes, passphrase))
        }
    }

    fn of_sections(sections: &[Section], passphrase: Option<&Secret>) -> Result<Self, Unusable> {
        let is_key = |label| matches!(label, Label::Key | Label::EncryptedKey);
        let mut keys = sections.iter().filter(|section| is_key(section.label));
        let key = keys.next().ok_or(Unusable::NoKey)?;
        if keys.next().is_some() {
            return Err(Unusable::SeveralKeys);
        }
        if key.label == Label::EncryptedKey {
            decrypt(&key.der, passphrase)
        } else {
            Self::of_der(&key.der)
        }
    }

    /// The key of PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC1 (RFC 5915).
    pub(crate) fn of_der(der: &[u8]) -> Result<Self, Unusable> {
        let rsa = || {
            let key =
                rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)).ok()?;
            let pkcs8: Pkcs8V1Der = key.as_der().ok()?;
            Some(Self::new(pkcs8.as_ref(), key.public_key().as_ref()))
        };
        let curves = [
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            &ECDSA_P521_SHA512_ASN1_SIGNING,
        ];
        let ecdsa = || {
            let key = |curve| EcdsaKeyPair::from_private_key_der(curve, der).ok();
            let key = curves.into_iter().find_map(key)?;
            Some(Self::new(key.to_pkcs8v1().ok()?.as_ref(), key.public_key().as_ref()))
        };
        let ed25519 = || {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
            Some(Self::new(key.to_pkcs8v1().ok()?.as_ref(), key.public_key().as_ref()))
        };
        rsa().or_else(ecdsa).or_else(ed25519).ok_or(Unusable::Key)
    }

    fn new(pkcs8: &[u8], public: &[u8]) -> Self {
        Self { pkcs8: Secret::new(pkcs8.to_vec()), public: public.to_vec() }
    }

    /// Whether it is the private half of what this certificate certifies.
    pub(crate) fn belongs_to(&self, certificate: &Certificate) -> bool {
        if !certificate.is_of_a_kind_that_serves {
            return false;
        }
        match certificate.public_key.split_first() {
            // A point of a curve in its short form: the abscissa, and whether the ordinate is odd.
            Some((sign @ (2 | 3), abscissa)) => {
                self.public.get(1..=abscissa.len()) == Some(abscissa)
                    && self.public.len() == 2 * abscissa.len() + 1
                    && self.public.last().is_some_and(|last| last & 1 == sign & 1)
            }
            Some(_) | None => self.public == certificate.public_key,
        }
    }
}

fn decrypt(der: &[u8], passphrase: Option<&Secret>) -> Result<PrivateKey, Unusable> {
    let encrypted = Encrypted::of_key(der).ok_or(Unusable::Key)?;
    let passphrase = passphrase.ok_or(Unusable::NoPassphrase)?;
    let opened = encrypted.open(Passphrase::Text(passphrase.expose()), &mut Budget::new())?;
    PrivateKey::of_der(opened.expose())
}
