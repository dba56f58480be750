//! The directory in a site that HAProxy works in, and that is all it sees once it serves as a user
//! of its own: there are only sockets in it, for whoever talks to it and whom it talks to.
//!
//! What it reads at its start, and the sockets it is steered by, are one level up and out of its
//! reach then.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use crate::record::off_runtime;

/// Its name, in the site's directory.
const NAME: &str = "jail";

/// The jail of a site, and the user who is locked in.
#[derive(Clone, Debug)]
pub(crate) struct Jail {
    path: PathBuf,
    user: Option<u32>,
}

impl Jail {
    pub(crate) fn of(directory: &Path, user: Option<u32>) -> Self {
        Self { path: directory.join(NAME), user }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, or closes the one that is there: its user may pass through and use what is in it,
    /// also if an earlier one was another, and nothing else.
    pub(crate) async fn prepare(&self) -> io::Result<()> {
        let jail = self.clone();
        off_runtime(move || jail.make()).await
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let Some(user) = self.user else {
            return fs::set_permissions(&self.path, Permissions::from_mode(0o700));
        };
        chown(&self.path, None, Some(user))?;
        fs::set_permissions(&self.path, Permissions::from_mode(0o710))?;
        for entry in fs::read_dir(&self.path)? {
            match lchown(entry?.path(), Some(user), Some(user)) {
                // A socket may be replaced at this moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                given => given?,
            }
        }
        Ok(())
    }

    pub(crate) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Removes it with all that is in it; one that is not there is removed already.
    pub(crate) async fn remove(&self) -> io::Result<()> {
        let path = self.path.clone();
        off_runtime(move || match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
        .await
    }
}
