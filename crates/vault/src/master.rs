//! The keys that everything in the database is sealed with. They are never in it.
//!
//! Each thing is sealed with a key of its own, and that key with the master key: another master
//! key means sealing the small keys anew, not the things.

use evenkeel_model::tls::Sealed;

use crate::Secret;
use crate::seal::{self, Context, Unopenable};

/// How long a key sealed with another is: nonce, key, tag.
const WRAPPED: usize = 12 + seal::KEY + 16;

/// The master keys: one that seals, and earlier ones that still open.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct MasterKeys {
    /// The one that seals first.
    keys: Vec<Secret>,
}

impl MasterKeys {
    /// One new key, which is nowhere else.
    pub fn generate() -> Self {
        Self { keys: vec![seal::random_key()] }
    }

    /// Seals `secret` for `context`.
    pub fn seal(&self, secret: &Secret, context: &Context) -> Sealed {
        let own = seal::random_key();
        let mut bytes = seal::seal(&self.keys[0], own.expose(), context.bytes());
        bytes.extend(seal::seal(&own, secret.expose(), context.bytes()));
        seal::to_text(&bytes)
    }

    /// Opens what was sealed for `context`.
    ///
    /// # Errors
    ///
    /// [`Unopenable`].
    pub fn open(&self, sealed: &Sealed, context: &Context) -> Result<Secret, Unopenable> {
        let bytes = seal::from_text(sealed)?;
        let (wrapped, body) = bytes.split_at_checked(WRAPPED).ok_or(Unopenable)?;
        let open = |key| seal::open(key, wrapped, context.bytes()).ok();
        let own = self.keys.iter().find_map(open).ok_or(Unopenable)?;
        seal::open(&own, body, context.bytes())
    }
}
