//! The directory of a site, and the mark by which the agent knows that it made it.
//!
//! A directory appears with its mark in it and disappears as a whole, so that a crash leaves none
//! that nobody would dare to remove. What is not marked is a stranger's: never entered, never
//! deleted.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use evenkeel_model::{Epoch, LoadBalancerId};
use evenkeel_plumbing::running::users_among;

use crate::disk::{Disk, make_private};
use crate::users::Users;

const MARK: &str = ".site.json";
/// Before the name of a directory that is not there yet, or not any more.
const PASSING: &str = ".passing-";

/// What the mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    load_balancer: LoadBalancerId,
    /// The placement under which a driver last applied a graph here.
    epoch: Option<Epoch>,
    /// The user that its data plane is.
    #[serde(default)]
    user: Option<u32>,
}

/// What stands where the directory of a load balancer belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteDirectory {
    /// Nothing.
    Absent,
    /// Ours.
    Ours {
        /// The placement under which a driver last applied a graph here.
        epoch: Option<Epoch>,
    },
    /// Something that the agent did not make.
    Strange,
}

/// The directory of all sites.
#[derive(Clone, Debug)]
pub(crate) struct SiteDirectories {
    root: PathBuf,
    disk: Disk,
    users: Arc<Users>,
}

impl SiteDirectories {
    /// Opens the directory of all sites, and finishes what a crash interrupted. Whoever has no user
    /// of `range`, while there is one, gets one.
    pub(crate) async fn open(
        root: PathBuf,
        disk: Disk,
        range: Option<RangeInclusive<u32>>,
    ) -> io::Result<Self> {
        let path = root.clone();
        let prepare = move |disk: &Disk| {
            clean(&path)?;
            settle_users(disk, &path, range)
        };
        let users = Arc::new(disk.run(prepare).await?);
        Ok(Self { root, disk, users })
    }

    /// The users of this node.
    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    /// Where the site of a load balancer is.
    pub(crate) fn path(&self, id: LoadBalancerId) -> PathBuf {
        self.root.join(id.to_string())
    }

    /// What is there.
    pub(crate) async fn read(&self, id: LoadBalancerId) -> io::Result<SiteDirectory> {
        let path = self.path(id);
        self.disk.run(move |_| read(&path, id)).await
    }

    /// Makes the directory, marked.
    pub(crate) async fn make(&self, id: LoadBalancerId) -> io::Result<()> {
        let (path, passing) = (self.path(id), self.passing(id));
        let mark = Mark { load_balancer: id, epoch: None, user: self.users.of(id) };
        let make = move |disk: &Disk| {
            make_private(&passing)?;
            write_mark(disk, &passing, mark)?;
            disk.rename(&passing, &path)
        };
        self.disk.run(make).await
    }

    /// Notes the placement under which a driver has applied a graph.
    pub(crate) async fn note(&self, id: LoadBalancerId, epoch: Epoch) -> io::Result<()> {
        let path = self.path(id);
        let mark = Mark { load_balancer: id, epoch: Some(epoch), user: self.users.of(id) };
        let note = move |disk: &Disk| write_mark(disk, &path, mark);
        self.disk.run(note).await
    }

    /// Removes the directory with all that is in it, if it is ours.
    pub(crate) async fn remove(&self, id: LoadBalancerId) -> io::Result<()> {
        let (path, passing) = (self.path(id), self.passing(id));
        let remove = move |disk: &Disk| match read(&path, id)? {
            SiteDirectory::Absent | SiteDirectory::Strange => Ok(()),
            SiteDirectory::Ours { .. } => {
                remove_all(&passing)?;
                disk.rename(&path, &passing)?;
                remove_all(&passing)
            }
        };
        let removed = self.disk.run(remove).await;
        // Once it has no place any more, nobody asks to remove it again.
        if matches!(self.read(id).await, Ok(SiteDirectory::Absent)) {
            self.users.take_back(id);
        }
        removed
    }

    /// The load balancers that have a directory of ours, in the order of their ids.
    pub(crate) async fn list(&self) -> io::Result<Vec<(LoadBalancerId, Epoch)>> {
        let root = self.root.clone();
        self.disk.run(move |_| list(&root)).await
    }

    fn passing(&self, id: LoadBalancerId) -> PathBuf {
        self.root.join(format!("{PASSING}{id}"))
    }
}

fn clean(root: &Path) -> io::Result<()> {
    make_private(root)?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PASSING) {
            remove_all(&entry.path())?;
        }
    }
    Ok(())
}

/// The same without an agent.
pub(crate) fn list(root: &Path) -> io::Result<Vec<(LoadBalancerId, Epoch)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Ok(id) = name.parse::<LoadBalancerId>() else {
            continue;
        };
        match read(&path, id) {
            Ok(SiteDirectory::Ours { epoch }) => found.push((id, epoch.unwrap_or_default())),
            Ok(SiteDirectory::Absent | SiteDirectory::Strange) => {}
            // One that cannot be read hides no other.
            Err(error) => tracing::warn!(load_balancer = %id, %error, "a site was not read"),
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, id: LoadBalancerId) -> io::Result<SiteDirectory> {
    // Not following links: what a link points to was not made by the agent.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SiteDirectory::Absent),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_dir() => return Ok(SiteDirectory::Strange),
        Ok(_) => {}
    }
    match fs::read(path.join(MARK)) {
        Ok(bytes) => Ok(judge(&bytes, id)),
        // An empty directory can be taken over: renaming ours onto it does so.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let empty = fs::read_dir(path)?.next().is_none();
            Ok(if empty { SiteDirectory::Absent } else { SiteDirectory::Strange })
        }
        Err(error) => Err(error),
    }
}

fn judge(bytes: &[u8], id: LoadBalancerId) -> SiteDirectory {
    match serde_json::from_slice::<Mark>(bytes) {
        // A copy of another site: its files speak of processes that are not this one's.
        Ok(mark) if mark.load_balancer != id => SiteDirectory::Strange,
        Ok(mark) => SiteDirectory::Ours { epoch: mark.epoch },
        Err(_) => SiteDirectory::Ours { epoch: None },
    }
}

/// Who is which user, by the marks, and the marks by that.
fn settle_users(disk: &Disk, root: &Path, range: Option<RangeInclusive<u32>>) -> io::Result<Users> {
    let sites = list(root)?;
    let noted = |id: LoadBalancerId| {
        let mark = fs::read(root.join(id.to_string()).join(MARK)).ok()?;
        serde_json::from_slice::<Mark>(&mark).ok()
    };
    let marks: Vec<_> = sites.iter().map(|(id, _)| (*id, noted(*id))).collect();
    let known = marks.iter().filter_map(|(id, mark)| Some((*id, mark.as_ref()?.user?)));
    let alive = range.as_ref().map(users_among).transpose()?.unwrap_or_default();
    let users = Users::new(range, known, alive);
    for (id, mark) in marks {
        if users.give(id).is_err() {
            // It serves on as who it is, and is told so when it is looked at.
            tracing::error!(load_balancer = %id, "no user is left; the operator widens `users`");
            continue;
        }
        let (epoch, user) = mark.map_or((None, None), |mark| (mark.epoch, mark.user));
        if users.of(id) != user {
            let mark = Mark { load_balancer: id, epoch, user: users.of(id) };
            write_mark(disk, &root.join(id.to_string()), mark)?;
        }
    }
    Ok(users)
}

fn write_mark(disk: &Disk, directory: &Path, mark: Mark) -> io::Result<()> {
    let bytes = serde_json::to_vec(&mark)?;
    let path = directory.join(MARK);
    disk.stage(&path, &bytes)?;
    disk.commit(&path)
}

fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> LoadBalancerId {
        LoadBalancerId::new(Uuid::from_u128(number))
    }

    async fn open(root: &Path) -> SiteDirectories {
        let disk = Disk::Simulated(Arc::default());
        SiteDirectories::open(root.to_owned(), disk, None).await.unwrap()
    }

    #[tokio::test]
    async fn a_directory_is_private_and_tells_its_placement() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let sites = open(root.path()).await;
        assert_eq!(sites.read(id(1)).await.unwrap(), SiteDirectory::Absent);
        sites.make(id(1)).await.unwrap();
        let ours = |epoch| SiteDirectory::Ours { epoch };
        assert_eq!(sites.read(id(1)).await.unwrap(), ours(None));
        sites.note(id(1), Epoch::new(3)).await.unwrap();
        assert_eq!(sites.read(id(1)).await.unwrap(), ours(Some(Epoch::new(3))));
        assert_eq!(sites.list().await.unwrap(), [(id(1), Epoch::new(3))]);
        let mode = fs::metadata(sites.path(id(1))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        sites.remove(id(1)).await.unwrap();
        sites.remove(id(1)).await.unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_the_agent_did_not_make_is_strange_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let sites = open(root.path()).await;
        sites.make(id(1)).await.unwrap();
        // A copy of another site, a link to one, files, and a file.
        fs::create_dir(sites.path(id(2))).unwrap();
        fs::copy(sites.path(id(1)).join(MARK), sites.path(id(2)).join(MARK)).unwrap();
        std::os::unix::fs::symlink(sites.path(id(1)), sites.path(id(3))).unwrap();
        fs::create_dir(sites.path(id(4))).unwrap();
        fs::write(sites.path(id(4)).join("file"), b"").unwrap();
        fs::write(sites.path(id(5)), b"").unwrap();
        for number in 2..=5 {
            let strange = id(number);
            assert_eq!(sites.read(strange).await.unwrap(), SiteDirectory::Strange, "{strange}");
            sites.remove(strange).await.unwrap();
            assert!(sites.path(strange).exists(), "{strange}");
        }
        assert!(sites.make(id(4)).await.is_err());
        assert_eq!(sites.list().await.unwrap(), [(id(1), Epoch::default())]);
    }

    #[tokio::test]
    async fn a_user_is_kept_over_lives_and_free_with_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let open = async |range| {
            let disk = Disk::Simulated(Arc::default());
            SiteDirectories::open(root.path().to_owned(), disk, range).await.unwrap()
        };
        let users = |sites: &SiteDirectories| [1, 2].map(|number| sites.users().of(id(number)));
        let sites = open(None).await;
        sites.make(id(1)).await.unwrap();
        assert_eq!(users(&sites), [None, None]);
        // Users come into use: who is there gets one as well.
        let sites = open(Some(70..=71)).await;
        sites.users().give(id(2)).unwrap();
        sites.make(id(2)).await.unwrap();
        sites.note(id(2), Epoch::new(3)).await.unwrap();
        assert_eq!(users(&sites), [Some(70), Some(71)]);
        let sites = open(Some(70..=75)).await;
        assert_eq!(users(&sites), [Some(70), Some(71)]);
        let sites = open(Some(71..=75)).await;
        assert_eq!(users(&sites), [Some(72), Some(71)]);
        assert_eq!(sites.list().await.unwrap()[1], (id(2), Epoch::new(3)));
        // Too few: nobody becomes nobody's, and whoever has none keeps what is noted.
        let narrow = open(Some(71..=71)).await;
        assert_eq!(users(&narrow), [None, Some(71)]);
        assert!(narrow.users().give(id(1)).is_err());
        let sites = open(Some(71..=75)).await;
        assert_eq!(users(&sites), [Some(72), Some(71)]);
        sites.remove(id(2)).await.unwrap();
        assert_eq!(users(&sites), [Some(72), None]);
        assert_eq!(users(&open(None).await), [None, None]);
    }

    #[tokio::test]
    async fn what_a_crash_left_half_made_or_half_removed_is_cleaned_up() {
        let root = tempfile::tempdir().unwrap();
        let sites = open(root.path()).await;
        let half = sites.passing(id(1));
        fs::create_dir(&half).unwrap();
        fs::write(half.join("file"), b"").unwrap();
        fs::create_dir(sites.path(id(2))).unwrap();
        let sites = open(root.path()).await;
        assert!(!half.exists());
        // An empty directory is taken over, and a mark that cannot be read is still ours.
        sites.make(id(2)).await.unwrap();
        fs::write(sites.path(id(2)).join(MARK), b"").unwrap();
        let read = sites.read(id(2)).await.unwrap();
        assert_eq!(read, SiteDirectory::Ours { epoch: None });
    }
}
