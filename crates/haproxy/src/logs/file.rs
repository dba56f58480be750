//! The files of one load balancer's lines.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_model::LoadBalancerId;

use super::LogOptions;
use super::retention::keep_within;

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

pub(super) fn absent_or(done: io::Result<()>) -> io::Result<()> {
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
}
