//! PKCS#12 bundles (RFC 7292) that open without a pass phrase.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::der::{Octets, Reader, tag};
use crate::encryption::{Budget, Encrypted};
use crate::private_key::PrivateKey;
use crate::stretch::{Passphrase, Purpose, Stretching};
use crate::unusable::{MOST, Pkcs12Fault, Unusable, within_bounds};

/// 1.2.840.113549.1.7.1 and .6.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];

/// 1.2.840.113549.1.12.10.1, followed by the kind of a bag.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];

/// 1.2.840.113549.1.9.22.1, a certificate of X.509.
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// 1.3.14.3.2.26, SHA-1.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// 2.16.840.1.101.3.4.2, followed by one of SHA-2.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// What is in a bundle, in its order.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) key: Option<PrivateKey>,
}

/// What is in a bundle, or in the base64 of one: key managers deliver what is binary so.
pub(crate) fn read(bytes: &[u8]) -> Result<Content, Unusable> {
    within_bounds(bytes)?;
    let content = if bytes.first() == Some(&tag::SEQUENCE) {
        open(bytes)
    } else {
        let base64: Vec<u8> =
            bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bundle = STANDARD.decode(&*Zeroizing::new(base64)).map_err(|_| FORM)?;
        open(&Zeroizing::new(bundle))
    };
    content.map_err(worded)
}

/// What would read as a fault of a key is one of the bundle.
fn worded(fault: Unusable) -> Unusable {
    let of_bundles = [
        (Unusable::Costly, Pkcs12Fault::Costly),
        (Unusable::Encryption, Pkcs12Fault::Encryption),
        (Unusable::Passphrase, Pkcs12Fault::Passphrase),
    ];
    let found = of_bundles.into_iter().find(|(of_key, _)| *of_key == fault);
    found.map_or(fault, |(_, of_bundle)| Unusable::Pkcs12(of_bundle))
}

const FORM: Unusable = Unusable::Pkcs12(Pkcs12Fault::Form);

fn open(bundle: &[u8]) -> Result<Content, Unusable> {
    let mut budget = Budget::new();
    let (safes, authentication) = parts(bundle).ok_or(FORM)?;
    let passphrase = match authentication {
        Some(authentication) => authentication.passphrase(&safes, &mut budget)?,
        None => Passphrase::Text(b""),
    };
    let mut content = Content::default();
    let mut safes = Reader::new(&safes).enter(tag::SEQUENCE).ok_or(FORM)?;
    let mut opener = Opener { passphrase, budget, content: &mut content };
    while !safes.is_empty() {
        opener.open_safe(safes.enter(tag::SEQUENCE).ok_or(FORM)?)?;
    }
    Ok(content)
}

/// The safes, and what says that they are whole.
fn parts(bundle: &[u8]) -> Option<(Octets<'_>, Option<Authentication<'_>>)> {
    let mut bundle = Reader::new(bundle).enter(tag::SEQUENCE)?;
    bundle.number().filter(|&version| version == 3)?;
    let mut info = bundle.enter(tag::SEQUENCE)?;
    let is_data = info.expect(tag::OBJECT)? == DATA;
    let safes = info.enter(tag::FIRST)?.octets().filter(|_| is_data)?;
    let authentication = if bundle.is_empty() { None } else { Some(Authentication::read(bundle)?) };
    Some((safes, authentication))
}

/// The code that only the holder of the pass phrase can have made.
struct Authentication<'a> {
    hash: &'a [u8],
    code: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
}

impl<'a> Authentication<'a> {
    fn read(mut bundle: Reader<'a>) -> Option<Self> {
        let mut all = bundle.enter(tag::SEQUENCE)?;
        let mut digest = all.enter(tag::SEQUENCE)?;
        let hash = digest.enter(tag::SEQUENCE)?.expect(tag::OBJECT)?;
        let code = digest.expect(tag::OCTETS)?;
        let salt = all.expect(tag::OCTETS)?;
        let iterations = if all.is_empty() { 1 } else { all.number()? };
        Some(Self { hash, code, salt, iterations })
    }

    /// The pass phrase that was none: some take that as an empty text, and some as no text.
    fn passphrase(
        &self,
        safes: &[u8],
        budget: &mut Budget,
    ) -> Result<Passphrase<'static>, Unusable> {
        for passphrase in [Passphrase::Text(b""), Passphrase::None] {
            if self.holds(safes, passphrase, budget)? {
                return Ok(passphrase);
            }
        }
        Err(Unusable::Passphrase)
    }

    fn holds(
        &self,
        safes: &[u8],
        passphrase: Passphrase,
        budget: &mut Budget,
    ) -> Result<bool, Unusable> {
        let (hash, code) = self.algorithms().ok_or(Unusable::Encryption)?;
        let stretching =
            Stretching { hash, passphrase, salt: self.salt, iterations: self.iterations };
        let key = stretching.key(Purpose::Authentication, hash.output_len(), budget)?;
        Ok(hmac::verify(&hmac::Key::new(code, &key), safes, self.code).is_ok())
    }

    fn algorithms(&self) -> Option<(&'static digest::Algorithm, hmac::Algorithm)> {
        if self.hash == SHA1 {
            return Some((&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY));
        }
        match self.hash.strip_prefix(SHA2)? {
            [1] => Some((&digest::SHA256, hmac::HMAC_SHA256)),
            [2] => Some((&digest::SHA384, hmac::HMAC_SHA384)),
            [3] => Some((&digest::SHA512, hmac::HMAC_SHA512)),
            [4] => Some((&digest::SHA224, hmac::HMAC_SHA224)),
            _ => None,
        }
    }
}

/// Opens safes and the bags in them.
struct Opener<'a> {
    passphrase: Passphrase<'static>,
    budget: Budget,
    content: &'a mut Content,
}

impl Opener<'_> {
    fn open_safe(&mut self, mut info: Reader) -> Result<(), Unusable> {
        let kind = info.expect(tag::OBJECT).ok_or(FORM)?;
        let mut inside = info.enter(tag::FIRST).ok_or(FORM)?;
        if kind == DATA {
            self.open_bags(&inside.octets().ok_or(FORM)?)
        } else if kind == ENCRYPTED_DATA {
            let encrypted = encrypted_data(inside).ok_or(FORM)?;
            let bags = encrypted.open(self.passphrase, &mut self.budget)?;
            self.open_bags(bags.expose())
        } else {
            // Encrypted for the holder of a key, and not of a pass phrase.
            Err(Unusable::Encryption)
        }
    }

    fn open_bags(&mut self, bags: &[u8]) -> Result<(), Unusable> {
        let mut bags = Reader::new(bags).enter(tag::SEQUENCE).ok_or(FORM)?;
        while !bags.is_empty() {
            let mut bag = bags.enter(tag::SEQUENCE).ok_or(FORM)?;
            let kind = bag.expect(tag::OBJECT).ok_or(FORM)?;
            let inside = bag.enter(tag::FIRST).ok_or(FORM)?;
            match kind.strip_prefix(BAG) {
                Some([1]) => self.take_key(inside)?,
                Some([2]) => self.open_key(inside)?,
                Some([3]) => self.take_certificate(inside)?,
                // Revocations, secrets of other kinds, and bags within bags.
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn take_key(&mut self, mut inside: Reader) -> Result<(), Unusable> {
        self.add_key(inside.value().ok_or(FORM)?.whole)
    }

    fn open_key(&mut self, mut inside: Reader) -> Result<(), Unusable> {
        let key = inside.value().ok_or(FORM)?.whole;
        let key = Encrypted::of_key(key).ok_or(FORM)?.open(self.passphrase, &mut self.budget)?;
        self.add_key(key.expose())
    }

    fn add_key(&mut self, key: &[u8]) -> Result<(), Unusable> {
        if self.content.key.is_some() {
            return Err(Unusable::SeveralKeys);
        }
        self.content.key = Some(PrivateKey::of_der(key)?);
        Ok(())
    }

    fn take_certificate(&mut self, mut inside: Reader) -> Result<(), Unusable> {
        if self.content.certificates.len() == MOST {
            return Err(Unusable::TooMany);
        }
        let mut bag = inside.enter(tag::SEQUENCE).ok_or(FORM)?;
        if bag.expect(tag::OBJECT) == Some(X509) {
            let der = bag.enter(tag::FIRST).and_then(|mut value| value.octets());
            self.content.certificates.push(Certificate::of_der(&der.ok_or(FORM)?)?);
        }
        Ok(())
    }
}

fn encrypted_data(mut inside: Reader<'_>) -> Option<Encrypted<'_>> {
    let mut data = inside.enter(tag::SEQUENCE)?;
    data.number()?;
    let mut content = data.enter(tag::SEQUENCE)?;
    content.expect(tag::OBJECT)?;
    let algorithm = content.enter(tag::SEQUENCE)?;
    let text = content.octets()?;
    Some(Encrypted { algorithm, text })
}
