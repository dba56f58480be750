//! The keys that everything in the database is sealed with. They are never in it.
//!
//! Each thing is sealed with a key of its own, and that key with the master key: another master
//! key means sealing the small keys anew, not the things.

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{Context as Digest, SHA256};
use evenkeel_model::tls::Sealed;

use crate::Secret;
use crate::master_file::{MasterFile, MasterFileError};
use crate::seal::{self, Context, Unopenable};

/// How what is sealed begins: with the form of the rest.
const FORM: u8 = 1;

/// How long the name of a key is, in bytes.
const ID: usize = 8;

/// How long a key sealed with another is: nonce, key, tag.
const WRAPPED: usize = 12 + seal::KEY + 16;

/// The name of a master key: no secret, and made from the key, so that none has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterKeyId([u8; ID]);

impl MasterKeyId {
    pub(crate) fn of(key: &Secret) -> Self {
        let mut digest = Digest::new(&SHA256);
        digest.update(b"evenkeel master key 1");
        digest.update(key.expose());
        let mut id = [0; ID];
        id.copy_from_slice(&digest.finish().as_ref()[..ID]);
        Self(id)
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The master keys: one that seals, and earlier ones that still open.
///
/// To change the key: [`Self::rotate`], [`Self::reseal`] all that [`Self::is_current`] denies, and
/// then [`Self::forget_old`]. Each step may be broken off anywhere and taken again. Everyone who
/// reads the database must have the new key before anything is sealed with it: a control plane
/// that was started with the older file cannot open what a newer one has sealed.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct MasterKeys {
    /// The one that seals first; at least one.
    keys: Vec<Secret>,
}

impl MasterKeys {
    /// One new key, which is nowhere else.
    pub fn generate() -> Self {
        Self { keys: vec![seal::random_key()] }
    }

    /// The keys in the file at `path`, which is made with one new key if it is not there.
    ///
    /// A file that is made is on the disk, and readable by its owner alone, when this returns.
    /// Made twice at once, the second finds it there or is told to try again.
    ///
    /// # Errors
    ///
    /// [`MasterFileError`]. A file that is not as it should be is never replaced: it may be the
    /// only one that opens the database.
    pub fn open_or_make(path: &Path) -> Result<Self, MasterFileError> {
        let keys = match MasterFile::read(path) {
            Err(MasterFileError::Missing { .. }) => {
                MasterFile::claim(path)?.make(Self::generate().keys)?
            }
            read => read?,
        };
        Ok(Self { keys })
    }

    /// The keys in the file at `path`.
    ///
    /// # Errors
    ///
    /// [`MasterFileError`].
    pub fn read(path: &Path) -> Result<Self, MasterFileError> {
        Ok(Self { keys: MasterFile::read(path)? })
    }

    /// The names of the keys in the file at `path`, without waiting for the disk.
    pub(crate) fn look(path: &Path) -> Result<Vec<MasterKeyId>, MasterFileError> {
        Ok(MasterFile::look(path)?.iter().map(MasterKeyId::of).collect())
    }

    /// Puts a new key before those in the file at `path`, and gives them all.
    ///
    /// Broken off, it has either happened or not. Called again, it adds another key.
    ///
    /// # Errors
    ///
    /// [`MasterFileError`]; the file is as it was.
    pub fn rotate(path: &Path) -> Result<Self, MasterFileError> {
        let file = MasterFile::claim(path)?;
        let mut keys = MasterFile::read(path)?;
        keys.insert(0, seal::random_key());
        file.replace(&keys)?;
        Ok(Self { keys })
    }

    /// Removes all keys but the first from the file at `path`, if that is the key that `sealing`
    /// names, and gives those that are left.
    ///
    /// What one of the others has sealed can never be opened again: call it when everything
    /// [`Self::is_current`]. Called again, it changes nothing; nor does it if yet another key was
    /// put before the others meanwhile.
    ///
    /// # Errors
    ///
    /// [`MasterFileError`]; the file is as it was.
    pub fn forget_old(path: &Path, sealing: MasterKeyId) -> Result<Self, MasterFileError> {
        let file = MasterFile::claim(path)?;
        let mut keys = MasterFile::read(path)?;
        if keys.len() > 1 && MasterKeyId::of(&keys[0]) == sealing {
            keys.truncate(1);
            file.replace(&keys)?;
        }
        Ok(Self { keys })
    }

    /// The names of the keys; the one that seals first.
    pub fn ids(&self) -> Vec<MasterKeyId> {
        self.keys.iter().map(MasterKeyId::of).collect()
    }

    /// Seals `secret` for `context`.
    pub fn seal(&self, secret: &Secret, context: &Context) -> Sealed {
        let own = seal::random_key();
        let body = seal::seal(&own, secret.expose(), context.bytes());
        seal::to_text(&self.wrap(&own, &body))
    }

    /// Opens what was sealed for `context`.
    ///
    /// # Errors
    ///
    /// [`Unopenable`].
    pub fn open(&self, sealed: &Sealed, context: &Context) -> Result<Secret, Unopenable> {
        let bytes = seal::from_text(sealed)?;
        let parts = SealedParts::of(&bytes)?;
        seal::open(&self.unwrap_key(&parts)?, parts.body, context.bytes())
    }

    /// Whether the key that seals has sealed this. What is damaged is not current.
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        seal::from_text(sealed).is_ok_and(|bytes| {
            SealedParts::of(&bytes).is_ok_and(|parts| parts.id == MasterKeyId::of(&self.keys[0]))
        })
    }

    /// The same thing, sealed with the key that seals now; what is current stays as it is.
    ///
    /// The thing itself is not opened, so nobody need know what it is for, and it costs the same
    /// however long the thing is.
    ///
    /// # Errors
    ///
    /// [`Unopenable`].
    pub fn reseal(&self, sealed: &Sealed) -> Result<Sealed, Unopenable> {
        if self.is_current(sealed) {
            return Ok(sealed.clone());
        }
        let bytes = seal::from_text(sealed)?;
        let parts = SealedParts::of(&bytes)?;
        Ok(seal::to_text(&self.wrap(&self.unwrap_key(&parts)?, parts.body)))
    }

    /// `own`, sealed with the first key, before what it has sealed itself.
    fn wrap(&self, own: &Secret, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend(MasterKeyId::of(&self.keys[0]).0);
        let wrapped = seal::seal(&self.keys[0], own.expose(), &bytes);
        bytes.extend(wrapped);
        bytes.extend_from_slice(body);
        bytes
    }

    fn unwrap_key(&self, parts: &SealedParts) -> Result<Secret, Unopenable> {
        let key = self.keys.iter().find(|key| MasterKeyId::of(key) == parts.id);
        seal::open(key.ok_or(Unopenable)?, parts.wrapped, parts.head)
    }
}

/// What a sealed thing is made of. Only its body is bound to what it is for: a body opens with no
/// key but its own, so nothing is gained by putting another's before it.
struct SealedParts<'a> {
    /// The form and the name of the master key.
    head: &'a [u8],
    id: MasterKeyId,
    wrapped: &'a [u8],
    body: &'a [u8],
}

impl<'a> SealedParts<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Unopenable> {
        let (head, rest) = bytes.split_at_checked(1 + ID).ok_or(Unopenable)?;
        let (wrapped, body) = rest.split_at_checked(WRAPPED).ok_or(Unopenable)?;
        let id = head.strip_prefix(&[FORM]).and_then(|id| id.try_into().ok());
        Ok(Self { head, id: MasterKeyId(id.ok_or(Unopenable)?), wrapped, body })
    }
}
