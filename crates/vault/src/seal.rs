//! Sealing under a symmetric key, bound to what the sealed thing is for.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evenkeel_model::ProjectId;
use evenkeel_model::tls::{Sealed, Slot};

use crate::Secret;

/// How long a key is, in bytes.
pub(crate) const KEY: usize = 32;

/// It cannot be opened: sealed with another key, for something else, or not whole.
///
/// Says no more, so that nothing can be learnt from trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be opened: it was sealed with another key or for another purpose")]
pub struct Unopenable;

/// What a sealed thing is for. Opened for anything else, it stays shut: a row of a database put in
/// the place of another's is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// Material of a listener or pool of this project.
    pub fn of_slot(project: &ProjectId, slot: &Slot) -> Self {
        let owner = slot.owner.uuid().to_string();
        Self::of(&["material", project.as_str(), &owner, slot.kind.word(), slot.reference.as_str()])
    }

    /// The object of this kind and id of this project.
    pub fn of_object(project: &ProjectId, kind: &'static str, id: uuid::Uuid) -> Self {
        Self::of(&["object", project.as_str(), kind, &id.to_string()])
    }

    /// Each part with its length, so that no two lists of parts look alike.
    fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A new random key.
pub(crate) fn random_key() -> Secret {
    let mut key = vec![0; KEY];
    rand::fill(&mut key).expect("the system gives random bytes");
    Secret::new(key)
}

fn key(secret: &Secret) -> Result<LessSafeKey, Unopenable> {
    let key = UnboundKey::new(&AES_256_GCM, secret.expose()).map_err(|_| Unopenable)?;
    Ok(LessSafeKey::new(key))
}

/// A random nonce, then the text with its tag (NIST SP 800-38D). A key seals far fewer than 2^32
/// texts.
pub(crate) fn seal(with: &Secret, text: &[u8], context: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).expect("the system gives random bytes");
    let mut sealed = nonce.to_vec();
    let mut body = text.to_vec();
    let key = key(with).expect("a key of ours has 32 bytes");
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(context),
        &mut body,
    )
    .expect("the text is shorter than 64 GiB");
    sealed.append(&mut body);
    sealed
}

/// The text that was sealed.
pub(crate) fn open(with: &Secret, sealed: &[u8], context: &[u8]) -> Result<Secret, Unopenable> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Unopenable)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopenable)?;
    let mut body = zeroize::Zeroizing::new(body.to_vec());
    let text = key(with)?.open_in_place(nonce, Aad::from(context), &mut body);
    text.map(|text| Secret::new(text.to_vec())).map_err(|_| Unopenable)
}

pub(crate) fn to_text(bytes: &[u8]) -> Sealed {
    Sealed::new(STANDARD.encode(bytes))
}

pub(crate) fn from_text(sealed: &Sealed) -> Result<Vec<u8>, Unopenable> {
    STANDARD.decode(sealed.as_str()).map_err(|_| Unopenable)
}
