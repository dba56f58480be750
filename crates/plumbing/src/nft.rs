//! Rules for packets, by the `nft` program: its language is the one that is documented and stays.

mod generation;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::change::change;
use crate::program::{Ended, Lifetime, Program};
use crate::{Confinement, Namespace};

pub use generation::generation;

/// Where distributions have the program.
const PLACES: [&str; 3] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];

/// How long it may take. It needs some 30 ms.
const DEADLINE: Duration = Duration::from_secs(10);

/// The rules of a table, as the kernel has them; `None` if there is no such table.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] if the program is not installed; the system's.
pub async fn listing(namespace: &Namespace, table: &str) -> io::Result<Option<String>> {
    let ended = nft(namespace, ["list", "table", "inet", table].map(OsString::from)).await?;
    if ended.succeeded {
        return Ok(Some(ended.said));
    }
    if ended.said.contains("No such file or directory") { Ok(None) } else { Err(failure(&ended)) }
}

/// Replaces a table by one with these rules, in one step: there is always one of them.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] if the program is not installed; the system's.
pub async fn replace(namespace: &Namespace, table: &str, rules: &str) -> io::Result<()> {
    change("replace rules")?;
    let text = format!(
        "table inet {table} {{ }}; delete table inet {table}; table inet {table} {{ {rules} }}"
    );
    done(&nft(namespace, [OsString::from(text)]).await?)
}

/// Deletes a table; also if it is not there.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] if the program is not installed; the system's.
pub async fn delete(namespace: &Namespace, table: &str) -> io::Result<()> {
    change("delete rules")?;
    let text = format!("table inet {table} {{ }}; delete table inet {table}");
    done(&nft(namespace, [OsString::from(text)]).await?)
}

async fn nft<const N: usize>(namespace: &Namespace, words: [OsString; N]) -> io::Result<Ended> {
    let path = PLACES.into_iter().map(Path::new).find(|it| it.exists());
    let path = path.ok_or(io::ErrorKind::NotFound)?.to_owned();
    let namespace = Some(namespace.clone());
    let program = Program {
        path,
        arguments: words.into(),
        directory: PathBuf::from("/"),
        lifetime: Lifetime::WithParent,
        confinement: Confinement { namespace, ..Confinement::default() },
    };
    program.run(DEADLINE).await
}

fn done(ended: &Ended) -> io::Result<()> {
    if ended.succeeded { Ok(()) } else { Err(failure(ended)) }
}

fn failure(ended: &Ended) -> io::Error {
    io::Error::other(format!("nft: {}", ended.said))
}
