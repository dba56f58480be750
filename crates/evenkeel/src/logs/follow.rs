//! The end of a file that grows, and that another may take the place of.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was read of a file so far.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    reader: BufReader<File>,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Tail {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let reader = BufReader::new(File::open(path)?);
        Ok(Self { path: path.to_owned(), reader, begun: Vec::new() })
    }

    /// The lines that have come since the last look.
    pub(super) fn lines(&mut self) -> io::Result<Vec<String>> {
        // Asked first: what is written to the old file afterwards is not lost.
        let is_replaced = self.is_replaced()?;
        let mut lines = Vec::new();
        self.read(&mut lines)?;
        if is_replaced {
            self.reader = BufReader::new(File::open(&self.path)?);
            self.begun.clear();
            self.read(&mut lines)?;
        }
        Ok(lines)
    }

    fn read(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
        while self.reader.read_until(b'\n', &mut self.begun)? > 0 {
            if self.begun.last() != Some(&b'\n') {
                break;
            }
            self.begun.pop();
            lines.push(String::from_utf8_lossy(&self.begun).into_owned());
            self.begun.clear();
        }
        Ok(())
    }

    /// Whether another file has the name now, or this one was emptied.
    fn is_replaced(&mut self) -> io::Result<bool> {
        let own = self.reader.get_ref().metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(now) => Ok(now.ino() != own.ino() || now.len() < self.reader.stream_position()?),
            // The next one is not there yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_read_once_and_over_a_rotation() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.log");
        let add = |text: &str| {
            let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        add("one\ntwo\nth");
        let mut tail = Tail::of(&path).unwrap();
        assert_eq!(tail.lines().unwrap(), ["one", "two"]);
        add("ree\n");
        assert_eq!(tail.lines().unwrap(), ["three"]);
        assert!(tail.lines().unwrap().is_empty());
        add("four\n");
        fs::rename(&path, place.path().join("a.log.1")).unwrap();
        add("five\n");
        assert_eq!(tail.lines().unwrap(), ["four", "five"]);
        fs::remove_file(&path).unwrap();
        assert!(tail.lines().unwrap().is_empty());
    }
}
