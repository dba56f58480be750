//! The master keys in use, which can be replaced while others seal and open.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::{MasterFileError, MasterKeys};

/// The master keys in use. Clones are the same one.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    keys: RwLock<Arc<MasterKeys>>,
    file: Option<PathBuf>,
}

impl Keyring {
    /// A ring with these keys, which are in no file.
    pub fn new(keys: MasterKeys) -> Self {
        Self::of(keys, None)
    }

    /// A ring with the keys in the file at `path`, which is made with one new key if it is not
    /// there.
    ///
    /// # Errors
    ///
    /// Those of [`MasterKeys::open_or_make`].
    pub fn open_or_make(path: &Path) -> Result<Self, MasterFileError> {
        Ok(Self::of(MasterKeys::open_or_make(path)?, Some(path.to_owned())))
    }

    fn of(keys: MasterKeys, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { keys: RwLock::new(Arc::new(keys)), file }))
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Arc<MasterKeys> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the keys for all who ask from now on.
    pub fn replace(&self, keys: MasterKeys) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Takes in the keys that stand in the file now; without a file, nothing.
    ///
    /// # Errors
    ///
    /// Those of [`MasterKeys::read`]; the keys are as they were.
    pub fn reread(&self) -> Result<(), MasterFileError> {
        let Some(path) = &self.0.file else { return Ok(()) };
        // Asked every second, mostly in vain: only for other keys the disk is waited for.
        if MasterKeys::look(path)? != self.keys().ids() {
            self.replace(MasterKeys::read(path)?);
        }
        Ok(())
    }

    /// Forgets all keys but the first, in the file as well: see [`MasterKeys::forget_old`].
    ///
    /// # Errors
    ///
    /// Those of [`MasterKeys::forget_old`]; the keys are as they were.
    pub fn forget_old(&self) -> Result<(), MasterFileError> {
        let Some(path) = &self.0.file else { return Ok(()) };
        self.replace(MasterKeys::forget_old(path, self.keys().ids()[0])?);
        Ok(())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_follows_its_file_and_forgets_no_key_that_it_has_not_seen() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("master.key");
        let ring = Keyring::open_or_make(&path).unwrap();
        let first = ring.keys().ids();
        let second = MasterKeys::rotate(&path).unwrap().ids();
        assert_eq!(ring.keys().ids(), first);
        ring.reread().unwrap();
        assert_eq!(ring.keys().ids(), second);

        let third = MasterKeys::rotate(&path).unwrap().ids();
        ring.forget_old().unwrap();
        assert_eq!(MasterKeys::read(&path).unwrap().ids(), third);
        ring.reread().unwrap();
        ring.forget_old().unwrap();
        assert_eq!(ring.keys().ids(), third[..1]);
        assert_eq!(MasterKeys::read(&path).unwrap().ids(), third[..1]);
    }
}
