//! The files of one load balancer's lines, and how many there may be.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_model::LoadBalancerId;

use super::LogOptions;

/// Where the lines of one load balancer go.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    options: Arc<LogOptions>,
    open: Option<(File, u64)>,
    /// Whether the last lines could not be written, which is told once.
    fails: bool,
}

impl LogFile {
    pub(super) fn of(id: LoadBalancerId, options: &Arc<LogOptions>) -> Self {
        let path = options.directory.join(format!("{id}.log"));
        Self { path, options: Arc::clone(options), open: None, fails: false }
    }

    /// Adds lines. On a full disk they are lost, and it goes on when there is room again.
    pub(super) fn append(&mut self, lines: &[String]) {
        let written = self.write(lines.concat().as_bytes());
        if let Err(error) = &written {
            self.open = None;
            if !self.fails {
                tracing::warn!(path = %self.path.display(), %error, "lines of HAProxy are lost");
            }
        }
        self.fails = written.is_err();
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = bytes.len() as u64;
        if self.open.as_ref().is_some_and(|(_, size)| size + added > self.options.file_bytes) {
            self.open = None;
            self.rotate()?;
        }
        let (file, size) = match &mut self.open {
            Some(open) => open,
            none => {
                let is_new = !self.path.exists();
                let opened = none.insert(open(&self.path)?);
                if is_new {
                    keep_within(&self.options.directory, self.options.total_bytes)?;
                }
                opened
            }
        };
        file.write_all(bytes)?;
        *size += added;
        Ok(())
    }

    /// Makes room for a new file: each gets the next number, and the last goes.
    fn rotate(&self) -> io::Result<()> {
        let numbered = |number: u32| match number {
            0 => self.path.clone(),
            number => self.path.with_added_extension(number.to_string()),
        };
        let older = self.options.older_files;
        absent_or(fs::remove_file(numbered(older)))?;
        for number in (0..older).rev() {
            absent_or(fs::rename(numbered(number), numbered(number + 1)))?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// The most files there are, however short they are.
const MOST_FILES: usize = 50_000;

/// Whether a file has the name of one of ours.
fn is_ours(name: &str) -> bool {
    let Some((id, number)) = name.split_once(".log") else { return false };
    let is_number = number.strip_prefix('.').is_some_and(|number| number.parse::<u32>().is_ok());
    id.parse::<LoadBalancerId>().is_ok() && (number.is_empty() || is_number)
}

/// Removes the files of ours that were written to the longest time ago, until the rest fit.
fn keep_within(directory: &Path, total: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)?.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(is_ours);
        match entry.metadata() {
            Ok(metadata) if is_ours && metadata.is_file() => {
                files.push((metadata.modified()?, metadata.len(), entry.path()));
            }
            // Somebody else's, or gone.
            Ok(_) | Err(_) => {}
        }
    }
    files.sort();
    let mut all: u64 = files.iter().map(|(_, size, _)| size).sum();
    let mut left = files.len();
    for (_, size, path) in files {
        if all <= total && left <= MOST_FILES {
            break;
        }
        absent_or(fs::remove_file(path))?;
        all -= size;
        left -= 1;
    }
    Ok(())
}

fn absent_or(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use uuid::Uuid;

    use super::*;

    fn options(directory: &Path) -> Arc<LogOptions> {
        Arc::new(LogOptions {
            file_bytes: 100,
            older_files: 2,
            ..LogOptions::in_directory(directory.join("logs"))
        })
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_private_and_there_are_so_many_at_most() {
        let place = tempfile::tempdir().unwrap();
        let options = options(place.path());
        let id = LoadBalancerId::new(Uuid::nil());
        let mut file = LogFile::of(id, &options);
        for number in 0..100 {
            file.append(&[format!("line {number:03} of 20 bytes\n")]);
        }
        let log = format!("{id}.log");
        assert_eq!(
            names(&options.directory),
            [log.clone(), format!("{log}.1"), format!("{log}.2")]
        );
        let path = options.directory.join(&log);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(path).unwrap().ends_with("line 099 of 20 bytes\n"));
        let older = fs::read_to_string(options.directory.join(format!("{log}.1"))).unwrap();
        assert!(older.len() <= 100 && older.starts_with("line "), "{older}");
        // Another life goes on in the same file.
        LogFile::of(id, &options).append(&["more\n".to_owned()]);
        let text = fs::read_to_string(options.directory.join(&log)).unwrap();
        assert!(text.contains("line 099") && text.ends_with("more\n"), "{text}");
    }

    #[test]
    fn of_all_files_the_oldest_go_first() {
        let place = tempfile::tempdir().unwrap();
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let (a, b, c) = (format!("{a}.log"), format!("{b}.log.1"), format!("{c}.log"));
        for (name, age) in [(&a, 30), (&b, 20), (&c, 10), (&"strange.log".to_owned(), 40)] {
            let file = File::create(place.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
            file.set_modified(long_ago).unwrap();
        }
        keep_within(place.path(), 250).unwrap();
        assert_eq!(names(place.path()), [b, c, "strange.log".to_owned()]);
    }
}
