//! Descriptors that the runtime watches.
#![expect(unsafe_code, reason = "the runtime must be promised that a descriptor stays open")]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// Lets the runtime watch `descriptor`.
pub(crate) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by the value that is registered, which closes it only after
    // it has been taken back from the runtime; `as_raw_fd` of an `OwnedFd` never changes.
    unsafe { AsyncFd::register(descriptor) }.map_err(Into::into)
}
