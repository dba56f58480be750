//! Who has signed a certificate or a list of revocations.

use aws_lc_rs::signature::{
    self as known, EcdsaVerificationAlgorithm, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::asn1_rs::{BitString, Oid};
use x509_parser::error::X509Error;
use x509_parser::oid_registry as oid;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// 1.2.840.10045.4.1, ECDSA with SHA-1.
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// Something with the signature below it.
pub(crate) struct Signed<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) algorithm: &'a AlgorithmIdentifier<'a>,
    pub(crate) signature: &'a BitString<'a>,
}

impl Signed<'_> {
    /// Whether it is by the holder of this key; `None` where that cannot be told here.
    pub(crate) fn is_by(&self, key: &SubjectPublicKeyInfo) -> Option<bool> {
        if let Some(algorithm) = beyond_the_parser(&self.algorithm.algorithm, key) {
            let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
            return Some(key.verify(self.text, &self.signature.data).is_ok());
        }
        match verify_signature(key, self.algorithm, self.signature, self.text) {
            Ok(()) => Some(true),
            Err(X509Error::SignatureUnsupportedAlgorithm) => None,
            Err(_) => Some(false),
        }
    }
}

/// P-521 and SHA-512, which x509-parser does not know for ECDSA.
fn beyond_the_parser(
    signature: &Oid,
    key: &SubjectPublicKeyInfo,
) -> Option<&'static dyn VerificationAlgorithm> {
    let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
    let hash = [
        (oid::OID_SIG_ECDSA_WITH_SHA256, 256),
        (oid::OID_SIG_ECDSA_WITH_SHA384, 384),
        (oid::OID_SIG_ECDSA_WITH_SHA512, 512),
    ];
    let (_, hash) = hash.iter().find(|(oid, _)| oid == signature)?;
    let algorithm: &EcdsaVerificationAlgorithm = if curve == oid::OID_NIST_EC_P521 {
        match hash {
            256 => &known::ECDSA_P521_SHA256_ASN1,
            384 => &known::ECDSA_P521_SHA384_ASN1,
            _ => &known::ECDSA_P521_SHA512_ASN1,
        }
    } else if *hash != 512 {
        return None;
    } else if curve == oid::OID_NIST_EC_P384 {
        &known::ECDSA_P384_SHA512_ASN1
    } else if curve == oid::OID_EC_P256 {
        &known::ECDSA_P256_SHA512_ASN1
    } else {
        return None;
    };
    Some(algorithm)
}

/// Whether signatures of this kind are forged (MD5, SHA-1).
pub(crate) fn is_weak(algorithm: &AlgorithmIdentifier) -> bool {
    let forged = [
        oid::OID_PKCS1_MD2WITHRSAENC,
        oid::OID_PKCS1_MD4WITHRSAENC,
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_SHA1_WITH_RSA,
    ];
    let kind = &algorithm.algorithm;
    if *kind == oid::OID_PKCS1_RSASSAPSS {
        let parameters = algorithm.parameters.as_ref().map(RsaSsaPssParams::try_from);
        // Without parameters it is SHA-1 (RFC 4055, 3.1).
        return parameters
            .and_then(Result::ok)
            .is_none_or(|parameters| *parameters.hash_algorithm_oid() == oid::OID_HASH_SHA1);
    }
    forged.contains(kind) || kind.as_bytes() == ECDSA_SHA1
}
