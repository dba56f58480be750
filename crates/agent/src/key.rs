//! The key of the node: made once, kept in the state directory, and nowhere else.
//!
//! The keys of tenants are in the ledger, sealed for it, so that a node that was booted serves TLS
//! without a control plane.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_vault::{NodeKey, Secret};

use crate::disk::Disk;

const FILE: &str = "node.key";

/// The key in this directory; a new one if there is none, or one that is none. What was sealed for
/// an earlier one is then sealed anew by the control plane.
pub(crate) async fn open(directory: PathBuf, disk: &Disk) -> io::Result<NodeKey> {
    disk.run(move |disk| read_or_make(&directory.join(FILE), disk)).await
}

fn read_or_make(path: &Path, disk: &Disk) -> io::Result<NodeKey> {
    match fs::read(path) {
        Ok(bytes) => match NodeKey::of(Secret::new(bytes)) {
            Ok(key) => Ok(key),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no key, a new one is made");
                make(path, disk)
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, disk),
        Err(error) => Err(error),
    }
}

fn make(path: &Path, disk: &Disk) -> io::Result<NodeKey> {
    let key = NodeKey::generate();
    disk.stage(path, key.secret().expose())?;
    disk.commit(path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_node_keeps_its_key_to_itself() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(FILE);
        let made = read_or_make(&path, &Disk::Durable).unwrap();
        let read = read_or_make(&path, &Disk::Durable).unwrap();
        assert_eq!(made.public(), read.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_key_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(FILE);
        fs::write(&path, "no key").unwrap();
        let made = read_or_make(&path, &Disk::Durable).unwrap();
        assert_eq!(read_or_make(&path, &Disk::Durable).unwrap().public(), made.public());
    }
}
