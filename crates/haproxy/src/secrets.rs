//! The files of a site that hold keys and certificates: in memory, and for their owner only.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use evenkeel_driver::{DriverError, Site};
use evenkeel_plumbing::file;
use evenkeel_vault::{Material, Secret};

use crate::configuration::Configuration;
use crate::instance::disk;
use crate::record::off_runtime;

/// Why what a configuration needs is not there.
#[derive(Debug, thiserror::Error)]
enum SecretsError {
    /// What is written there could reach a disk.
    #[error("the directory for keys is not on a file system in memory")]
    NotInMemory,
    /// Somebody else could read what is written there, or put a link in its place.
    #[error("the directory for keys is, or can be made, another user's")]
    NotPrivate,
    /// The system refused.
    #[error("a file that holds a certificate or key could not be written")]
    Unwritable(#[source] io::Error),
}

/// The files of one site.
#[derive(Debug)]
pub(crate) struct Secrets<'a> {
    directory: &'a Path,
}

impl<'a> Secrets<'a> {
    pub(crate) fn of(site: &'a Site) -> Self {
        Self { directory: &site.secrets }
    }

    /// Sees to it that all files are there that `wanted` needs, with the content that `material`
    /// has. What other configurations need stays there, too.
    pub(crate) async fn provide(
        &self,
        wanted: &Configuration,
        material: &Material,
    ) -> Result<(), DriverError> {
        let files = contents(wanted, material);
        if files.is_empty() {
            return Ok(());
        }
        let directory = self.directory.to_owned();
        let written = off_runtime(move || Ok(write_all(&directory, &files))).await;
        written.map_err(disk)?.map_err(unprovidable)
    }

    /// Whether there may be any.
    pub(crate) fn are_there(&self) -> bool {
        self.directory.exists()
    }

    /// Removes what `wanted` does not need.
    pub(crate) async fn keep_only(&self, wanted: &Configuration) -> io::Result<()> {
        let lists = wanted.certificate_lists().map(|list| list.path);
        let needed: Vec<PathBuf> =
            wanted.material().map(|file| file.path.clone()).chain(lists).collect();
        let directory = self.directory.to_owned();
        off_runtime(move || remove_others(&directory, &needed)).await
    }

    /// Removes all of it, and the directory.
    pub(crate) async fn clear(&self) -> io::Result<()> {
        let directory = self.directory.to_owned();
        off_runtime(move || remove_others(&directory, &[])).await
    }
}

/// What shall be in which file. The lists come last, as they name the others.
fn contents(wanted: &Configuration, material: &Material) -> Vec<(PathBuf, Secret)> {
    let pieces = wanted.material().filter_map(|file| {
        material.get(&file.slot).map(|piece| (file.path.clone(), piece.pem.clone()))
    });
    let lists = wanted.certificate_lists();
    let lists = lists.map(|list| (list.path.clone(), Secret::new(list.text().into_bytes())));
    pieces.chain(lists).collect()
}

fn write_all(directory: &Path, files: &[(PathBuf, Secret)]) -> Result<(), SecretsError> {
    make(directory)?;
    for (path, content) in files {
        let there = fs::read(path).map(Secret::new);
        if there.is_ok_and(|there| there == *content) {
            continue;
        }
        file::replace(path, content.expose()).map_err(SecretsError::Unwritable)?;
    }
    Ok(())
}

/// Makes the directory, or closes one of ours that is open to others.
fn make(directory: &Path) -> Result<(), SecretsError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(SecretsError::Unwritable)?;
    // Where everybody can write, as in /dev/shm, somebody else may have been here first.
    if !file::is_ours_alone(directory).map_err(SecretsError::Unwritable)? {
        return Err(SecretsError::NotPrivate);
    }
    let closed = fs::set_permissions(directory, Permissions::from_mode(0o700));
    closed.map_err(SecretsError::Unwritable)?;
    let is_in_memory = file::is_in_memory(directory).map_err(SecretsError::Unwritable)?;
    if is_in_memory { Ok(()) } else { Err(SecretsError::NotInMemory) }
}

/// Removes all files but those needed, and the directory if it is empty then.
fn remove_others(directory: &Path, needed: &[PathBuf]) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if !needed.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    if needed.is_empty() { fs::remove_dir(directory) } else { Ok(()) }
}

fn unprovidable(error: SecretsError) -> DriverError {
    match error {
        SecretsError::NotInMemory => DriverError::Unavailable {
            attempt: "could not keep keys, because their directory is not in memory".to_owned(),
            cure: "the operator lets `secrets_directory` be one on a tmpfs, as /run/evenkeel"
                .to_owned(),
            source: None,
        },
        SecretsError::NotPrivate => DriverError::Unavailable {
            attempt: "could not keep keys, because others can replace their directory".to_owned(),
            cure: "the operator removes it from the agent's `secrets_directory`, or lets that be \
                   a directory in which only the agent can write"
                .to_owned(),
            source: None,
        },
        SecretsError::Unwritable(source) => disk(source),
    }
}
