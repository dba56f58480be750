//! The socket that a HAProxy tells its lines to, in its jail.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::os::unix::net;
use std::path::Path;

use tokio::net::UnixDatagram;

use crate::jail::Jail;

/// Its name.
const LOG_SOCKET: &str = "log.sock";

/// Makes it, in the place of an earlier one: only its user can send there.
pub(super) fn bind(site: &Path, user: Option<u32>) -> io::Result<UnixDatagram> {
    let jail = File::open(Jail::of(site, user).path())?;
    // The path of a socket may have 107 bytes; through an open directory it is short.
    let place = format!("/proc/self/fd/{}/{LOG_SOCKET}", jail.as_raw_fd());
    let staged = format!("{place}.new");
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = net::UnixDatagram::bind(&staged)?;
    socket.set_nonblocking(true)?;
    fs::set_permissions(&staged, Permissions::from_mode(0o600))?;
    if let Some(user) = user {
        lchown(&staged, Some(user), Some(user))?;
    }
    fs::rename(&staged, &place)?;
    UnixDatagram::from_std(socket)
}
