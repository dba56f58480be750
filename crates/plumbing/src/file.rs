//! Files that are whole, whatever happens to us while they are written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FsWord, statfs, statvfs};
use rustix::process::geteuid;

/// Replaces the file at `path`, readable by its owner alone, so that after a crash of this process
/// either the old or the new content is there, and never a part of it.
///
/// The disk is not waited for: after a power cut either may be there, or an empty file. It is for
/// what is worth nothing without the processes that a power cut ends too.
///
/// # Errors
///
/// What the system said, [`io::ErrorKind::StorageFull`] among it; the old content is still there.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let staged = staged(path);
    let written = write(&staged, content).and_then(|()| fs::rename(&staged, path));
    if written.is_err() {
        // Of a failed attempt nothing is left, so that it does not keep a full disk full.
        let _ = fs::remove_file(&staged);
    }
    written
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)
}

/// Removes a file, and what a replacement that was broken off has left beside it; one that is not
/// there is removed already.
///
/// # Errors
///
/// What the system said.
pub fn remove(path: &Path) -> io::Result<()> {
    remove_one(&staged(path))?;
    remove_one(path)
}

/// Whether what is written to `directory` stays in memory: never on a disk, and gone after a reboot.
///
/// # Errors
///
/// What the system said.
pub fn is_in_memory(directory: &Path) -> io::Result<bool> {
    // As `linux/magic.h` has them.
    const TMPFS: FsWord = 0x0102_1994;
    const RAMFS: FsWord = 0x8584_58f6;
    Ok([TMPFS, RAMFS].contains(&statfs(directory)?.f_type))
}

/// How much room there is where `path` is, as far as we may use it: bytes, and files.
///
/// # Errors
///
/// What the system said; that there is nothing among it.
pub fn room(path: &Path) -> io::Result<(u64, u64)> {
    let found = statvfs(path)?;
    Ok((found.f_bavail.saturating_mul(found.f_frsize), found.f_favail))
}

/// Whether what stands at `path` is ours. A link is not followed.
///
/// # Errors
///
/// What the system said; that there is nothing among it.
pub fn is_ours(path: &Path) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.uid() == geteuid().as_raw())
}

/// Whether `directory` is ours, and nobody else can put something in its place: neither a link nor
/// another directory.
///
/// # Errors
///
/// What the system said; that there is nothing among it.
pub fn is_ours_alone(directory: &Path) -> io::Result<bool> {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let is_directory = fs::symlink_metadata(directory)?.is_dir();
    let above = fs::metadata(directory.join(".."))?;
    let is_above_safe = [geteuid().as_raw(), 0].contains(&above.uid())
        && (above.mode() & OTHERS_WRITE == 0 || above.mode() & STICKY != 0);
    Ok(is_directory && is_ours(directory)? && is_above_safe)
}

/// Where the new content of a file is until it is whole.
fn staged(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

fn remove_one(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_private() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn memory_is_told_from_disks() {
        assert!(is_in_memory(Path::new("/dev/shm")).unwrap());
        assert!(!is_in_memory(Path::new("/proc")).unwrap());
        assert!(is_in_memory(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn a_directory_that_others_could_replace_is_not_ours_alone() {
        let place = tempfile::tempdir().unwrap();
        let open = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode));
        let (own, link) = (place.path().join("own"), place.path().join("link"));
        fs::create_dir(&own).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        for (mode, expected) in [(0o700, true), (0o755, true), (0o1777, true), (0o777, false)] {
            open(mode).unwrap();
            assert_eq!(is_ours_alone(&own).unwrap(), expected, "{mode:o}");
        }
        open(0o700).unwrap();
        assert!(!is_ours_alone(&link).unwrap());
        assert!(is_ours(&link).unwrap());
        assert!(is_ours_alone(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn a_failed_attempt_leaves_the_old_content() {
        let full = Path::new("/dev/full/x");
        assert!(replace(full, b"one").is_err());
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.json");
        replace(&path, b"one").unwrap();
        fs::create_dir(staged(&path)).unwrap();
        assert!(replace(&path, b"two").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_file_is_removed_with_its_half_replacement() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.json");
        remove(&path).unwrap();
        fs::write(&path, b"one").unwrap();
        fs::write(staged(&path), b"tw").unwrap();
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
