//! Certificates, keys and their like as files that HAProxy reads: which there are, and which content
//! each has. The content itself is never in here. Pure.

use std::path::{Path, PathBuf};

use evenkeel_model::tls::{MaterialId, MaterialKind, Slot, TlsOwner};
use evenkeel_vault::{Piece, Secret};
use serde::{Deserialize, Serialize};

use crate::command::Command;

/// The longest content that goes through the runtime socket: with the command before it, it must fit
/// into one of HAProxy's buffers of 16 KiB.
const LONGEST: usize = 15 * 1024;

/// A file below [`Site::secrets`](evenkeel_driver::Site::secrets).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    /// What it is for.
    pub slot: Slot,
    /// Where it is. The certificate for whoever names no host, authorities and revocations stay where
    /// they are whatever their content; any other certificate is where its content is.
    pub path: PathBuf,
    /// Which content it has.
    pub id: MaterialId,
    /// Whether its content can go through the runtime socket.
    pub is_sendable: bool,
}

impl SecretFile {
    /// The file of a slot in a directory. `is_default` is for the first certificate of its owner.
    pub(crate) fn of(directory: &Path, slot: Slot, piece: &Piece, is_default: bool) -> Self {
        let owner = slot.owner.uuid();
        let name = match slot.kind {
            MaterialKind::Certificate if is_default => format!("{owner}.pem"),
            MaterialKind::Certificate => format!("{owner}.{}.pem", piece.id),
            MaterialKind::Authorities => format!("{owner}.authorities.pem"),
            MaterialKind::Revocations => format!("{owner}.revocations.pem"),
        };
        let is_sendable = is_sendable(&piece.pem);
        Self { slot, path: directory.join(name), id: piece.id, is_sendable }
    }

    /// The name without its directory, by which the configuration calls it.
    pub(crate) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// A blank line would end the content, and what follows would be taken for commands.
fn is_sendable(pem: &Secret) -> bool {
    let text = pem.expose();
    let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let lines = text.strip_suffix(b"\n").map(|text| text.split(|byte| *byte == b'\n'));
    text.len() <= LONGEST && lines.is_some_and(|mut lines| !lines.any(is_blank))
}

/// The certificates that one listener chooses from, as a file of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateList<'a> {
    pub(crate) path: PathBuf,
    certificates: Vec<&'a SecretFile>,
}

impl<'a> CertificateList<'a> {
    /// The list of a listener; `None` if it has no certificate, or for a pool, which needs none.
    pub(crate) fn of(material: &'a [SecretFile]) -> Option<Self> {
        let certificates: Vec<_> = certificates(material).collect();
        let first = certificates.first()?;
        match first.slot.owner {
            TlsOwner::Listener(_) => {
                Some(Self { path: first.path.with_extension("list"), certificates })
            }
            TlsOwner::Pool(_) => None,
        }
    }

    /// What is in the file.
    pub(crate) fn text(&self) -> String {
        let names: Vec<&str> = self.certificates.iter().map(|file| file.name()).collect();
        names.join("\n") + "\n"
    }
}

fn certificates(material: &[SecretFile]) -> impl Iterator<Item = &SecretFile> {
    material.iter().filter(|file| file.slot.kind == MaterialKind::Certificate)
}

fn judges(material: &[SecretFile]) -> impl Iterator<Item = &SecretFile> {
    material.iter().filter(|file| file.slot.kind != MaterialKind::Certificate)
}

/// The commands that give a listener other material; `None` if commands do not lead there.
///
/// Sessions of clients with certificates are never resumed, so that whoever is revoked is refused
/// from the next connection on.
pub(crate) fn of_listener(old: &[SecretFile], new: &[SecretFile]) -> Option<Vec<Command>> {
    if old == new {
        return Some(Vec::new());
    }
    let list = CertificateList::of(new)?.path;
    let mut commands = Vec::new();
    let (was, is) = (certificates(old).next()?, certificates(new).next()?);
    // Who comes comes before who goes, so that no host is ever without its certificate.
    for file in certificates(new).skip(1) {
        if !certificates(old).skip(1).any(|it| it.path == file.path) {
            commands.push(Command::AddCertificate(list.clone(), sendable(file)?));
        }
    }
    if was.id != is.id {
        commands.push(Command::Replace(sendable(is)?));
    }
    for file in other_judges(old, new)? {
        commands.push(Command::Replace(sendable(file)?));
    }
    for file in certificates(old).skip(1) {
        if !certificates(new).skip(1).any(|it| it.path == file.path) {
            commands.push(Command::RemoveCertificate(list.clone(), file.clone()));
        }
    }
    Some(commands)
}

/// The same for a pool. HAProxy goes on with the authorities and revocations that it knew when it
/// began to serve, whatever it is told: those need another process.
pub(crate) fn of_pool(old: &[SecretFile], new: &[SecretFile]) -> Option<Vec<Command>> {
    let content = |files: &[SecretFile]| judges(files).map(|file| file.id).collect::<Vec<_>>();
    if content(old) != content(new) {
        return None;
    }
    match (certificates(old).next(), certificates(new).next()) {
        (Some(was), Some(is)) if was.id != is.id => Some(vec![Command::Replace(sendable(is)?)]),
        (Some(_), Some(_)) | (None, None) => Some(Vec::new()),
        (Some(_), None) | (None, Some(_)) => None,
    }
}

/// What clients are judged by and has another content. With two of them there would be a moment in
/// which nobody is let in, as authorities and revocations belong together: `None`, as if one comes
/// or goes.
fn other_judges<'a>(old: &[SecretFile], new: &'a [SecretFile]) -> Option<Vec<&'a SecretFile>> {
    let is_there =
        |file: &SecretFile| judges(old).any(|it| (&it.path, it.id) == (&file.path, file.id));
    let others: Vec<_> = judges(new).filter(|file| !is_there(file)).collect();
    let as_many = judges(old).count() == judges(new).count();
    (as_many && others.len() < 2).then_some(others)
}

fn sendable(file: &SecretFile) -> Option<SecretFile> {
    file.is_sendable.then(|| file.clone())
}
