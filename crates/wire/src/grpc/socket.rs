//! The Unix socket that agents connect to, and who may.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::peer::Peer;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system did not let us.
    #[error("could not {attempt} {path}")]
    System {
        /// What was attempted.
        attempt: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Anybody could put another socket in its place.
    #[error(
        "others may write in {0}, the directory of the agents' socket; chmod 0755 it, or choose \
         another [agents] socket"
    )]
    Open(PathBuf),
    /// A file that is no socket.
    #[error("{0} is there and is no socket; remove it, or choose another [agents] socket")]
    Strange(PathBuf),
    /// Somebody listens there.
    #[error("another evenkeel server listens at {0}; stop it, or choose another [agents] socket")]
    Taken(PathBuf),
}

/// The socket that agents connect to.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// Who may connect besides root and us.
    others: BTreeSet<u32>,
    listener: UnixListener,
    /// The file that was made, and its owner: us.
    made: Made,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    inode: u64,
    uid: u32,
}

impl Socket {
    /// Listens at `path`, which an earlier life may have left; its directory is made if it is not
    /// there. Root, the user of this process and `others` may connect. Without others the file is
    /// open to its owner alone.
    ///
    /// # Errors
    ///
    /// [`SocketError`]: it cannot be.
    pub async fn bind(path: &Path, others: BTreeSet<u32>) -> Result<Self, SocketError> {
        if let Some(directory) = path.parent() {
            prepare(directory, !others.is_empty())?;
        }
        make_room(path).await?;
        let (listener, made) = listen(path, !others.is_empty())?;
        Ok(Self { path: path.to_owned(), others, listener, made })
    }

    /// The next connection, and who it is.
    pub(super) async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok((stream, Peer::Local { uid: credentials.uid(), pid }))
    }

    /// Whether a peer may say anything at all.
    pub(super) fn admits(&self, peer: Peer) -> bool {
        match peer {
            Peer::Within => true,
            Peer::Local { uid, .. } => {
                uid == 0 || uid == self.made.uid || self.others.contains(&uid)
            }
        }
    }

    /// Whether the file is still the one that was made.
    pub(super) fn is_there(&self) -> bool {
        file(&self.path).is_ok_and(|found| found == self.made)
    }

    /// Makes the file anew, after somebody took it away. What stands in its place now is not ours
    /// to remove.
    pub(super) fn renew(&mut self) -> Result<(), SocketError> {
        (self.listener, self.made) = listen(&self.path, !self.others.is_empty())?;
        Ok(())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.is_there() {
            // Left behind, it is taken for an earlier life's.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn system(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::System { attempt, path, source }
}

fn prepare(directory: &Path, shared: bool) -> Result<(), SocketError> {
    let mode = if shared { 0o711 } else { 0o700 };
    let outcome = DirBuilder::new().recursive(true).mode(mode).create(directory);
    outcome.map_err(system("make", directory))?;
    let found = fs::metadata(directory).map_err(system("look at", directory))?;
    if found.mode() & 0o022 != 0 {
        return Err(SocketError::Open(directory.to_owned()));
    }
    Ok(())
}

/// Removes the socket of an earlier life, and nothing else.
async fn make_room(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system("look at", path)(error)),
        Ok(found) if !found.file_type().is_socket() => Err(SocketError::Strange(path.to_owned())),
        // Never waits: a listener that is too busy to be reached is one.
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(SocketError::Taken(path.to_owned()))
            }
            Ok(_) => Err(SocketError::Taken(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(system("remove", path))
            }
            Err(error) => Err(system("connect to", path)(error)),
        },
    }
}

fn listen(path: &Path, shared: bool) -> Result<(UnixListener, Made), SocketError> {
    let listener = UnixListener::bind(path).map_err(system("listen at", path))?;
    // Whoever came before this is asked who he is like everybody else.
    let mode = if shared { 0o666 } else { 0o600 };
    let changed = fs::set_permissions(path, Permissions::from_mode(mode));
    changed.map_err(system("close to others", path))?;
    let file = file(path).map_err(system("look at", path))?;
    Ok((listener, file))
}

fn file(path: &Path) -> io::Result<Made> {
    let found = fs::symlink_metadata(path)?;
    Ok(Made { inode: found.ino(), uid: found.uid() })
}
