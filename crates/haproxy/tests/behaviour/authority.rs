//! Authorities, made by openssl: what they sign, and what they revoke.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_model::tls::{MaterialId, MaterialKind, Slot, TlsOwner};
use evenkeel_plumbing::{Lifetime, Program};
use evenkeel_vault::{Material, Piece, Secret};
use tempfile::TempDir;
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
    };
    program.run(PATIENCE).await.unwrap().said
}

/// Somebody who signs certificates, in a directory of his own.
pub(crate) struct Authority {
    directory: Arc<TempDir>,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// Where both are in one file.
    pub(crate) file: PathBuf,
    _directory: Arc<TempDir>,
}

impl Issued {
    /// Both, as HAProxy wants them.
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl Authority {
    pub(crate) async fn new(name: &str) -> Self {
        let directory = Arc::new(tempfile::tempdir_in("/dev/shm").unwrap());
        let script = format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
             -out ca.pem -subj '/CN={name}' -days 30 && : > index.txt && echo 01 > crlnumber && \
             printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\n\
             default_md=sha256\\ndefault_crl_days=30\\n' > ca.cnf"
        );
        let said = shell(directory.path(), &script).await;
        assert!(directory.path().join("ca.cnf").exists(), "{said}");
        Self { directory }
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> String {
        fs::read_to_string(self.directory.path().join("ca.pem")).unwrap()
    }

    /// A certificate for a distinguished name as `/O=a/CN=b` and a host.
    pub(crate) async fn issue(&self, subject: &str, host: &str) -> Issued {
        let name = Uuid::new_v4();
        let script = format!(
            "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key \
             -out {name}.csr -subj \"{subject}\" && printf 'subjectAltName=DNS:{host}\\n' > \
             {name}.ext && openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key \
             -set_serial 0x$(openssl rand -hex 8) -days 30 -out {name}.crt -extfile {name}.ext && \
             cat {name}.crt {name}.key > {name}.pem"
        );
        let said = shell(self.directory.path(), &script).await;
        let read = |suffix: &str| {
            let path = self.directory.path().join(format!("{name}.{suffix}"));
            fs::read_to_string(path).unwrap_or_else(|_| panic!("{said}"))
        };
        let file = self.directory.path().join(format!("{name}.pem"));
        Issued {
            certificate: read("crt"),
            key: read("key"),
            file,
            _directory: Arc::clone(&self.directory),
        }
    }

    /// A list of what is revoked: this and all before.
    pub(crate) async fn revoke(&self, revoked: &[&Issued]) -> String {
        let ca = "openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem";
        let revoke = |issued: &&Issued| format!("{ca} -revoke {} && ", issued.file.display());
        let script: Vec<String> = revoked.iter().map(revoke).collect();
        let script = format!("{}{ca} -gencrl -out crl.pem", script.concat());
        let said = shell(self.directory.path(), &script).await;
        let path = self.directory.path().join("crl.pem");
        fs::read_to_string(path).unwrap_or_else(|_| panic!("{said}"))
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
