//! How long files with lines are kept, and how many of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_model::LoadBalancerId;

use super::LogOptions;
use super::file::absent_or;

/// The most files there are, however short they are.
const MOST_FILES: usize = 50_000;

/// A file of ours.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    /// When it was written to last.
    written: SystemTime,
    size: u64,
    path: PathBuf,
    of: LoadBalancerId,
}

/// Removes the files of ours that were written to the longest time ago, until the rest fit.
pub(super) fn keep_within(directory: &Path, total: u64) -> io::Result<()> {
    let mut files = files(directory)?;
    files.sort();
    let mut all: u64 = files.iter().map(|it| it.size).sum();
    let mut left = files.len();
    for file in files {
        if all <= total && left <= MOST_FILES {
            break;
        }
        absent_or(fs::remove_file(file.path))?;
        all -= file.size;
        left -= 1;
    }
    Ok(())
}

/// Removes the files of load balancers that are not among `held`, once nothing was written to them
/// for as long as they are kept.
pub(crate) fn sweep(
    options: &LogOptions,
    held: &BTreeSet<LoadBalancerId>,
    now: SystemTime,
) -> io::Result<()> {
    let is_over = |file: &Kept| {
        // One from the future is as good as new.
        let age = now.duration_since(file.written).unwrap_or_default();
        !held.contains(&file.of) && age >= options.keep
    };
    for file in files(&options.directory)?.into_iter().filter(is_over) {
        absent_or(fs::remove_file(&file.path))?;
        tracing::info!(path = %file.path.display(), "lines of a load balancer that is gone removed");
    }
    Ok(())
}

fn files(directory: &Path) -> io::Result<Vec<Kept>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let Some(of) = entry.file_name().to_str().and_then(owner) else { continue };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                let (written, size) = (metadata.modified()?, metadata.len());
                files.push(Kept { written, size, path: entry.path(), of });
            }
            // Somebody else's, or gone.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(files)
}

/// Whose lines are in a file of this name, if it is one of ours.
fn owner(name: &str) -> Option<LoadBalancerId> {
    let (id, number) = name.split_once(".log")?;
    let is_number = number.strip_prefix('.').is_some_and(|number| number.parse::<u32>().is_ok());
    if number.is_empty() || is_number { id.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    const STRANGE: &str = "strange.log";

    /// Files of 100 bytes, each with its age in seconds.
    fn place(files: &[(&str, u64)]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (name, age) in files {
            let file = File::create(place.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(*age)).unwrap();
        }
        place
    }

    fn names(place: &tempfile::TempDir) -> BTreeSet<String> {
        let entries = fs::read_dir(place.path()).unwrap();
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn words(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|&it| it.to_owned()).collect()
    }

    #[test]
    fn of_all_files_the_oldest_go_first() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let (a, b, c) = (format!("{a}.log"), format!("{b}.log.1"), format!("{c}.log"));
        let place = place(&[(&a, 30), (&b, 20), (&c, 10), (STRANGE, 40)]);
        keep_within(place.path(), 250).unwrap();
        assert_eq!(names(&place), words(&[&b, &c, STRANGE]));
    }

    #[test]
    fn lines_of_those_who_are_gone_go_when_their_time_is_over() {
        let [held, gone, lately] = [1, 2, 3].map(Uuid::from_u128);
        let (held, lately) = (format!("{held}.log"), format!("{lately}.log"));
        let old = [format!("{gone}.log"), format!("{gone}.log.2")];
        let place = place(&[
            (&held, 9000),
            (&old[0], 9000),
            (&old[1], 9999),
            (&lately, 10),
            (STRANGE, 9000),
        ]);
        let usual = LogOptions::in_directory(place.path().to_owned());
        let options = LogOptions { keep: Duration::from_hours(1), ..usual };
        let among = BTreeSet::from([LoadBalancerId::new(Uuid::from_u128(1))]);
        for _ in 0..2 {
            sweep(&options, &among, SystemTime::now()).unwrap();
            assert_eq!(names(&place), words(&[&held, &lately, STRANGE]));
        }
    }
}
