//! One certificate (X.509, RFC 5280).

use std::collections::BTreeSet;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
    OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AlgorithmIdentifier;

use crate::der::{Reader, tag};
use crate::pem::{self, Label};
use crate::signature;
use crate::unusable::{MOST, Unusable, within_bounds};

/// The object identifier 1.2.840.113549.1.7.2, a signed envelope (RFC 5652).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// A certificate that can be parsed, as it was signed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    /// The public key without its kind.
    pub(crate) public_key: Vec<u8>,
    /// Whether a private key can stand beside it.
    pub(crate) is_of_a_kind_that_serves: bool,
    /// Of an RSA key; `None` for another.
    pub(crate) rsa_bits: Option<usize>,
    /// Whether it is signed in a way that can be forged.
    pub(crate) is_signed_weakly: bool,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    pub(crate) names: Vec<String>,
}

impl Certificate {
    pub(crate) fn of_der(der: &[u8]) -> Result<Self, Unusable> {
        let Ok(([], parsed)) = X509Certificate::from_der(der) else {
            return Err(Unusable::Certificate);
        };
        let key = parsed.public_key();
        let rsa_bits = match key.parsed() {
            Ok(PublicKey::RSA(key)) => Some(key.key_size()),
            Ok(_) | Err(_) => None,
        };
        Ok(Self {
            subject: parsed.subject().as_raw().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            public_key: key.subject_public_key.data.to_vec(),
            is_of_a_kind_that_serves: serves(&key.algorithm),
            rsa_bits,
            is_signed_weakly: signature::is_weak(&parsed.signature_algorithm),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            names: names(&parsed),
            der: der.to_vec(),
        })
    }

    /// Whether it names itself as the one who signed it.
    pub(crate) fn is_root(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether `issuer` has signed it.
    ///
    /// Where the kind of signature is not known here, the name of the signer decides: a chain that
    /// is wrong harms nobody but who brought it.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        if self.issuer != issuer.subject {
            return false;
        }
        let (Ok((_, own)), Ok((_, other))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&issuer.der))
        else {
            return false;
        };
        let signed = signature::Signed {
            text: own.tbs_certificate.as_ref(),
            algorithm: &own.signature_algorithm,
            signature: &own.signature_value,
        };
        signed.is_by(other.public_key()).unwrap_or(true)
    }

    /// What OpenSSL 3.0 at Debian's security level 2 refuses to serve is refused here.
    pub(crate) fn check_strength(&self) -> Result<(), Unusable> {
        if self.rsa_bits.is_some_and(|bits| !(2048..=8192).contains(&bits)) {
            return Err(Unusable::KeyLength);
        }
        // Nobody looks at the signature of what has signed itself.
        if self.is_signed_weakly && !self.is_root() {
            return Err(Unusable::Signature);
        }
        Ok(())
    }
}

/// Whether a public key is of RSA, of a curve that the vault has private keys of, or of Ed25519.
fn serves(algorithm: &AlgorithmIdentifier) -> bool {
    let curves = [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521];
    if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        return curve.is_some_and(|curve| curves.contains(&curve));
    }
    [OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519].contains(&algorithm.algorithm)
}

/// DNS names in lower case: the alternative names first, then the common name if it is another.
/// What cannot be a host's name is left out.
fn names(certificate: &X509Certificate) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let alternative = alternative.filter_map(|name| {
        let GeneralName::DNSName(name) = name else { return None };
        Some(*name)
    });
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let mut seen = BTreeSet::new();
    alternative
        .chain(common)
        .filter(|name| is_host(name))
        .map(str::to_ascii_lowercase)
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

fn is_host(name: &str) -> bool {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !bare.is_empty() && name.len() <= 253 && bare.bytes().all(fits)
}

/// All certificates of a PEM text, or of a file in DER: certificates one after the other, or the
/// envelope of PKCS#7. A key beside them is not looked at.
pub(crate) fn read_all(bytes: &[u8]) -> Result<Vec<Certificate>, Unusable> {
    within_bounds(bytes)?;
    if !pem::is_pem(bytes) {
        return of_file(bytes);
    }
    let mut all = Vec::new();
    for section in pem::sections(bytes)? {
        match section.label {
            Label::Certificate => all.push(Certificate::of_der(&section.der)?),
            Label::Pkcs7 => all.extend(of_file(&section.der)?),
            Label::Key | Label::EncryptedKey | Label::Parameters => {}
            Label::Revocations | Label::Other => return Err(Unusable::Foreign),
        }
    }
    if all.len() > MOST { Err(Unusable::TooMany) } else { Ok(all) }
}

fn of_file(bytes: &[u8]) -> Result<Vec<Certificate>, Unusable> {
    let mut values = match envelope(bytes) {
        Some(inside) => inside,
        None => Reader::new(bytes),
    };
    let mut all = Vec::new();
    while !values.is_empty() {
        if all.len() == MOST {
            return Err(Unusable::TooMany);
        }
        let value = values.value().ok_or(Unusable::NoCertificate)?;
        all.push(Certificate::of_der(value.whole)?);
    }
    Ok(all)
}

/// The certificates in a signed envelope, whose signature says nothing about them.
fn envelope(bytes: &[u8]) -> Option<Reader<'_>> {
    let mut content_info = Reader::new(bytes).enter(tag::SEQUENCE)?;
    if content_info.expect(tag::OBJECT)? != SIGNED_DATA {
        return None;
    }
    let mut signed = content_info.enter(tag::FIRST)?.enter(tag::SEQUENCE)?;
    signed.number()?;
    signed.expect(tag::SET)?;
    signed.expect(tag::SEQUENCE)?;
    // Without certificates there is nothing at this place.
    Some(signed.enter(tag::FIRST).unwrap_or(Reader::new(&[])))
}
