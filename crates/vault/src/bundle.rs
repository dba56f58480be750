//! What a listener or pool shows: a certificate, those between it and its root, and its key.

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::certificate::{self, Certificate};
use crate::private_key::PrivateKey;
use crate::unusable::Unusable;
use crate::{Secret, chain, pem, pkcs12};

/// The parts of a certificate container, each as its user stored it.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct Parts<'a> {
    /// The certificate as PEM, or as DER. Intermediates may stand below it.
    pub certificate: &'a [u8],
    /// Its key as PEM, or as DER; perhaps encrypted.
    pub private_key: &'a [u8],
    /// Those between it and its root, in any order: PEM, DER, or PKCS#7 as either.
    pub intermediates: Option<&'a [u8]>,
    /// What the key is encrypted with. A key that is not encrypted needs none, and may have one.
    pub passphrase: Option<&'a Secret>,
}

/// A certificate that HAProxy can serve, with the chain above it and the key below.
///
/// The key belongs to the certificate, RSA keys have 2048 to 8192 bits, and no signature in the
/// chain is of MD5 or SHA-1: OpenSSL at Debian's security level would refuse to load it. One that
/// has expired, or is not yet valid, is as good as another: whoever serves it wants to go on.
///
/// Making one from what is encrypted can take a processor for a second or two, because whoever
/// brings it says how often a pass phrase is stretched. So it is made where that holds up nobody.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct Bundle {
    leaf: Certificate,
    intermediates: Vec<Certificate>,
    key: PrivateKey,
}

impl Bundle {
    /// The bundle of a certificate container.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: what is wrong with which part.
    pub fn of_parts(parts: &Parts) -> Result<Self, Unusable> {
        let mut certificates = certificate::read_all(parts.certificate)?;
        if certificates.is_empty() {
            return Err(Unusable::NoCertificate);
        }
        if let Some(intermediates) = parts.intermediates {
            certificates.append(&mut certificate::read_all(intermediates)?);
        }
        let key = PrivateKey::read(parts.private_key, parts.passphrase);
        Self::of(&certificates, key)
    }

    /// The bundle of one secret that holds everything: PKCS#12 without a pass phrase, as it is or
    /// as base64, or one PEM text.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: what is wrong with it; [`Unusable::Pkcs12`] if it cannot be opened.
    pub fn of_secret(secret: &[u8]) -> Result<Self, Unusable> {
        if pem::is_pem(secret) {
            let key = PrivateKey::read(secret, None);
            Self::of(&certificate::read_all(secret)?, key)
        } else {
            let content = pkcs12::read(secret)?;
            Self::of(&content.certificates, content.key.ok_or(Unusable::NoKey))
        }
    }

    fn of(
        certificates: &[Certificate],
        key: Result<PrivateKey, Unusable>,
    ) -> Result<Self, Unusable> {
        let first = certificates.first().ok_or(Unusable::NoCertificate)?;
        // A key of a length that does not serve cannot be read either; this says why.
        let key = key.map_err(|fault| match first.check_strength() {
            Err(weak) if fault == Unusable::Key => weak,
            Err(_) | Ok(()) => fault,
        })?;
        let leaf = certificates.iter().find(|one| key.belongs_to(one)).ok_or(Unusable::Mismatch)?;
        let intermediates = chain::in_order(leaf, certificates)?;
        leaf.check_strength()?;
        intermediates.iter().try_for_each(Certificate::check_strength)?;
        Ok(Self { leaf: leaf.clone(), intermediates, key })
    }

    /// Everything as PEM: the certificate, the intermediates from it upwards, the key as PKCS#8.
    ///
    /// Nothing of the input but these is in it; lines end with LF, none is empty, and the last one
    /// ends too. A chain of RSA has 4 to 8 KiB. It can have more than 16 KiB, and then does not
    /// fit into a command of HAProxy's runtime socket.
    pub fn pem(&self) -> Secret {
        let certificates = || std::iter::once(&self.leaf).chain(&self.intermediates);
        let key = self.key.pkcs8.expose();
        // With room for all, so that no part of the key is left behind by growing.
        let room = certificates().map(|one| pem::length(&one.der)).sum::<usize>();
        let mut text = Zeroizing::new(Vec::with_capacity(room + pem::length(key)));
        for one in certificates() {
            pem::write(&mut text, "CERTIFICATE", &one.der);
        }
        pem::write(&mut text, "PRIVATE KEY", key);
        Secret::new(std::mem::take(&mut *text))
    }

    /// From when on clients accept the certificate.
    pub const fn not_before(&self) -> OffsetDateTime {
        self.leaf.not_before
    }

    /// Until when clients accept it: when the first of the chain expires.
    pub fn not_after(&self) -> OffsetDateTime {
        let above = self.intermediates.iter().map(|one| one.not_after);
        above.fold(self.leaf.not_after, OffsetDateTime::min)
    }

    /// The hosts that the certificate is for, in lower case, perhaps with `*.` before them: the
    /// alternative names, then the common name if it is another. There may be none.
    pub fn names(&self) -> &[String] {
        &self.leaf.names
    }
}
