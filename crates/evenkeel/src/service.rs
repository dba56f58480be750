//! What every service of ours does: log, say that it is ready, and end when it is told to.

use std::env;
use std::fs::DirBuilder;
use std::io::{self, IsTerminal};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Logs go to standard error. `RUST_LOG` says what is logged, otherwise `filter`.
///
/// # Errors
///
/// `filter` is none.
pub(crate) fn log(filter: &str) -> anyhow::Result<()> {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => EnvFilter::try_new(filter)
            .with_context(|| format!("log: {filter} is no filter; say info or debug"))?,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    lines.with_ansi(io::stderr().is_terminal()).init();
    Ok(())
}

/// Makes a directory for nobody else, if it is not there.
///
/// # Errors
///
/// The system's.
pub(crate) fn make_directory(directory: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| {
        format!("could not make {}; choose a directory that can be written", directory.display())
    })
}

/// The word to end, which is heard from the moment this is made: before anybody is told that the
/// service is ready, who may then say it at once.
#[derive(Debug)]
pub(crate) struct Stop {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Listens, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when the process was told to end.
    pub(crate) async fn said(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says in one line that the service is ready, and tells whoever supervises it.
pub(crate) fn ready(line: &str) {
    say(line);
    tell("READY=1");
}

/// Tells whoever supervises the service that it is ending.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

#[expect(clippy::print_stdout, reason = "the one line of a service that is ready")]
fn say(line: &str) {
    println!("{line}");
}

/// The protocol of `sd_notify(3)`. Nobody waits for us if it fails, or it will be said anyhow.
fn tell(word: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    let bytes = path.as_encoded_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let told = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(word.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, word, "the supervisor was not told");
    }
}
