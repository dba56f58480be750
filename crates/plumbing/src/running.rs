//! Programs that run on this node, seen from outside.

use std::collections::BTreeSet;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A process, as far as we may look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub pid: u32,
    /// Where it works.
    pub directory: PathBuf,
    /// The files that it has open, sockets and the like not among them.
    pub open: Vec<PathBuf>,
}

/// The processes of programs of this name, and how many of them we have no right to look at.
///
/// # Errors
///
/// The list of processes could not be read.
pub fn running(name: &str) -> io::Result<(Vec<Running>, usize)> {
    let (mut found, mut hidden) = (Vec::new(), 0);
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let comm = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.trim_end() != name {
            continue;
        }
        match look(pid) {
            Ok(running) => found.push(running),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
            // It has ended meanwhile.
            Err(_) => {}
        }
    }
    Ok((found, hidden))
}

/// The users of `range` that some process is, or could become again.
///
/// # Errors
///
/// The list of processes could not be read.
pub fn users_among(range: &RangeInclusive<u32>) -> io::Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        // The owner of the directory would not do: of who gave up rights, that is root.
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        found.extend(line.split_whitespace().filter_map(|user| user.parse::<u32>().ok()));
    }
    found.retain(|user| range.contains(user));
    Ok(found)
}

fn look(pid: u32) -> io::Result<Running> {
    let directory = std::fs::read_link(format!("/proc/{pid}/cwd"))?;
    let links = std::fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    let open = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    Ok(Running { pid, directory, open: open.filter(|path| path.is_absolute()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_among_those_of_its_name() {
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("open");
        let _file = std::fs::File::create(&path).unwrap();
        let (found, _) = running(name.trim_end()).unwrap();
        let own = found.iter().find(|it| it.pid == std::process::id()).unwrap();
        assert_eq!(own.directory, std::env::current_dir().unwrap());
        assert!(own.open.contains(&path), "{own:?}");
        assert_eq!(running("no program has this name").unwrap(), (Vec::new(), 0));
    }
    #[test]
    fn this_test_is_a_user_among_others() {
        let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
        assert_eq!(users_among(&(own..=own)).unwrap(), BTreeSet::from([own]));
        assert_eq!(users_among(&(u32::MAX..=u32::MAX)).unwrap(), BTreeSet::new());
    }
}
