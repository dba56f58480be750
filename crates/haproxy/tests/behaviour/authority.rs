//! Authorities: what they sign, and what they revoke; and what slots hold of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_model::tls::{MaterialId, MaterialKind, Slot, TlsOwner};
use evenkeel_plumbing::{Confinement, Lifetime, Program};
use evenkeel_vault::fixtures::{self, Algorithm, Identity, Request};
use evenkeel_vault::{Material, Piece, Secret};
use tempfile::NamedTempFile;
use uuid::Uuid;

/// How long a program may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a script says on both channels, whatever its end.
pub(crate) async fn shell(directory: &Path, script: &str) -> String {
    let program = Program {
        path: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into()],
        directory: directory.to_owned(),
        lifetime: Lifetime::WithParent,
        confinement: Confinement::default(),
    };
    program.run(PATIENCE).await.unwrap().said
}

/// Somebody who signs certificates.
pub(crate) struct Authority(fixtures::Authority);

/// A certificate with its key, and both in a file.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) identity: Identity,
    pub(crate) file: NamedTempFile,
}

impl Issued {
    fn of(identity: Identity) -> Self {
        let mut file = NamedTempFile::new_in("/dev/shm").unwrap();
        file.write_all(identity.pem().as_bytes()).unwrap();
        Self { identity, file }
    }

    /// Both, as HAProxy wants them.
    pub(crate) fn pem(&self) -> String {
        self.identity.pem()
    }

    /// Where they are.
    pub(crate) fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self(fixtures::Authority::new(name))
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.certificate().to_owned()
    }

    /// A certificate for a host.
    pub(crate) fn server(&self, host: &str) -> Issued {
        Issued::of(self.0.server(&[host]))
    }

    /// A certificate for a client; the name may go on with other fields, as `alice/OU=sales`.
    pub(crate) fn client(&self, name: &str) -> Issued {
        Issued::of(self.0.client(name))
    }

    /// A certificate for any host with a key of this kind, and the key.
    pub(crate) fn with_key(&self, algorithm: Algorithm) -> String {
        let request = Request { algorithm, ..Request::server(&["www.example"]) };
        self.0.certify(&request).pem()
    }

    /// An authority that this one has certified.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        Self(self.0.intermediate(name))
    }

    /// A list of what is revoked.
    pub(crate) fn revoke(&self, revoked: &[&Issued]) -> String {
        let revoked: Vec<&Identity> = revoked.iter().map(|issued| &issued.identity).collect();
        self.0.revocations(&revoked)
    }
}

/// What slots hold, said briefly.
#[derive(Clone, Default)]
pub(crate) struct Held {
    pieces: BTreeMap<Slot, (u128, String)>,
    given: u128,
}

impl Held {
    /// Puts another content into a slot.
    pub(crate) fn put(
        &mut self,
        owner: impl Into<TlsOwner>,
        kind: MaterialKind,
        reference: &str,
        pem: impl Into<String>,
    ) {
        self.given += 1;
        let reference = reference.to_owned().try_into().unwrap();
        let slot = Slot { owner: owner.into(), kind, reference };
        self.pieces.insert(slot, (self.given, pem.into()));
    }

    pub(crate) fn material(&self) -> Material {
        let piece = |(slot, (id, pem)): (&Slot, &(u128, String))| {
            let id = MaterialId::new(Uuid::from_u128((0xcc << 96) | *id));
            (slot.clone(), Piece { id, pem: Secret::new(pem.clone().into_bytes()) })
        };
        self.pieces.iter().map(piece).collect()
    }
}
