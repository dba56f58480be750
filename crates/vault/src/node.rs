//! The key of a node: what is sealed for it only it can open (HPKE, RFC 9180, base mode).

use aws_lc_rs::agreement::{PrivateKey, X25519};
use evenkeel_model::tls::Sealed;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::seal::{self, Context, Unopenable};

/// What is sealed for a node is for evenkeel.
const INFO: &[u8] = b"evenkeel node 1";

/// How long an encapsulated key of X25519 is.
const ENCAPSULATED: usize = 32;

/// Seals for one node. Anybody may have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(Vec<u8>);

/// Opens what was sealed for this node. It never leaves it.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct NodeKey {
    private: Secret,
    public: PublicKey,
}

impl PublicKey {
    /// The key of these bytes, as [`Self::bytes`] gave them. That it is none shows when it seals.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The key, for a message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals `secret` for `context`, so that only the node can open it.
    ///
    /// # Errors
    ///
    /// [`Unopenable`]: nobody could open it, because this is no key.
    pub fn seal(&self, secret: &Secret, context: &Context) -> Result<Sealed, Unopenable> {
        let key = HpkePublicKey(self.0.clone());
        let sealed = SUITE.seal(INFO, context.bytes(), secret.expose(), &key);
        let (EncapsulatedSecret(mut bytes), mut body) = sealed.map_err(|_| Unopenable)?;
        bytes.append(&mut body);
        Ok(seal::to_text(&bytes))
    }
}

impl NodeKey {
    /// A new key, which is nowhere else.
    pub fn generate() -> Self {
        let (public, private) = SUITE.generate_key_pair().expect("the system gives random bytes");
        let private = Secret::new(private.secret_bytes().to_vec());
        Self { private, public: PublicKey(public.0) }
    }

    /// The key that was written as [`Self::secret`].
    ///
    /// # Errors
    ///
    /// [`Unopenable`]: it is no key.
    pub fn of(private: Secret) -> Result<Self, Unopenable> {
        let key = PrivateKey::from_private_key(&X25519, private.expose());
        let public = key.map_err(|_| Unopenable)?.compute_public_key().map_err(|_| Unopenable)?;
        Ok(Self { public: PublicKey(public.as_ref().to_vec()), private })
    }

    /// The key itself, to be kept in a file that only its owner can read.
    pub const fn secret(&self) -> &Secret {
        &self.private
    }

    /// What seals for this node.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Opens what was sealed for `context`.
    ///
    /// # Errors
    ///
    /// [`Unopenable`].
    pub fn open(&self, sealed: &Sealed, context: &Context) -> Result<Secret, Unopenable> {
        let bytes = seal::from_text(sealed)?;
        let (encapsulated, body) = bytes.split_at_checked(ENCAPSULATED).ok_or(Unopenable)?;
        let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
        let private = HpkePrivateKey::from(self.private.expose().to_vec());
        let opened = SUITE.open(&encapsulated, INFO, context.bytes(), body, &private);
        opened.map(Secret::new).map_err(|_| Unopenable)
    }
}
