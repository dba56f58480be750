//! What is encrypted under a pass phrase: PBES2 (RFC 8018), and the older schemes of PKCS#12
//! (RFC 7292, appendix C).

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, pbkdf2};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use zeroize::{Zeroize, Zeroizing};

use crate::Secret;
use crate::der::{Octets, Reader, tag};
use crate::stretch::{Passphrase, Purpose, Stretching};
use crate::unusable::{MOST_ITERATIONS, Unusable};

/// 1.2.840.113549.1.5.13 and .12.
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];

/// 1.2.840.113549.2, followed by a hash: HMAC with it.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];

/// 1.2.840.113549.3.7, triple DES.
const TRIPLE_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];

/// 2.16.840.1.101.3.4.1, followed by a size and mode: AES.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];

/// 1.2.840.113549.1.12.1, followed by a scheme of PKCS#12.
const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// The iterations that may still be spent on one input.
///
/// Whoever brings the input chooses its iterations, in each of its parts: without a bound over all
/// of them a small file could keep a processor busy for hours.
pub(crate) struct Budget(u32);

impl Budget {
    pub(crate) const fn new() -> Self {
        Self(MOST_ITERATIONS)
    }

    /// Takes iterations before they are run.
    pub(crate) fn spend(&mut self, iterations: u32) -> Result<(), Unusable> {
        self.0 = self.0.checked_sub(iterations).ok_or(Unusable::Costly)?;
        Ok(())
    }
}

/// An encrypted text, and how.
pub(crate) struct Encrypted<'a> {
    /// What an `AlgorithmIdentifier` holds.
    pub(crate) algorithm: Reader<'a>,
    pub(crate) text: Octets<'a>,
}

impl<'a> Encrypted<'a> {
    /// An `EncryptedPrivateKeyInfo`; `None` if it is none.
    pub(crate) fn of_key(der: &'a [u8]) -> Option<Self> {
        let mut info = Reader::new(der).enter(tag::SEQUENCE)?;
        Some(Self { algorithm: info.enter(tag::SEQUENCE)?, text: info.octets()? })
    }

    /// The text, which is one sequence.
    pub(crate) fn open(
        self,
        passphrase: Passphrase,
        budget: &mut Budget,
    ) -> Result<Secret, Unusable> {
        let mut algorithm = self.algorithm;
        let scheme = algorithm.expect(tag::OBJECT).ok_or(Unusable::Encryption)?;
        let parameters = algorithm.enter(tag::SEQUENCE).ok_or(Unusable::Encryption)?;
        let opened = if scheme == PBES2 {
            let scheme = Pbes2::read(parameters).ok_or(Unusable::Encryption)?;
            scheme.open(&self.text, passphrase, budget)?
        } else if let Some(&[number]) = scheme.strip_prefix(PKCS12) {
            open_older(number, parameters, &self.text, passphrase, budget)?
        } else {
            return Err(Unusable::Encryption);
        };
        // The padding after a wrong pass phrase is right once in 256 times: what is before it then
        // is rubbish.
        if is_sequence(opened.expose()) { Ok(opened) } else { Err(Unusable::Passphrase) }
    }
}

fn is_sequence(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.expect(tag::SEQUENCE).is_some() && reader.is_empty()
}

#[derive(Clone, Copy)]
enum Cipher {
    /// With the length of its key.
    Aes(&'static Algorithm, usize),
    TripleDes,
}

struct Pbes2<'a> {
    salt: &'a [u8],
    iterations: NonZeroU32,
    hash: pbkdf2::Algorithm,
    cipher: Cipher,
    initial: &'a [u8],
}

impl<'a> Pbes2<'a> {
    fn read(mut parameters: Reader<'a>) -> Option<Self> {
        let mut derivation = parameters.enter(tag::SEQUENCE)?;
        if derivation.expect(tag::OBJECT)? != PBKDF2 {
            return None;
        }
        let mut derivation = derivation.enter(tag::SEQUENCE)?;
        let salt = derivation.expect(tag::OCTETS)?;
        let iterations = NonZeroU32::new(derivation.number()?)?;
        // The length of the key, which its cipher says as well.
        let _ = derivation.number();
        let hash = match derivation.enter(tag::SEQUENCE) {
            None => pbkdf2::PBKDF2_HMAC_SHA1,
            Some(mut hash) => match hash.expect(tag::OBJECT)?.strip_prefix(HMAC)? {
                [7] => pbkdf2::PBKDF2_HMAC_SHA1,
                [9] => pbkdf2::PBKDF2_HMAC_SHA256,
                [10] => pbkdf2::PBKDF2_HMAC_SHA384,
                [11] => pbkdf2::PBKDF2_HMAC_SHA512,
                _ => return None,
            },
        };
        let mut encryption = parameters.enter(tag::SEQUENCE)?;
        let cipher = cipher(encryption.expect(tag::OBJECT)?)?;
        let initial = encryption.expect(tag::OCTETS)?;
        Some(Self { salt, iterations, hash, cipher, initial })
    }

    fn open(
        &self,
        text: &[u8],
        passphrase: Passphrase,
        budget: &mut Budget,
    ) -> Result<Secret, Unusable> {
        // A key that is longer than SHA-1 takes all iterations again.
        let times = if self.hash == pbkdf2::PBKDF2_HMAC_SHA1 { 2 } else { 1 };
        budget.spend(self.iterations.get().saturating_mul(times))?;
        let mut key = Zeroizing::new(vec![0; self.cipher.key_length()]);
        pbkdf2::derive(self.hash, self.iterations, self.salt, passphrase.bytes(), &mut key);
        match self.cipher {
            Cipher::Aes(aes, _) => open_aes(aes, &key, self.initial, text),
            Cipher::TripleDes => open_block::<des::TdesEde3>(&key, self.initial, text),
        }
    }
}

impl Cipher {
    fn key_length(self) -> usize {
        match self {
            Self::Aes(_, length) => length,
            Self::TripleDes => 24,
        }
    }
}

/// Ciphers in CBC mode.
fn cipher(object: &[u8]) -> Option<Cipher> {
    if object == TRIPLE_DES {
        return Some(Cipher::TripleDes);
    }
    match object.strip_prefix(AES)? {
        [2] => Some(Cipher::Aes(&AES_128, 16)),
        [22] => Some(Cipher::Aes(&AES_192, 24)),
        [42] => Some(Cipher::Aes(&AES_256, 32)),
        _ => None,
    }
}

fn open_aes(
    aes: &'static Algorithm,
    key: &[u8],
    initial: &[u8],
    text: &[u8],
) -> Result<Secret, Unusable> {
    let initial: [u8; 16] = initial.try_into().map_err(|_| Unusable::Encryption)?;
    if text.is_empty() || !text.len().is_multiple_of(16) {
        return Err(Unusable::Passphrase);
    }
    let key = UnboundCipherKey::new(aes, key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
    let key = key.map_err(|_| Unusable::Encryption)?;
    let mut text = Zeroizing::new(text.to_vec());
    let opened = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(initial)));
    opened.map(|text| Secret::new(text.to_vec())).map_err(|_| Unusable::Passphrase)
}

/// What OpenSSL before 3.0, Java and Windows make: 3DES for the key, RC2 for the certificates.
fn open_older(
    scheme: u8,
    mut parameters: Reader,
    text: &[u8],
    passphrase: Passphrase,
    budget: &mut Budget,
) -> Result<Secret, Unusable> {
    let salt = parameters.expect(tag::OCTETS).ok_or(Unusable::Encryption)?;
    let iterations = parameters.number().ok_or(Unusable::Encryption)?;
    let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let stretching = Stretching { hash, passphrase, salt, iterations };
    let initial = stretching.key(Purpose::Initial, 8, budget)?;
    let mut key = |length| stretching.key(Purpose::Key, length, budget);
    match scheme {
        3 => open_block::<des::TdesEde3>(&key(24)?, &initial, text),
        4 => open_block::<des::TdesEde2>(&key(16)?, &initial, text),
        5 => open_block::<rc2::Rc2>(&key(16)?, &initial, text),
        6 => open_block::<rc2::Rc2>(&key(5)?, &initial, text),
        _ => Err(Unusable::Encryption),
    }
}

fn open_block<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    initial: &[u8],
    text: &[u8],
) -> Result<Secret, Unusable> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, initial);
    let cipher = cipher.map_err(|_| Unusable::Encryption)?;
    let mut text = text.to_vec();
    let opened = cipher.decrypt_padded::<Pkcs7>(&mut text).map(|text| Secret::new(text.to_vec()));
    text.zeroize();
    opened.map_err(|_| Unusable::Passphrase)
}
