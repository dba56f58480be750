//! The file with the master keys: text, readable by its owner alone, and never half written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Secret;
use crate::master::MasterKeyId;
use crate::seal::KEY;

/// The first line that is no comment. Another number is another form.
const FORM: &str = "evenkeel master keys 1";

const PREFACE: &str = "\
# Whoever reads this file and the database can read every certificate's private key.
# Without it nobody can. Keep a copy where no copy of the database is.
# The first key seals; the others only open what they have sealed before.
";

/// How many keys a file may hold.
const MOST: usize = 64;

/// How long a file with as many keys is at most, in bytes.
const LONGEST: u64 = 16 * 1024;

/// Why the file with the master keys cannot be used. No part of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum MasterFileError {
    /// There is none.
    #[error("there is no file with master keys at {path}; bring it back from a copy")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others than its owner can read or change it.
    #[error("others can read the master keys in {path}; change them, and type: chmod 600 {path}")]
    Open {
        /// Where it is.
        path: PathBuf,
    },
    /// Something in it is no key, or not the key that it was.
    #[error("line {line} of the master keys in {path} is damaged; bring the file back from a copy")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// From 1; the line after the last one if something is missing.
        line: usize,
    },
    /// One more would be too many.
    #[error("{path} holds {MOST} master keys; seal everything anew, and remove the earlier ones")]
    Full {
        /// Where it is.
        path: PathBuf,
    },
    /// Somebody else is at it.
    #[error("another process changes the master keys in {path}; try again when it has finished")]
    Claimed {
        /// Where it is.
        path: PathBuf,
    },
    /// The system said no.
    #[error("cannot {attempt} the master keys in {path}")]
    System {
        /// What was attempted.
        attempt: &'static str,
        /// Where they are.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// The right to change the file, which one process has at a time and loses when it ends.
#[derive(Debug)]
pub(crate) struct MasterFile<'a> {
    path: &'a Path,
    /// The directory, locked: the file itself is another one after each change.
    place: File,
}

impl<'a> MasterFile<'a> {
    /// The keys in the file, which is on the disk then; the one that seals first.
    pub(crate) fn read(path: &Path) -> Result<Vec<Secret>, MasterFileError> {
        let keys = Self::look(path)?;
        // Whoever put it there may have been ended before it waited for the disk. What is sealed
        // now must not outlive its key in a power cut.
        let waited = directory_of(path).and_then(|place| place.sync_all());
        waited.map_err(failed("wait for", path))?;
        Ok(keys)
    }

    /// The keys in the file, which may not be on the disk yet: nothing is to be sealed with them.
    pub(crate) fn look(path: &Path) -> Result<Vec<Secret>, MasterFileError> {
        let at = |attempt| failed(attempt, path);
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(MasterFileError::Missing { path: path.to_owned() });
            }
            opened => opened.map_err(at("open"))?,
        };
        let mode = file.metadata().map_err(at("look at"))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(MasterFileError::Open { path: path.to_owned() });
        }
        // As long as it can become, so that no part of a key is left behind by growing.
        let mut text = Zeroizing::new(Vec::with_capacity(LONGEST.try_into().unwrap_or(usize::MAX)));
        file.take(LONGEST).read_to_end(&mut text).map_err(at("read"))?;
        parse(&text).map_err(|line| MasterFileError::Damaged { path: path.to_owned(), line })
    }

    /// Claims the right to change the file.
    pub(crate) fn claim(path: &'a Path) -> Result<Self, MasterFileError> {
        let at = |attempt| failed(attempt, path);
        let place = directory_of(path).map_err(at("open the directory of"))?;
        match place.try_lock() {
            Ok(()) => Ok(Self { path, place }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(MasterFileError::Claimed { path: path.to_owned() })
            }
            Err(fs::TryLockError::Error(error)) => Err(at("lock the directory of")(error)),
        }
    }

    /// Makes the file with these keys, unless it has been made meanwhile, and gives those in it.
    pub(crate) fn make(&self, keys: Vec<Secret>) -> Result<Vec<Secret>, MasterFileError> {
        match Self::read(self.path) {
            Err(MasterFileError::Missing { .. }) => {
                self.replace(&keys)?;
                Ok(keys)
            }
            read => read,
        }
    }

    /// Replaces the file with these keys. When this returns they are on the disk; before, and
    /// after a power cut, either the old ones are or the new ones.
    pub(crate) fn replace(&self, keys: &[Secret]) -> Result<(), MasterFileError> {
        if keys.len() > MOST {
            return Err(MasterFileError::Full { path: self.path.to_owned() });
        }
        let staged = self.path.with_added_extension("new");
        // Who changes keys as root takes them from nobody: the service may be another user.
        let owner = fs::metadata(self.path).ok().map(|it| (it.uid(), it.gid()));
        let written = write(&staged, &print(keys), owner)
            .and_then(|()| fs::rename(&staged, self.path))
            .and_then(|()| self.place.sync_all());
        written.map_err(|error| {
            // Of a failed attempt no key is left.
            let _ = fs::remove_file(&staged);
            failed("write", self.path)(error)
        })
    }
}

impl Drop for MasterFile<'_> {
    fn drop(&mut self) {
        // Closing would not do: a child that another thread is just starting has the file, too.
        let _ = self.place.unlock();
    }
}

fn directory_of(path: &Path) -> io::Result<File> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent),
        Some(_) | None => File::open("."),
    }
}

fn write(staged: &Path, text: &[u8], owner: Option<(u32, u32)>) -> io::Result<()> {
    // What an attempt that was broken off has left, perhaps with other permissions.
    match fs::remove_file(staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(staged)?;
    if let Some((user, group)) = owner {
        fchown(&file, Some(user), Some(group))?;
    }
    file.write_all(text)?;
    file.sync_all()
}

fn failed(attempt: &'static str, path: &Path) -> impl Fn(io::Error) -> MasterFileError {
    move |source| MasterFileError::System { attempt, path: path.to_owned(), source }
}

/// The keys of a file, or the number of the first line that is wrong.
fn parse(text: &[u8]) -> Result<Vec<Secret>, usize> {
    let mut keys = Vec::new();
    let mut has_begun = false;
    let mut last = 0;
    for (number, line) in (1..).zip(text.split_inclusive(|&byte| byte == b'\n')) {
        last = number;
        let line = line.strip_suffix(b"\n").ok_or(number)?.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if has_begun {
            keys.push(parse_key(line).ok_or(number)?);
        } else if line == FORM.as_bytes() {
            has_begun = true;
        } else {
            return Err(number);
        }
    }
    if (1..=MOST).contains(&keys.len()) { Ok(keys) } else { Err(last + 1) }
}

/// The name of a key, which tells whether it is still the same, and the key.
fn parse_key(line: &[u8]) -> Option<Secret> {
    let (id, key) = line.split_at(line.iter().position(|&byte| byte == b' ')?);
    let key = Secret::new(STANDARD.decode(key.trim_ascii()).ok()?);
    let is_same = MasterKeyId::of(&key).to_string().as_bytes() == id;
    (key.expose().len() == KEY && is_same).then_some(key)
}

fn print(keys: &[Secret]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(PREFACE.len() + 80 * (1 + keys.len())));
    text.extend_from_slice(PREFACE.as_bytes());
    text.extend_from_slice(FORM.as_bytes());
    for key in keys {
        let base64 = Zeroizing::new(STANDARD.encode(key.expose()));
        text.push(b'\n');
        text.extend_from_slice(MasterKeyId::of(key).to_string().as_bytes());
        text.push(b' ');
        text.extend_from_slice(base64.as_bytes());
    }
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::random_key;

    #[test]
    fn keys_are_read_as_they_were_printed() {
        let keys = [random_key(), random_key()];
        let text = print(&keys);
        assert!(parse(&text) == Ok(keys.to_vec()));
        assert!(print(&vec![random_key(); MOST]).len() as u64 <= LONGEST);
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(
            line in prop::option::of(Just(format!("{FORM}\n"))),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let text = [line.unwrap_or_default().as_bytes(), &bytes].concat();
            // Nobody guesses a key whose name fits.
            prop_assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn a_damaged_line_is_told_by_its_number() {
        let text = String::from_utf8(print(&[random_key(), random_key()]).to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let without_end = text.trim_end();
        let swapped = text.replacen(&lines[5][..16], &lines[4][..16], 1);
        let other_form = text.replace("keys 1", "keys 2");
        let none = lines[..4].join("\n") + "\n";
        for (text, line) in [
            ("", 1),
            (without_end, 6),
            (&swapped, 6),
            (&other_form, 4),
            (&none, 5),
            (&text[..text.len() - 9], 6),
            (&format!("{text}rubbish\n"), 7),
        ] {
            assert!(parse(text.as_bytes()) == Err(line), "line {line}");
        }
    }
}
